"""Parts of an interface of a VM: its bandwidth, how packets are gathered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.ports import Burst, Rate, TrafficSpec
from kvmspec.manifest.model import Model


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
