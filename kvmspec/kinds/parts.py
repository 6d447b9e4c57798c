"""Parts of the manifest that several kinds have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Name

Uuid = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        json_schema_extra={
            "x-type": ["UUID", "a UUID, in lower case"],
            "examples": ["0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"],
        },
    ),
]


class BackingSpec(Model):
    """What an overlay reads where nothing was written to it."""

    short: ClassVar[str | None] = "volume"

    examples: ClassVar[Sequence[Any]] = (
        "golden",
        {"volume": "debian-12.qcow2", "pool": "images"},
        {"path": "/srv/images/debian-12.qcow2", "format": "qcow2"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"volume", "path"})

    volume: Name | None = None
    """A volume: declared in the manifest, or with `pool` one that is on the host. A backing has this or
    `path`."""
    pool: Name | None = None
    """The pool of `volume`."""
    path: HostPath | None = None
    """A file of the host."""
    format: Literal["qcow2", "raw"] | None = None
    """Its format; that of the volume, else by the suffix, when not given."""

    @model_validator(mode="after")
    def _one_source(self) -> BackingSpec:
        if (self.volume is None) == (self.path is None):
            raise PydanticCustomError("backing", "give either `volume` or `path`")
        if self.path is not None and self.pool is not None:
            raise PydanticCustomError("backing", "`pool` goes with `volume`, not with `path`")
        return self


def enforce_one_origin(disk: Any) -> None:
    """A disk is made from nothing, from a backing or from an image. Raises PydanticCustomError."""
    if disk.image is not None and disk.backing is not None:
        raise PydanticCustomError("origin", "give either `image` or `backing`")
    if disk.image is None and disk.clone == "full":
        raise PydanticCustomError("origin", "`clone: full` goes with `image`")
    if disk.image is not None and disk.format == "raw" and disk.clone != "full":
        raise PydanticCustomError(
            "format", "a raw disk cannot be an overlay of its image; use `clone: full`, or `format: qcow2`"
        )
