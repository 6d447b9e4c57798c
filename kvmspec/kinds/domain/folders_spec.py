"""Folders of the host that the guest sees, as the manifest writes them.

Facts: https://libvirt.org/formatdomain.html#filesystems and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.virtio_spec import VirtioModel, VirtioSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath

Tag = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_./+-]{1,255}$",
        json_schema_extra={"x-type": ["name", "a name such as share"], "examples": ["share"]},
    ),
]
Octal = Annotated[
    str,
    Field(
        pattern=r"^0?[0-7]{1,4}$",
        json_schema_extra={"x-type": ["mode", 'an octal mode, in quotes: "0750"'], "examples": ["0750"]},
    ),
]
_ONLY_OF: Mapping[str, str] = {
    "readonly": "9p",
    "multidevs": "9p",
    "fmode": "9p",
    "dmode": "9p",
    "queue": "virtiofs",
    "socket": "virtiofs",
    "daemon": "virtiofs",
    "boot_order": "virtiofs",
}


class DaemonSpec(Model):
    """The program that serves a folder by virtiofs."""

    short: ClassVar[str | None] = "path"

    examples: ClassVar[Sequence[Any]] = (
        "/usr/libexec/virtiofsd",
        {"path": "/usr/libexec/virtiofsd", "cache": "always", "xattr": True, "sandbox": "chroot"},
        {"posix_locks": False, "flock": False, "threads": 16},
    )

    path: HostPath | None = Field(None, examples=["/usr/libexec/virtiofsd"])
    """The program; libvirt's own choice when not given."""
    xattr: bool | None = Field(None, examples=[True])
    """Whether the guest can use extended attributes."""
    cache: Literal["none", "always"] | None = Field(None, examples=["always"])
    """Whether the guest keeps what it has read."""
    sandbox: Literal["namespace", "chroot"] | None = Field(None, examples=["chroot"])
    """How the program is shut in."""
    posix_locks: bool | None = Field(None, examples=[True])
    """Whether POSIX locks hold for all guests."""
    flock: bool | None = Field(None, examples=[True])
    """Whether flock(2) holds for all guests."""
    threads: Annotated[int, Field(ge=0, le=4096, strict=True)] | None = Field(None, examples=[16])
    """How many threads serve it."""


class FilesystemSpec(Placeable):
    """A folder of the host that the guest mounts."""

    examples: ClassVar[Sequence[Any]] = (
        {"source": "/srv/share", "target": "share"},
        {"source": "/srv/share", "target": "old", "driver": "9p", "accessmode": "mapped", "readonly": True},
        {
            "source": "/srv/share",
            "target": "p",
            "driver": "9p",
            "accessmode": "mapped",
            "fmode": "0640",
            "dmode": "0750",
        },
        {"source": "/srv/share", "target": "fast", "queue": 1024, "daemon": {"cache": "always"}},
        {"socket": "/run/virtiofsd.sock", "target": "own"},
        {
            "source": "/srv/share",
            "target": "m",
            "driver": "9p",
            "multidevs": "remap",
            "virtio": {"packed": True},
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"source", "target", "driver"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "fmode": ("source", "target", "driver", "accessmode"),
        "dmode": ("source", "target", "driver", "accessmode"),
    }

    source: HostPath | None = Field(None, examples=["/srv/share"])
    """The folder on the host."""
    socket: HostPath | None = Field(None)
    """The socket of a `virtiofs` daemon that somebody else has started, in the place of `source`."""
    target: Tag
    """Under this name the guest mounts it: `mount -t virtiofs share /mnt`."""
    driver: Literal["virtiofs", "9p"] = "virtiofs"
    """How it is shared. `virtiofs` is fast, can be plugged in, and needs memory that the guest shares with
    the host: a new VM gets it, another one at its next boot."""
    readonly: bool | None = Field(None)
    """Whether the guest may only read; of `9p`."""
    accessmode: Literal["passthrough", "mapped", "squash"] | None = Field(None, examples=["mapped"])
    """Whose files they are, of `9p`: the guest's owners as they are, kept beside the files, or as they are as
    far as possible."""
    fmode: Octal | None = Field(None)
    """The mode of files that the guest makes, of `9p` with `accessmode: mapped`."""
    dmode: Octal | None = Field(None)
    """The mode of folders that the guest makes, of `9p` with `accessmode: mapped`."""
    multidevs: Literal["default", "remap", "forbid", "warn"] | None = Field(None)
    """What becomes of files of several devices whose numbers could be the same, of `9p`."""
    model: VirtioModel | None = Field(None, examples=["virtio-non-transitional"])
    """The card the guest sees."""
    queue: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None)
    """How many requests can wait, of `virtiofs`."""
    daemon: DaemonSpec | None = None
    """The program that serves `virtiofs`."""
    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None)
    """Its place among the devices that are started from, of `virtiofs`."""
    virtio: VirtioSpec | None = None
    """Options of a virtio device."""

    @model_validator(mode="after")
    def _fits(self) -> FilesystemSpec:
        if (self.source is None) == (self.socket is None):
            raise PydanticCustomError("filesystem", "a folder has either a `source` or a `socket`")
        if self.socket is not None and self.daemon is not None:
            raise PydanticCustomError(
                "filesystem", "`daemon` goes with `source` only: the one of a `socket` runs"
            )
        if self.driver == "virtiofs" and self.readonly:
            raise PydanticCustomError(
                "filesystem", "`virtiofs` cannot be `readonly`: state `driver: 9p`, or make the folder so"
            )
        for field, driver in _ONLY_OF.items():
            if getattr(self, field) not in (None, False) and self.driver != driver:
                raise PydanticCustomError(
                    "filesystem",
                    "`{field}` goes with `driver: {driver}` only",
                    {"field": field, "driver": driver},
                )
        if self.driver == "virtiofs" and self.accessmode not in (None, "passthrough"):
            raise PydanticCustomError("filesystem", "`virtiofs` knows only `accessmode: passthrough`")
        if (self.fmode or self.dmode) and self.accessmode != "mapped":
            raise PydanticCustomError("filesystem", "`fmode` and `dmode` go with `accessmode: mapped` only")
        return self
