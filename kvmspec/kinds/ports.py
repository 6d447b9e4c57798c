"""What a port of a switch is given: bandwidth, VLANs, a virtual port. Networks and interfaces have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import parse_size, words

_KB = 1000


def _rate(value: Any) -> int:
    """Bytes as libvirt's kilobytes. libvirt gives the number to `tc` as `kbps`, which tc(8) calls 1000
    bytes a second [source: virnetdevbandwidth.c]."""
    size = parse_size(value)
    if size % _KB or size < _KB:
        raise PydanticCustomError("rate", "a rate is in whole kilobytes (kB, 1000 bytes) a second")
    return size // _KB


def _burst(value: Any) -> int:
    """Bytes as KiB: `tc` takes a burst's `kb` for 1024 bytes."""
    size = parse_size(value)
    if size % 1024:
        raise PydanticCustomError("burst", "a burst is in whole KiB")
    return size // 1024


def show_rate(kilobytes: int) -> str:
    """100000 → `100MB`"""
    for unit, factor in (("GB", 10**6), ("MB", 10**3)):
        if kilobytes % factor == 0:
            return f"{kilobytes // factor}{unit}"
    return f"{kilobytes}KB"


def show_burst(kib: int) -> str:
    """2048 → `2MiB`"""
    return f"{kib // 1024}MiB" if kib % 1024 == 0 else f"{kib}KiB"


Rate = Annotated[
    int,
    BeforeValidator(_rate),
    PlainSerializer(show_rate),
    words(
        {"type": "string", "examples": ["100MB"]},
        "rate",
        "a size for each second, in whole kB, such as 100MB",
    ),
]
Burst = Annotated[
    int,
    BeforeValidator(_burst),
    PlainSerializer(show_burst),
    words({"type": "string", "examples": ["2MiB"]}, "size", "a size in whole KiB"),
]
Tag = Annotated[int, Field(ge=1, le=4094, strict=True)]
Byte = Annotated[int, Field(ge=0, le=255, strict=True)]


class VlanSpec(Model):
    """The VLAN of ports, or several of them."""

    short = "tag"
    examples: ClassVar[Sequence[Any]] = (
        42,
        {"tag": 42},
        {"trunk": [10, 20], "native": 10},
        {"trunk": [10, 20], "native": 10, "native_mode": "tagged"},
    )

    tag: Tag | None = Field(None, examples=[42])
    """The one VLAN of a port; a port has this or `trunk`."""
    trunk: tuple[Tag, ...] = ()
    """The VLANs of a port whose guest tags by itself."""
    native: Tag | None = None
    """The one of `trunk` whose frames come untagged."""
    native_mode: Literal["untagged", "tagged"] = Field("untagged", examples=["tagged"])
    """How frames of `native` leave: without its tag, or with it."""


class TrafficSpec(Model):
    """Limits of one direction. A rate is for each second: `100MB` are 100 megabytes a second."""

    later: ClassVar[frozenset[str]] = frozenset({"floor"})
    examples: ClassVar[Sequence[Any]] = ({"average": "100MB", "peak": "200MB", "burst": "2MiB"},)
    least: ClassVar[frozenset[str]] = frozenset({"average"})

    average: Rate
    """The rate it is shaped to."""
    peak: Rate | None = None
    """The highest rate for the time of a burst."""
    burst: Burst | None = None
    """How much may go at the peak rate."""


class VirtualPortSpec(Model):
    """The switch that ports are on, where it is not the kernel's bridge."""

    short = "type"
    examples: ClassVar[Sequence[Any]] = (
        "openvswitch",
        {"type": "openvswitch", "profile": "web"},
        {"type": "802.1Qbg", "manager_id": 11, "type_id": 1193047, "type_version": 2,
         "instance_id": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"},
        {"profile": "web"},
    )  # fmt: skip

    type: Literal["openvswitch", "802.1Qbg", "802.1Qbh", "midonet"] | None = Field(
        None, examples=["openvswitch"]
    )
    """Open vSwitch, a switch that speaks IEEE 802.1Qbg (VEPA) or 802.1Qbh (VN-Link), or MidoNet; what the
    network is on when not given."""
    profile: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,39}$")] | None = Field(None, examples=["web"])
    """The port profile's name there, of Open vSwitch and 802.1Qbh."""
    interface_id: Uuid | None = None
    """The port, of Open vSwitch and MidoNet; libvirt gives one when not given."""
    manager_id: Byte | None = Field(None, examples=[11])
    """The database with the port's type, of 802.1Qbg."""
    type_id: Annotated[int, Field(ge=0, le=2**24 - 1, strict=True)] | None = Field(None, examples=[1193047])
    """The port's type in it, of 802.1Qbg."""
    type_version: Byte | None = Field(None, examples=[2])
    """The version of the type, of 802.1Qbg."""
    instance_id: Uuid | None = None
    """The port, of 802.1Qbg; libvirt gives one when not given."""

    @model_validator(mode="after")
    def _fits(self) -> VirtualPortSpec:
        for name, types in _OF_TYPE.items():
            if self.type and self.type not in types and getattr(self, name) is not None:
                raise PydanticCustomError(
                    "virtualport",
                    "`{field}` is of {types} only",
                    {"field": name, "types": " or ".join(types)},
                )
        if self.type == "midonet" and self.interface_id is None:
            raise PydanticCustomError("virtualport", "`type: midonet` needs its `interface_id`")
        return self

    @property
    def parameters(self) -> list[tuple[str, str | int]]:
        """libvirt's names and values of what is stated besides the type."""
        stated = [(name, getattr(self, field)) for field, name in PORT_PARAMETERS.items()]
        return [(name, value) for name, value in stated if value is not None]


_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "profile": ("openvswitch", "802.1Qbh"),
    "interface_id": ("openvswitch", "midonet"),
    "manager_id": ("802.1Qbg",),
    "type_id": ("802.1Qbg",),
    "type_version": ("802.1Qbg",),
    "instance_id": ("802.1Qbg",),
}
PORT_PARAMETERS: Mapping[str, str] = {
    "manager_id": "managerid",
    "type_id": "typeid",
    "type_version": "typeidversion",
    "instance_id": "instanceid",
    "profile": "profileid",
    "interface_id": "interfaceid",
}
"""field → attribute of libvirt's <parameters>."""
