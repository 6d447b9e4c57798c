"""A VM's part of its host's disk I/O, as the manifest writes it
(https://libvirt.org/formatdomain.html#block-i-o-tuning)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.words import RATES
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Size

Weight = Annotated[int, Field(ge=1, le=10000, strict=True)]
Iops = Annotated[int, Field(ge=1, le=2**32 - 1, strict=True)]


class BlkioDeviceSpec(Model):
    """The VM's part of one of the host's disks."""

    examples: ClassVar[Sequence[Any]] = (
        {"path": "/dev/sda", "weight": 500},
        {"path": "/dev/sda", "read": "100MiB", "write": "50MiB", "read_iops": 2000, "write_iops": 1000},
    )
    least: ClassVar[frozenset[str]] = frozenset({"path", "weight"})

    path: HostPath = Field(examples=["/dev/sda"])
    """The disk."""
    weight: Weight | None = Field(None, examples=[500])
    """Its weight among VMs on this disk."""
    read: Size | None = Field(None, examples=["100MiB"])
    """The most it reads in a second."""
    write: Size | None = Field(None, examples=["50MiB"])
    """The most it writes in a second."""
    read_iops: Iops | None = Field(None, examples=[2000])
    """The most reads in a second."""
    write_iops: Iops | None = Field(None, examples=[1000])
    """The most writes in a second."""

    @property
    def rates(self) -> Iterator[tuple[str, int]]:
        """Elements of <device>, and what stands in them."""
        for name, element in RATES.items():
            if (value := getattr(self, name)) is not None:
                yield element, value

    @model_validator(mode="after")
    def _is_something(self) -> BlkioDeviceSpec:
        if self.weight is None and not any(self.rates):
            raise PydanticCustomError("blkio", "state a `weight`, or a limit such as `read`")
        return self


class BlkioSpec(Model):
    """The VM's part of the host's disk I/O."""

    examples: ClassVar[Sequence[Any]] = ({"weight": 500}, {"devices": list(BlkioDeviceSpec.examples[:1])})

    weight: Weight | None = Field(None, examples=[500])
    """Its weight among VMs; hosts take 100 to 1000, or 1 to 10000, as their scheduler does."""
    devices: tuple[BlkioDeviceSpec, ...] = Field((), examples=[list(BlkioDeviceSpec.examples[:1])])
    """The same, and limits, for single disks of the host."""

    @model_validator(mode="after")
    def _once(self) -> BlkioSpec:
        paths = [device.path for device in self.devices]
        if len(set(paths)) != len(paths):
            raise PydanticCustomError("blkio", "two of `devices` have the same `path`")
        return self
