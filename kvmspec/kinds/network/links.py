"""What a network does with its ports: VLANs, bandwidth, virtual ports, portgroups; and its routes, NAT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kvmspec.kinds.network.values import Address, AnySubnet, IPv6, Subnet6
from kvmspec.kinds.ports import TrafficSpec, VirtualPortSpec, VlanSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import IPv4

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class BandwidthSpec(Model):
    """Limits of traffic, seen from the guests: `inbound` is what they receive."""

    examples: ClassVar[Sequence[Any]] = (
        {"inbound": {"average": "100MB"}, "outbound": {"average": "50MB", "peak": "80MB", "burst": "2MiB"}},
    )

    inbound: TrafficSpec | None = None
    """What the guests receive."""
    outbound: TrafficSpec | None = None
    """What the guests send."""


class PortGroupSpec(Model):
    """A class of ports: the interfaces that name it get its settings when they are attached."""

    examples: ClassVar[Sequence[Any]] = (
        {"vlan": 10, "default": True, "virtualport": "openvswitch"},
        {"bandwidth": {"inbound": {"average": "10MB"}}},
    )

    default: bool = False
    """Whether it is for interfaces that name none. One at the most."""
    vlan: VlanSpec | None = None
    """The VLAN of its ports."""
    bandwidth: BandwidthSpec | None = None
    """Limits for each of its ports."""
    virtualport: VirtualPortSpec | None = None
    """The switch its ports are on."""


class PortRange(Model):
    """A range of ports."""

    examples: ClassVar[Sequence[Any]] = ({"start": 2000, "end": 3000},)
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: Port
    """The first."""
    end: Port
    """The last."""


class AddressRange(Model):
    """A range of addresses."""

    examples: ClassVar[Sequence[Any]] = ({"start": "203.0.113.10", "end": "203.0.113.12"},)
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: IPv4
    """The first."""
    end: IPv4
    """The last."""


class NatSpec(Model):
    """How addresses are translated."""

    examples: ClassVar[Sequence[Any]] = ({"ports": {"start": 2000, "end": 3000}}, {"ipv6": True})

    ports: PortRange | None = None
    """The host's ports to use; 1024 to 65535 when not given."""
    addresses: AddressRange | None = None
    """The host's addresses to use; that of the way out when not given."""
    ipv6: bool = False
    """Whether IPv6 is translated too; else it is routed."""


class RouteSpec(Model):
    """A network behind one of the guests."""

    examples: ClassVar[Sequence[Any]] = ({"to": "10.80.0.0/16", "via": "192.168.150.2"},)
    least: ClassVar[frozenset[str]] = frozenset({"to", "via"})

    to: AnySubnet
    """Where it leads."""
    via: Address
    """The guest that is the way there: an address on this network."""
    metric: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(None, examples=[2])
    """Of two routes the one with the lower metric is taken."""


class Range6(Model):
    """A range of IPv6 addresses."""

    examples: ClassVar[Sequence[Any]] = ({"start": "fd00:150::100", "end": "fd00:150::1ff"},)
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: IPv6
    """First address of the range."""
    end: IPv6
    """Last address of the range."""


class Ipv6Spec(Model):
    """The network's IPv6 addresses."""

    examples: ClassVar[Sequence[Any]] = ({"subnet": "fd00:150::/64"},)
    least: ClassVar[frozenset[str]] = frozenset({"subnet"})

    subnet: Subnet6
    """Its addresses; a /64 where guests are to choose theirs by themselves."""
    gateway: IPv6 | None = Field(None, examples=["fd00:150::fe"])
    """The host's own address on it; the first one when not given."""
    dhcp: Range6 | None = None
    """What its DHCPv6 server hands out; guests choose their addresses by themselves when not given."""
