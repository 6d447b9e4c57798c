"""What a network does with its ports: VLANs, bandwidth, virtual ports, portgroups; and its routes, NAT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kvmspec.kinds.network.values import Address, DnsName, Duid, IPv6, Lease, RouteTarget, Subnet6
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
    trust_guest_rx_filters: bool | None = Field(None, examples=[True])
    """Whether guests may change the MACs and filters of macvtaps of its."""
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
    ipv6: bool | None = Field(None, examples=[True])
    """Whether IPv6 is translated too; else it is routed."""


class RouteSpec(Model):
    """A network behind one of the guests."""

    examples: ClassVar[Sequence[Any]] = ({"to": "10.80.0.0/16", "via": "192.168.150.2"},)
    least: ClassVar[frozenset[str]] = frozenset({"to", "via"})

    to: RouteTarget
    """Where it leads."""
    via: Address
    """The guest that is the way there: an address on this network."""
    metric: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(None, examples=[2])
    """Of two routes the one with the lower metric is taken."""

    @property
    def mask(self) -> tuple[str, str]:
        """Attribute and value of its mask: libvirt keeps either form."""
        text = self.to.partition("/")[2]
        return ("netmask" if "." in text else "prefix"), text


class HostReservation6(Model):
    """An IPv6 address that one guest always gets."""

    examples: ClassVar[Sequence[Any]] = (
        {"id": "0:3:0:1:52:54:0:0:0:a", "ip": "fd00:150::10", "name": "web"},
        {"name": "db", "ip": "fd00:150::11"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"ip", "name"})

    id: Duid | None = None
    """The DUID by which the guest says who it is."""
    name: DnsName | None = None
    """The host name it gets, and that DNS answers to; without `id` the one it says."""
    ip: IPv6
    """The address it gets."""
    lease: Lease | None = None
    """How long it has it; as long as others when not given."""


class Range6(Model):
    """What the network's DHCPv6 server hands out."""

    examples: ClassVar[Sequence[Any]] = (
        {"start": "fd00:150::100", "end": "fd00:150::1ff"},
        {"hosts": [{"name": "db", "ip": "fd00:150::11"}]},
    )
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: IPv6 | None = None
    """First address of the range; needs `end`."""
    end: IPv6 | None = None
    """Last address of the range; needs `start`."""
    lease: Lease | None = None
    """How long a lease lasts; dnsmasq's one hour when not given."""
    hosts: tuple[HostReservation6, ...] = ()
    """Reservations: addresses that certain guests always get."""


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
    local_ptr: bool | None = Field(None, examples=[True])
    """Whether no other server is asked for the names of its IPv6 addresses."""
