"""A network as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.network import rules
from kvmspec.kinds.network.dns import DnsSpec
from kvmspec.kinds.network.links import (
    BandwidthSpec,
    Ipv6Spec,
    NatSpec,
    PortGroupSpec,
    RouteSpec,
)
from kvmspec.kinds.network.values import BridgeName, DeviceName, DnsName, GroupName
from kvmspec.kinds.parts import Uuid
from kvmspec.kinds.ports import VirtualPortSpec, VlanSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, IPv4, Mac, Subnet

Mode = Literal["nat", "isolated", "route", "open", "bridge", "macvtap"]

_PREFIXES = range(8, 31)
_MIN_LEASE = 120  # libvirt's own limit: "The minimum lease time should be greater than 2 minutes"


def _mode(value: Any) -> Any:
    if value == "sriov":
        raise PydanticCustomError(
            "not_built",
            "`{field}` is part of the format, but this version does not support it yet",
            {"field": value},
        )
    return value


class HostReservation(Model):
    """An address that one NIC always gets."""

    later: ClassVar[frozenset[str]] = frozenset({"id"})
    examples: ClassVar[Sequence[Any]] = ({"mac": "52:54:00:00:00:0a", "ip": "192.168.150.10", "name": "web"},)
    least: ClassVar[frozenset[str]] = frozenset({"mac", "ip"})

    mac: Mac
    """The NIC's MAC address."""
    ip: IPv4
    """The address it gets."""
    name: DnsName | None = None
    """The host name it gets, and that DNS answers to."""


class DhcpSpec(Model):
    """What the network's DHCP server hands out."""

    later: ClassVar[frozenset[str]] = frozenset({"bootp", "tftp", "ranges", "options"})
    examples: ClassVar[Sequence[Any]] = (
        {"start": "192.168.150.100", "end": "192.168.150.199", "lease": "12h"},
        {"hosts": [{"mac": "52:54:00:00:00:0a", "ip": "192.168.150.10", "name": "web"}]},
    )
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: IPv4 | None = None
    """First address of the range; needs `end`."""
    end: IPv4 | None = None
    """Last address of the range; needs `start`."""
    lease: Duration | None = None
    """How long a lease lasts, at least 2m; dnsmasq's one hour when not given."""
    hosts: tuple[HostReservation, ...] = ()
    """Reservations: addresses that certain NICs always get."""

    @field_validator("lease")
    @classmethod
    def _long_enough(cls, lease: int | None) -> int | None:
        if lease is not None and lease < _MIN_LEASE:
            raise PydanticCustomError("lease", "a lease must last at least 2 minutes")
        return lease


class NetworkSpec(Model):
    """A virtual network."""

    later: ClassVar[frozenset[str]] = frozenset({"stp", "mac"})
    examples: ClassVar[Sequence[Any]] = (
        {
            "subnet": "192.168.150.0/24",
            "dhcp": {"start": "192.168.150.100", "end": "192.168.150.199"},
            "domain": "shop.lan",
        },
        {"mode": "bridge", "bridge": "br0", "vlan": 42, "virtualport": "openvswitch"},
        {"mode": "macvtap", "interfaces": ["eno1", "eno2"], "macvtap_mode": "vepa"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"mode", "subnet", "bridge", "interfaces"})

    mode: Annotated[
        Literal["nat", "isolated", "route", "open", "bridge", "macvtap"], BeforeValidator(_mode)
    ] = "nat"
    """How guests reach the world: through NAT, not at all (`isolated`), routed by the host, routed
    without firewall rules of libvirt's (`open`), on an existing bridge of the host, or each on a
    macvtap of one of the host's interfaces."""
    subnet: Subnet | None = None
    """The network's IPv4 addresses, /8 to /30. Required for `nat`, `route` and `open`."""
    gateway: IPv4 | None = Field(None, examples=["192.168.150.254"])
    """The host's own address on it."""
    ipv6: Ipv6Spec | None = None
    """Its IPv6 addresses."""
    dhcp: DhcpSpec | None = None
    """Its DHCP server; none when not given. It also gives the VMs on the network the `ip` that their
    interfaces state, and `dhcp: {}` nothing else."""
    dns: DnsSpec | None = None
    """Names that its DNS server knows besides those of its leases."""
    domain: DnsName | None = None
    """The DNS domain of the guests."""
    mtu: Annotated[int, Field(ge=68, le=65521, strict=True)] | None = Field(None, examples=[1450])
    """Largest packet, in bytes."""
    bridge: BridgeName | None = None
    """The host's bridge, for mode `bridge` only; libvirt names those of the others."""
    dev: DeviceName | None = Field(None, examples=["eno1"])
    """The only interface of the host that guests reach the world by; for `nat` and `route`."""
    interfaces: tuple[DeviceName, ...] = Field((), examples=[["eno1", "eno2"]])
    """The host's interfaces, for mode `macvtap`: a guest that starts gets the one with the fewest guests."""
    macvtap_mode: Literal["bridge", "vepa", "private", "passthrough"] | None = None
    """How guests on one interface reach each other, for mode `macvtap`: `bridge` when not given."""
    nat: NatSpec | None = None
    """How mode `nat` translates addresses."""
    routes: tuple[RouteSpec, ...] = ()
    """Networks behind guests, as routes of the host."""
    bandwidth: BandwidthSpec | None = None
    """Limits of all its guests together."""
    vlan: VlanSpec | None = None
    """The VLAN of its ports; needs a switch that knows VLANs, such as Open vSwitch."""
    virtualport: VirtualPortSpec | None = None
    """The switch that the host's bridge is, where it is not the kernel's."""
    portgroups: dict[GroupName, PortGroupSpec] = Field(default_factory=dict)
    """Classes of ports, by name."""
    autostart: bool | None = Field(None, examples=[False])
    """Whether it starts with the host."""
    uuid: Uuid | None = None
    """Adopts the existing network of this UUID; only stated fields are then compared."""

    @field_validator("subnet")
    @classmethod
    def _sane(cls, subnet: str | None) -> str | None:
        if subnet is not None and IPv4Network(subnet).prefixlen not in _PREFIXES:
            raise PydanticCustomError("subnet", "a network's subnet is between /8 and /30")
        return subnet

    @model_validator(mode="after")
    def _fits(self) -> NetworkSpec:
        rules.enforce(self)
        return self

    @property
    def first_address(self) -> str | None:
        """The host's own address."""
        if self.subnet is None:
            return None
        return self.gateway or str(IPv4Network(self.subnet).network_address + 1)

    @property
    def first_address6(self) -> str | None:
        """The host's own IPv6 address."""
        if self.ipv6 is None:
            return None
        return self.ipv6.gateway or str(IPv6Network(self.ipv6.subnet).network_address + 1)

    @property
    def prefix6(self) -> int | None:
        """The length of the IPv6 subnet's prefix."""
        return IPv6Network(self.ipv6.subnet).prefixlen if self.ipv6 else None

    @property
    def forward_mode(self) -> str:
        """libvirt's own word: a macvtap network has the mode of its macvtaps."""
        return self.macvtap_mode or "bridge" if self.mode == "macvtap" else self.mode

    @property
    def netmask(self) -> str | None:
        """The subnet's mask, dotted."""
        return str(IPv4Network(self.subnet).netmask) if self.subnet else None
