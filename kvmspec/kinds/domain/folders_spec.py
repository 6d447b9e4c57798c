"""Folders of the host that the guest sees, as the manifest writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.manifest.types import HostPath

Tag = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_./+-]{1,31}$",
        json_schema_extra={"x-type": ["name", "a name such as share"], "examples": ["share"]},
    ),
]


class FilesystemSpec(Placeable):
    """A folder of the host that the guest mounts."""

    examples: ClassVar[Sequence[Any]] = (
        {"source": "/srv/share", "target": "share"},
        {"source": "/srv/share", "target": "old", "driver": "9p", "accessmode": "mapped", "readonly": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"source", "target", "driver"})

    source: HostPath = Field(examples=["/srv/share"])
    """The folder on the host."""
    target: Tag
    """Under this name the guest mounts it: `mount -t virtiofs share /mnt`."""
    driver: Literal["virtiofs", "9p"] = "virtiofs"
    """How it is shared. `virtiofs` is fast, can be plugged in, and needs memory that the guest shares with
    the host: a new VM gets it, another one at its next boot."""
    readonly: bool | None = Field(None, examples=[True])
    """Whether the guest may only read; of `9p`."""
    accessmode: Literal["passthrough", "mapped", "squash"] | None = Field(None, examples=["mapped"])
    """Whose files they are, of `9p`: the guest's owners as they are, kept beside the files, or as they are as
    far as possible."""

    @model_validator(mode="after")
    def _fits(self) -> FilesystemSpec:
        if self.driver == "virtiofs" and self.readonly:
            raise PydanticCustomError(
                "filesystem", "`virtiofs` cannot be `readonly`: state `driver: 9p`, or make the folder so"
            )
        if self.driver == "virtiofs" and self.accessmode not in (None, "passthrough"):
            raise PydanticCustomError("filesystem", "`virtiofs` knows only `accessmode: passthrough`")
        return self


def shares_memory(folders: Sequence[FilesystemSpec] | None) -> bool:
    """Whether one of them needs memory that guest and host share."""
    return any(folder.driver == "virtiofs" for folder in folders or ())
