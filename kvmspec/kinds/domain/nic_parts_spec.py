"""Parts of an interface of a VM: its filter, its bandwidth, how packets are gathered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.ports import Burst, Rate, TrafficSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Name, Text

_PARAMETER = re.compile(r"[A-Za-z0-9_]{1,64}")
_VALUE = re.compile(r"[A-Za-z0-9_.:/-]{1,255}")


def _parameters(values: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Each parameter as a list of its values."""
    found = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in values.items()}
    for name, listed in found.items():
        if not _PARAMETER.fullmatch(name) or not listed or not all(_VALUE.fullmatch(v) for v in listed):
            raise PydanticCustomError(
                "filter", "a filter's parameter is a name such as IP, and a value such as 192.168.150.10"
            )
    return found


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


class CoalesceSpec(Model):
    """How packets are gathered before the host is interrupted."""

    examples: ClassVar[Sequence[Any]] = ({"rx_frames": 32},)

    rx_frames: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
    """The most packets from the guest that are gathered."""
