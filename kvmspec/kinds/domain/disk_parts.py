"""What a guest is told of a disk's shape (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Size

Number = Annotated[int, Field(ge=1, le=2**32 - 1, strict=True)]


class GeometrySpec(Model):
    """Cylinders, heads and sectors."""

    examples: ClassVar[Sequence[Any]] = ({"cyls": 16383, "heads": 16, "secs": 63, "trans": "lba"},)
    least: ClassVar[frozenset[str]] = frozenset({"cyls", "heads", "secs"})

    cyls: Number = Field(examples=[16383])
    """Cylinders."""
    heads: Number = Field(examples=[16])
    """Heads."""
    secs: Number = Field(examples=[63])
    """Sectors of a track."""
    trans: Literal["auto", "none", "lba"] | None = Field(None, examples=["lba"])
    """How the firmware translates it."""

    @property
    def attributes(self) -> Iterator[tuple[str, Any]]:
        """<geometry>'s attributes."""
        for name in ("cyls", "heads", "secs", "trans"):
            if (value := getattr(self, name)) is not None:
                yield name, value


class BlockioSpec(Model):
    """Sizes of blocks."""

    examples: ClassVar[Sequence[Any]] = (
        {"logical_block_size": "512B", "physical_block_size": "4KiB", "discard_granularity": "64KiB"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"logical_block_size"})

    logical_block_size: Size | None = Field(None, examples=["512B"])
    """The smallest piece that can be read or written."""
    physical_block_size: Size | None = Field(None, examples=["4KiB"])
    """The piece that is written without reading before."""
    discard_granularity: Size | None = Field(None, examples=["64KiB"])
    """The piece that can be given back (libvirt 10.2)."""

    @model_validator(mode="after")
    def _something(self) -> BlockioSpec:
        if not self.model_fields_set:
            raise PydanticCustomError("blockio", "give `logical_block_size`, or another one")
        return self

    @property
    def attributes(self) -> Iterator[tuple[str, int]]:
        """<blockio>'s attributes."""
        for name in ("logical_block_size", "physical_block_size", "discard_granularity"):
            if (value := getattr(self, name)) is not None:
                yield name, value
