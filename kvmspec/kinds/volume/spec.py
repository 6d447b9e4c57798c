"""A standalone volume as the manifest writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import BackingSpec
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import Name, Size


class VolumeSpec(Model):
    """A disk with a life of its own."""

    later: ClassVar[frozenset[str]] = frozenset({"image", "encryption", "permissions", "preallocation"})

    pool: Name | None = None
    """The pool it lies in; the manifest's only one when not given."""
    size: Size | None = None
    """Size the guest sees; it can grow and never shrinks. An overlay's is its backing's when not given."""
    format: Literal["qcow2", "raw"] = "qcow2"
    """Format of the file."""
    backing: BackingSpec | None = None
    """Makes it an overlay."""
    prevent_destroy: bool = False
    """Refuse to delete it."""

    @model_validator(mode="after")
    def _sized(self) -> VolumeSpec:
        if self.size is None and self.backing is None:
            raise PydanticCustomError("required", "`size` is required, or `backing` for an overlay")
        if self.backing is not None and self.format == "raw":
            raise PydanticCustomError("format", "a raw volume cannot be an overlay; use `format: qcow2`")
        return self

    def references(self) -> Iterable[Reference]:
        """Its pool, and the declared volume it rests on."""
        if self.pool is not None:
            yield "pool", self.pool
        if self.backing is not None and self.backing.volume is not None and self.backing.pool is None:
            yield "volume", self.backing.volume
