"""A network as the manifest writes it."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.network import rules
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, IPv4, Mac, Subnet

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
    str, BeforeValidator(_dns_name), WithJsonSchema({"type": "string", "examples": ["gw.shop.lan"]})
]
BridgeName = Annotated[str, BeforeValidator(_bridge), WithJsonSchema({"type": "string", "examples": ["br0"]})]


class HostReservation(Model):
    """An address that one NIC always gets."""

    later: ClassVar[frozenset[str]] = frozenset({"id"})

    mac: Mac
    """The NIC's MAC address."""
    ip: IPv4
    """The address it gets."""
    name: DnsName | None = None
    """The host name it gets, and that DNS answers to."""


class DhcpSpec(Model):
    """What the network's DHCP server hands out."""

    later: ClassVar[frozenset[str]] = frozenset({"bootp", "tftp", "ranges", "options"})

    start: IPv4 | None = None
    """First address of the range."""
    end: IPv4 | None = None
    """Last address of the range."""
    lease: Duration | None = None
    """How long a lease lasts; dnsmasq's one hour when not given."""
    hosts: tuple[HostReservation, ...] = ()
    """Reservations."""

    @field_validator("lease")
    @classmethod
    def _long_enough(cls, lease: int | None) -> int | None:
        if lease is not None and lease < _MIN_LEASE:
            raise PydanticCustomError("lease", "a lease must last at least 2 minutes")
        return lease


class DnsSpec(Model):
    """What the network's DNS server answers."""

    later: ClassVar[frozenset[str]] = frozenset({"forwarders", "txt", "srv", "enabled"})

    hosts: dict[IPv4, Annotated[tuple[DnsName, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Names of an address."""


class NetworkSpec(Model):
    """A virtual network."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"ipv6", "vlan", "portgroups", "virtualport", "bandwidth", "routes", "nat", "dev", "stp", "mac"}
    )

    mode: Annotated[Literal["nat", "isolated", "route", "open", "bridge"], BeforeValidator(_mode)] = "nat"
    """How guests reach the world: through NAT, not at all, routed by the host, routed without
    firewall rules of libvirt's, or on an existing bridge of the host."""
    subnet: Subnet | None = None
    """The network's IPv4 addresses."""
    gateway: IPv4 | None = None
    """The host's own address; the first of the subnet when not given."""
    dhcp: DhcpSpec | None = None
    """DHCP server; none when not given."""
    dns: DnsSpec | None = None
    """Names that the network's DNS server knows besides those of its leases."""
    domain: DnsName | None = None
    """DNS domain of the guests."""
    mtu: Annotated[int, Field(ge=68, le=65521, strict=True)] | None = None
    """Largest packet, in bytes."""
    bridge: BridgeName | None = None
    """The host bridge that mode `bridge` uses."""
    autostart: bool | None = None
    """Start with the host; at creation true."""
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
