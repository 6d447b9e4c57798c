"""Who gives a NIC the address it states: the DHCP server of its network, or cloud-init in the guest."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import NamedTuple, Protocol

from kvmspec.kinds.nics import Nic


class Reserved(Protocol):
    """An entry of a network's own `dhcp.hosts`."""

    @property
    def mac(self) -> str: ...
    @property
    def ip(self) -> str: ...
    @property
    def name(self) -> str | None: ...


class Dhcp(Protocol):
    @property
    def hosts(self) -> Sequence[Reserved]: ...


class Net(Protocol):
    """What addresses need to know of a network; kinds/network/spec.py tells each field."""

    @property
    def mode(self) -> str: ...
    @property
    def subnet(self) -> str | None: ...
    @property
    def gateway(self) -> str | None: ...
    @property
    def dhcp(self) -> Dhcp | None: ...
    @property
    def bridge(self) -> str | None: ...
    @property
    def uuid(self) -> str | None: ...
    @property
    def first_address(self) -> str | None: ...


class StaticAddress(NamedTuple):
    """What cloud-init is to set on a NIC: `192.168.1.20/24`, the router, the DNS servers."""

    cidr: str
    gateway: str | None
    nameservers: tuple[str, ...]


def plain(ip: str) -> str:
    """The address without its prefix."""
    return ip.partition("/")[0]


def by_dhcp(nic: Nic, net: Net | None) -> bool:
    """Whether a DHCP server that the manifest describes gives the NIC its address. `net` is the
    declared network the NIC is on."""
    return nic.ip is not None and net is not None and net.mode != "bridge" and net.dhcp is not None


def subnet_of(nic: Nic, net: Net | None) -> IPv4Network | None:
    """The subnet of a NIC with an address, by its network or by its own prefix; None where neither says."""
    if net is not None and net.mode != "bridge" and net.subnet is not None:
        return IPv4Network(net.subnet)
    return IPv4Network(nic.ip, strict=False) if nic.ip and "/" in nic.ip else None


def static_address(nic: Nic, net: Net | None) -> StaticAddress | None:
    """What cloud-init has to set on a NIC of a checked manifest; None leaves the NIC to DHCP.

    `net` is the declared network the NIC is on; None for a bridge, and for a network that the
    manifest does not declare. What the NIC does not state is what the network's DHCP would say:
    its own address as router (but isolated guests have none) and as DNS server.
    """
    subnet = subnet_of(nic, net)
    if nic.ip is None or subnet is None or by_dhcp(nic, net):
        return None
    own = own_address(net)
    router = own if net is not None and net.mode != "isolated" else None
    return StaticAddress(
        f"{plain(nic.ip)}/{subnet.prefixlen}",
        nic.gateway or router,
        nic.nameservers or ((own,) if own else ()),
    )


def own_address(net: Net | None) -> str | None:
    """The host's address on a declared network; None where it has none, or an adopted one keeps its own."""
    if net is None or net.mode == "bridge" or (net.uuid is not None and net.gateway is None):
        return None
    return net.first_address
