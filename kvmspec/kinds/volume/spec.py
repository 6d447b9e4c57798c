"""A standalone volume as the manifest writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.fragments import VolumeFragment
from kvmspec.kinds.parts import BackingSpec, enforce_one_origin
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import Name, Size

if TYPE_CHECKING:
    from kvmspec.kinds.volume.encryption import VolumeEncryption
else:
    VolumeEncryption = deferred("kvmspec.kinds.volume.encryption", "VolumeEncryption")

EXAMPLE = "<volume><target><permissions><mode>0600</mode></permissions></target></volume>"


class VolumeSpec(Model):
    """A disk with a life of its own: deleting a VM never deletes it."""

    later: ClassVar[frozenset[str]] = frozenset({"permissions", "preallocation"})

    examples: ClassVar[Sequence[Any]] = (
        {"size": "100GiB", "prevent_destroy": True},
        {"pool": "fast", "size": "10GiB", "format": "raw"},
        {"backing": "golden"},
        {"image": "debian-12", "size": "40GiB", "clone": "full"},
        {"size": "10GiB", "format": "raw", "encryption": "pgdata-key"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"size", "image"})

    pool: Name | None = None
    """The pool it lies in."""
    image: Name | None = Field(None, examples=["debian-12"])
    """The image it is made from, once: an overlay of it, that keeps what was there then."""
    size: Size | None = None
    """Size the guest sees; it can grow and never shrinks. Required, unless it is an overlay: that has
    its backing's."""
    format: Literal["qcow2", "raw"] = Field("qcow2", examples=["raw"])
    """Format of the file."""
    backing: BackingSpec | None = None
    """Makes it an overlay: only what is written to it takes space."""
    clone: Literal["overlay", "full"] = Field("overlay", examples=["full"])
    """How it is made from `image`: as an overlay, or as a full copy that needs no base."""
    encryption: VolumeEncryption | None = None
    """Encrypts its data with LUKS. A VM's disk on it states the same `encryption`."""
    prevent_destroy: bool = False
    """Refuse to delete it, also when it is named in `removed`."""
    xml: VolumeFragment | None = Field(None, examples=[EXAMPLE])
    """What libvirt knows and no field says, read when it is created: a piece of its XML, merged by identity
    into the volume's."""

    @model_validator(mode="after")
    def _sized(self) -> VolumeSpec:
        if self.size is None and self.backing is None and self.image is None:
            raise PydanticCustomError("required", "`size` is required, or `backing` or `image` to rest on")
        enforce_one_origin(self)
        if self.encryption is not None and (self.image is not None or self.backing is not None):
            raise PydanticCustomError("encryption", "an encrypted volume rests on nothing: state its `size`")
        if self.backing is not None and self.format == "raw":
            raise PydanticCustomError("format", "a raw volume cannot be an overlay; use `format: qcow2`")
        return self

    def references(self) -> Iterable[Reference]:
        """Its pool, its secret, and the declared volume it rests on."""
        if self.encryption is not None:
            yield "secret", self.encryption.secret
        if self.pool is not None:
            yield "pool", self.pool
        if self.image is not None:
            yield "image", self.image
        if self.backing is not None and self.backing.volume is not None and self.backing.pool is None:
            yield "volume", self.backing.volume
