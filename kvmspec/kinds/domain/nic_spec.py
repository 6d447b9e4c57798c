"""An interface of a VM, as the manifest writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.ports import Burst, Rate, TrafficSpec, VirtualPortSpec, VlanSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import IPv4, IPv4Interface, Mac, Name, Text, words

_LINK = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # the kernel's IFNAMSIZ less the final zero
DRAWN = re.compile(r"(vnet|vif|macvtap|macvlan)\d")  # libvirt's own names: it forgets one that is stated
_PARAMETER = re.compile(r"[A-Za-z0-9_]{1,64}")
_VALUE = re.compile(r"[A-Za-z0-9_.:/-]{1,255}")


def _device(value: Any) -> str:
    if isinstance(value, str) and _LINK.fullmatch(value) and value not in (".", ".."):
        return value
    raise PydanticCustomError(
        "device", "expected the name of a network interface of the host, such as eno1 (at most 15 characters)"
    )


def _tap(name: str) -> str:
    if DRAWN.match(name):
        raise PydanticCustomError(
            "tap", "names such as vnet0 and macvtap0 are drawn by libvirt, which forgets a stated one"
        )
    return name


def _parameters(values: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Each parameter as a list of its values."""
    found = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in values.items()}
    for name, listed in found.items():
        if not _PARAMETER.fullmatch(name) or not listed or not all(_VALUE.fullmatch(v) for v in listed):
            raise PydanticCustomError(
                "filter", "a filter's parameter is a name such as IP, and a value such as 192.168.150.10"
            )
    return found


DeviceName = Annotated[
    str,
    BeforeValidator(_device),
    words(
        {"type": "string", "examples": ["eno1"]},
        "interface",
        "the name of an interface of the host, at most 15 characters",
    ),
]


class FilterSpec(Model):
    """Rules for what an interface may send and receive: a network filter of the host."""

    short: ClassVar[str | None] = "name"
    examples: ClassVar[Sequence[Any]] = (
        "clean-traffic",
        {"name": "clean-traffic", "parameters": {"IP": "192.168.150.10"}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Name
    """A network filter that is on the host (`virsh nwfilter-list`)."""
    parameters: Annotated[dict[str, Text | tuple[Text, ...]], AfterValidator(_parameters)] = Field(
        default_factory=dict, examples=[{"IP": ["192.168.150.10", "192.168.150.11"]}]
    )
    """Values of the filter's variables; one of them, or a list."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(name, value), in the order in which libvirt writes them."""
        return [(name, value) for name in sorted(self.parameters) for value in self.parameters[name]]


class InboundSpec(Model):
    """Limits of what the guest receives. A rate is for each second."""

    examples: ClassVar[Sequence[Any]] = (
        {"average": "100MB", "peak": "200MB", "burst": "2MiB"},
        {"average": "100MB", "floor": "20MB"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"average"})

    average: Rate | None = None
    """The rate it is shaped to."""
    peak: Rate | None = None
    """The highest rate for the time of a burst."""
    burst: Burst | None = None
    """How much may go at the peak rate."""
    floor: Rate | None = None
    """A rate that is kept free for it; its network needs `bandwidth.inbound` for that."""

    @model_validator(mode="after")
    def _needs(self) -> InboundSpec:
        if self.average is None and (self.floor is None or self.peak or self.burst):
            raise PydanticCustomError("bandwidth", "`average` is required, or `floor` alone")
        return self


class PortBandwidthSpec(Model):
    """Limits of traffic, seen from the guest: `inbound` is what it receives."""

    examples: ClassVar[Sequence[Any]] = (
        {"inbound": {"average": "100MB"}, "outbound": {"average": "50MB", "peak": "80MB", "burst": "2MiB"}},
    )

    inbound: InboundSpec | None = None
    """What the guest receives."""
    outbound: TrafficSpec | None = None
    """What the guest sends."""


class MacvtapSpec(Model):
    """An interface of the host that the guest shares, without a bridge."""

    short: ClassVar[str | None] = "dev"
    examples: ClassVar[Sequence[Any]] = ("eno2", {"dev": "eno2", "mode": "bridge"})
    least: ClassVar[frozenset[str]] = frozenset({"dev"})

    dev: DeviceName
    """The host's interface."""
    mode: Literal["vepa", "bridge", "private", "passthrough"] | None = Field(None, examples=["bridge"])
    """Who is reached through it: with `bridge` also the other guests on it. libvirt's own is vepa, which
    leaves that to the switch."""


class CoalesceSpec(Model):
    """How packets are gathered before the host is interrupted."""

    examples: ClassVar[Sequence[Any]] = ({"rx_frames": 32},)

    rx_frames: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
    """The most packets from the guest that are gathered."""


class NicSpec(Placeable):
    """A network interface, on exactly one of `network`, `bridge` or `macvtap`."""

    short: ClassVar[str | None] = "network"

    examples: ClassVar[Sequence[Any]] = (
        "front",
        {"network": "front", "mac": "52:54:00:00:00:0a"},
        {"bridge": "br0", "name": "uplink"},
        {"network": "front", "ip": "192.168.150.10"},
        {
            "bridge": "br0",
            "ip": "192.168.1.20/24",
            "gateway": "192.168.1.1",
            "nameservers": ["192.168.1.1"],
        },
        {"macvtap": "eno2", "name": "fast", "queues": 4},
        {"network": "front", "filter": "clean-traffic", "bandwidth": {"inbound": {"average": "100MB"}}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"network", "bridge", "macvtap", "ip"})

    name: Name | None = None
    """The key by which the interface is known for life; its network, bridge or host interface when not
    given."""
    network: Name | None = None
    """A libvirt network, declared or on the host. An interface has this, `bridge` or `macvtap`."""
    portgroup: Name | None = Field(None, examples=["fast"])
    """The class of ports of its `network` that it is in; the network's default one when not given."""
    bridge: Name | None = None
    """A bridge of the host."""
    macvtap: MacvtapSpec | None = None
    """An interface of the host that it shares."""
    mac: Mac | None = None
    """Its MAC address."""
    ip: IPv4Interface | None = None
    """The guest's address. On a declared network with `dhcp:` its DHCP server always gives it this one,
    and its DNS server knows it by the VM's name. Elsewhere cloud-init sets it in the guest; where the
    manifest does not say the subnet (on a bridge), it needs its prefix: 192.168.1.20/24."""
    gateway: IPv4 | None = None
    """The router, of an address that cloud-init sets; a declared network's own when not given."""
    nameservers: tuple[IPv4, ...] = ()
    """The DNS servers, of an address that cloud-init sets; a declared network's own when not given."""
    model: Literal["virtio", "e1000", "e1000e", "rtl8139"] | None = Field(None, examples=["e1000e"])
    """The card the guest sees."""
    link: Literal["up", "down"] | None = Field(None, examples=["down"])
    """Whether the cable is plugged in; up when not given."""
    filter: FilterSpec | None = None
    """A network filter of the host that it goes through."""
    bandwidth: PortBandwidthSpec | None = None
    """Limits of its traffic."""
    isolated: bool | None = Field(None, examples=[True])
    """Whether it is kept from other isolated ports of the same bridge."""
    vlan: VlanSpec | None = None
    """The VLAN it is in, where the switch has them: Open vSwitch, or an SR-IOV network."""
    virtualport: VirtualPortSpec | None = None
    """The switch it is on, where that is not the kernel's bridge."""
    mtu: Annotated[int, Field(ge=68, le=65535, strict=True)] | None = Field(None, examples=[9000])
    """The largest packet, in bytes; its network's own when not given."""
    queues: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[4])
    """Queues of a virtio card, so that several vCPUs can serve it."""
    driver: Literal["qemu", "vhost"] | None = Field(None, examples=["vhost"])
    """What serves a virtio card: the host's kernel (`vhost`), or QEMU itself; vhost where the host has
    it, when not given."""
    coalesce: CoalesceSpec | None = None
    """How packets are gathered before the host is interrupted."""
    tap: Annotated[DeviceName, AfterValidator(_tap)] | None = Field(None, examples=["web-front"])
    """The name of its tap on the host; one that libvirt draws when not given."""
    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None, examples=[2])
    """Its place among the disks and interfaces that are started from; `boot.devices` is another way to
    say it."""

    @property
    def plain(self) -> bool:
        """Whether it states nothing but where it is plugged in, and its card."""
        return not self.model_fields_set & _MORE

    @model_validator(mode="after")
    def _one_source(self) -> NicSpec:
        if sum(source is not None for source in (self.network, self.bridge, self.macvtap)) != 1:
            raise PydanticCustomError(
                "nic", "an interface has exactly one of `network`, `bridge` or `macvtap`"
            )
        for field in ("gateway", "nameservers"):
            if getattr(self, field) and self.ip is None:
                raise PydanticCustomError("nic", "`{field}` goes with `ip` only", {"field": field})
        if self.portgroup is not None and self.network is None:
            raise PydanticCustomError("nic", "`portgroup` goes with `network` only")
        return self

    @model_validator(mode="after")
    def _fits(self) -> NicSpec:
        if self.model not in (None, "virtio") and (self.queues is not None or self.driver is not None):
            raise PydanticCustomError("nic", "`queues` and `driver` go with `model: virtio` only")
        if self.isolated is not None and self.macvtap is not None:
            raise PydanticCustomError("nic", "`isolated` goes with `network` or `bridge` only")
        if (floor := self.bandwidth and self.bandwidth.inbound and self.bandwidth.inbound.floor) and (
            floor and self.network is None
        ):
            raise PydanticCustomError("nic", "`bandwidth.inbound.floor` goes with `network` only")
        if self.vlan is not None and (self.vlan.tag is None) == (not self.vlan.trunk):
            raise PydanticCustomError("nic", "a VLAN has either `tag` or `trunk`")
        if self.vlan and self.vlan.native is not None and self.vlan.native not in self.vlan.trunk:
            raise PydanticCustomError("nic", "`vlan.native` is none of the VLANs in `vlan.trunk`")
        return self


_PLAIN = {"name", "network", "portgroup", "bridge", "macvtap", "mac", "ip", "gateway", "nameservers", "model"}
_MORE = frozenset(NicSpec.model_fields) - _PLAIN
