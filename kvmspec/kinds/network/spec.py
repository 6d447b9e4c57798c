"""A network as the manifest writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.network import rules
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, IPv4, Mac, Subnet, words

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_BRIDGE = re.compile(r"[A-Za-z0-9_.@-]{1,15}")  # the kernel's IFNAMSIZ less the final zero
_PREFIXES = range(8, 31)
_MIN_LEASE = 120  # libvirt's own limit: "The minimum lease time should be greater than 2 minutes"


def _dns_name(value: Any) -> str:
    if isinstance(value, str) and _DNS_NAME.fullmatch(value):
        return value
    raise PydanticCustomError("dns_name", "expected a DNS name such as gw.shop.lan")


def _bridge(value: Any) -> str:
    if isinstance(value, str) and _BRIDGE.fullmatch(value) and value not in (".", ".."):
        return value
    raise PydanticCustomError(
        "bridge", "expected the name of a bridge of the host, such as br0 (at most 15 characters)"
    )


def _mode(value: Any) -> Any:
    if value in ("macvtap", "sriov"):
        raise PydanticCustomError(
            "not_built",
            "`{field}` is part of the format, but this version does not support it yet",
            {"field": value},
        )
    return value


DnsName = Annotated[
    str,
    BeforeValidator(_dns_name),
    words({"type": "string", "examples": ["gw.shop.lan"]}, "DNS name", "a DNS name, such as gw.shop.lan"),
]
BridgeName = Annotated[
    str,
    BeforeValidator(_bridge),
    words({"type": "string", "examples": ["br0"]}, "bridge", "the name of a bridge, at most 15 characters"),
]


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


class DnsSpec(Model):
    """What the network's DNS server answers."""

    later: ClassVar[frozenset[str]] = frozenset({"forwarders", "txt", "srv", "enabled"})
    examples: ClassVar[Sequence[Any]] = ({"hosts": {"192.168.150.1": ["gw.shop.lan"]}},)

    hosts: dict[IPv4, Annotated[tuple[DnsName, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """The names of addresses."""


class NetworkSpec(Model):
    """A virtual network."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"ipv6", "vlan", "portgroups", "virtualport", "bandwidth", "routes", "nat", "dev", "stp", "mac"}
    )
    examples: ClassVar[Sequence[Any]] = (
        {
            "subnet": "192.168.150.0/24",
            "dhcp": {"start": "192.168.150.100", "end": "192.168.150.199"},
            "domain": "shop.lan",
        },
        {"mode": "bridge", "bridge": "br0"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"mode", "subnet", "bridge"})

    mode: Annotated[Literal["nat", "isolated", "route", "open", "bridge"], BeforeValidator(_mode)] = "nat"
    """How guests reach the world: through NAT, not at all (`isolated`), routed by the host, routed
    without firewall rules of libvirt's (`open`), or on an existing bridge of the host."""
    subnet: Subnet | None = None
    """The network's IPv4 addresses, /8 to /30. Required for `nat`, `route` and `open`."""
    gateway: IPv4 | None = Field(None, examples=["192.168.150.254"])
    """The host's own address on it."""
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
    def netmask(self) -> str | None:
        """The subnet's mask, dotted."""
        return str(IPv4Network(self.subnet).netmask) if self.subnet else None
