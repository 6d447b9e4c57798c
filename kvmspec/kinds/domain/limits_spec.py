"""I/O limits of a disk, as the manifest writes them (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.limits import WAYS
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, Size

_LEAST = frozenset(f"{way}{peak}" for way in WAYS for peak in ("", "_max"))
Count = Annotated[int, Field(ge=1, le=2**53, strict=True)]


class LimitsSpec(Model):
    """Limits of reading and writing, together or each."""

    short: ClassVar[str | None] = "total"

    @model_validator(mode="after")
    def _consistent(self) -> LimitsSpec:
        stated = {way: getattr(self, way) for way in WAYS}
        if stated["total"] is not None and (stated["read"] is not None or stated["write"] is not None):
            raise PydanticCustomError("limits", "give either `total`, or `read` and `write`")
        for way, average in stated.items():
            peak, length = getattr(self, f"{way}_max"), getattr(self, f"{way}_max_length")
            if peak is not None and (average is None or peak < average):
                raise PydanticCustomError(
                    "limits", "`{way}_max` goes with a `{way}` that is not above it", {"way": way}
                )
            if length is not None and peak is None:
                raise PydanticCustomError("limits", "`{way}_max_length` goes with `{way}_max`", {"way": way})
        return self


class IopsSpec(LimitsSpec):
    """Operations a second."""

    examples: ClassVar[Sequence[Any]] = (
        5000,
        {"total": 5000, "total_max": 10000, "total_max_length": "10s"},
        {"read": 3000, "read_max": 6000, "read_max_length": "10s"},
        {"write": 1000, "write_max": 2000, "write_max_length": "10s"},
        {"total": 500, "operation_size": "64KiB"},
    )
    least: ClassVar[frozenset[str]] = _LEAST

    total: Count | None = None
    """Reads and writes together."""
    read: Count | None = None
    """Reads."""
    write: Count | None = None
    """Writes."""
    total_max: Count | None = None
    """`total` for the time of a burst."""
    read_max: Count | None = None
    """`read` for the time of a burst."""
    write_max: Count | None = None
    """`write` for the time of a burst."""
    total_max_length: Duration | None = None
    """How long a burst may last; one second when not given."""
    read_max_length: Duration | None = None
    """How long a burst of reads may last."""
    write_max_length: Duration | None = None
    """How long a burst of writes may last."""
    operation_size: Size | None = Field(None, examples=["64KiB"])
    """What counts as one operation: a larger one counts as several."""

    @model_validator(mode="after")
    def _limits_something(self) -> IopsSpec:
        if self.total is None and self.read is None and self.write is None:
            raise PydanticCustomError("limits", "give `total`, or `read` and `write`")
        return self


class DiskBandwidthSpec(LimitsSpec):
    """Bytes a second."""

    examples: ClassVar[Sequence[Any]] = (
        "100MB",
        {"total": "100MB", "total_max": "200MB", "total_max_length": "10s"},
        {"read": "100MB", "read_max": "200MB", "read_max_length": "10s"},
        {"write": "50MB", "write_max": "80MB", "write_max_length": "10s"},
    )
    least: ClassVar[frozenset[str]] = _LEAST

    total: Size | None = None
    """Reads and writes together."""
    read: Size | None = None
    """Reads."""
    write: Size | None = None
    """Writes."""
    total_max: Size | None = None
    """`total` for the time of a burst."""
    read_max: Size | None = None
    """`read` for the time of a burst."""
    write_max: Size | None = None
    """`write` for the time of a burst."""
    total_max_length: Duration | None = None
    """How long a burst may last; one second when not given."""
    read_max_length: Duration | None = None
    """How long a burst of reads may last."""
    write_max_length: Duration | None = None
    """How long a burst of writes may last."""
