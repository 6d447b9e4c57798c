"""What a disk is: a volume of the VM's own, a file, a medium in a drive, or data that lies elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.parts import BackingSpec, enforce_one_origin
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Name, Size, Text, parse_name, parse_path

if TYPE_CHECKING:
    from kvmspec.kinds.domain.source_spec import SourceSpec
else:
    SourceSpec = deferred("kvmspec.kinds.domain.source_spec", "SourceSpec")

_SOURCES = ("volume", "path", "cdrom", "floppy", "source")
_KINDS = ("cdrom", "floppy")
Format = Literal[
    "qcow2", "raw", "qcow", "qed", "vmdk", "vdi", "vpc", "vhd", "cow", "cloop", "dmg", "bochs", "iso", "fat",
    "dir", "ploop", "luks",
]  # fmt: skip
_OWN_FORMATS = ("qcow2", "raw", None)


def by_suffix(path: str) -> str:
    """libvirt takes a file for raw unless told: `.qcow2` and `.img.qcow2` say otherwise."""
    return "qcow2" if path.endswith((".qcow2", ".qcow")) else "raw"


class LayerSpec(Model):
    """What lies below an overlay."""

    short: ClassVar[str | None] = "path"

    examples: ClassVar[Sequence[Any]] = (
        "/srv/images/debian-12.qcow2",
        {"path": "/srv/images/old.img", "format": "qcow2", "metadata_cache": "1MiB"},
        {"path": "/srv/images/top.qcow2", "detect_below": True},
        {"source": {"protocol": "nbd", "name": "base", "hosts": ["nbd1"]}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"path", "source"})

    path: HostPath | None = None
    """A file or block device of the host."""
    source: SourceSpec | None = None
    """Where it lies otherwise."""
    format: Format | None = Field(None, examples=["qcow2"])
    """Its format; by the file's suffix, else raw, when not given."""
    metadata_cache: Size | None = Field(None, examples=["1MiB"])
    """How much of a qcow2's tables QEMU keeps in memory at the most."""
    detect_below: bool = Field(False, examples=[True])
    """Whether what lies below it is found in the files themselves. Of the last layer only: without it nothing
    does."""

    @model_validator(mode="after")
    def _one(self) -> LayerSpec:
        if (self.path is None) == (self.source is None):
            raise PydanticCustomError("layer", "a layer has either a `path` or a `source`")
        return self

    @property
    def place(self) -> SourceSpec:
        """Where it lies."""
        return self.source or plain_source(str(self.path))

    @property
    def known_format(self) -> str:
        """The format that libvirt is told."""
        return self.format or by_suffix(self.path or "")


def plain_source(path: str) -> SourceSpec:
    """A file, or a device, by its path."""
    from kvmspec.kinds.domain.source_spec import SourceSpec

    return SourceSpec(block=path) if path.startswith("/dev/") else SourceSpec(file=path)


class DiskOrigin(Placeable):
    """The fields that say what a disk is."""

    name: Name | None = Field(None, examples=["root"])
    """The key by which the disk is known for life. A disk of the VM's own needs one: its volume is
    called after it, web-root.qcow2."""
    image: Name | None = Field(None, examples=["debian-12"])
    """The image the VM's own disk is made from, once. A newer image is noted, and `--replace` takes it."""
    size: Size | None = None
    """Size of a disk of the VM's own; it can grow and never shrinks. That of its image or backing when
    not given."""
    clone: Literal["overlay", "full"] = Field("overlay", examples=["full"])
    """How it is made from `image`: as an overlay that takes only the space of what the guest writes, or
    as a full copy that needs no base."""
    backing: BackingSpec | None = None
    """Makes the VM's own disk an overlay: only what the guest writes takes space."""
    volume: Name | None = None
    """A declared volume, or with `pool` one that is on the host."""
    path: HostPath | None = None
    """An existing file or block device of the host."""
    cdrom: Text | None = None
    """An image of kind `iso`, an ISO file of the host, or `empty`."""
    floppy: Text | None = Field(None, examples=["/srv/floppies/drivers.img", "empty"])
    """A file of the host in a floppy drive, or `empty`."""
    source: SourceSpec | None = None
    """Where the data lies otherwise: on a storage server, in a pool that libvirt looks into at each start,
    on an NVMe drive, with another process."""
    device: Literal["disk", "cdrom", "floppy", "lun"] | None = Field(None, examples=["lun"])
    """What the guest sees `path`, `volume` or `source` as: a disk when not given, the medium of a drive, or a
    SCSI device that it sends its own commands to."""
    pool: Name | None = Field(None, examples=["fast"])
    """The pool the disk lies in."""
    format: Format | None = Field(None, examples=["raw"])
    """Format of the image."""
    bus: Literal["virtio", "scsi", "sata", "usb", "ide", "fdc", "sd"] | None = Field(None, examples=["scsi"])
    """The bus the guest sees it on."""
    target: (
        Annotated[str, Field(pattern=r"^(hd|sd|vd|fd|xvd|ubd)[a-z]{1,3}[0-9]{0,3}$")] | None
    ) = Field(None, examples=["sdb"])  # fmt: skip
    """The target libvirt knows it by, from when it is first attached; the first free one of its bus when not
    given."""

    @property
    def kind(self) -> str:
        """What the guest sees it as: `disk`, `cdrom`, `floppy` or `lun`."""
        return next((kind for kind in _KINDS if getattr(self, kind) is not None), self.device or "disk")

    @property
    def is_drive(self) -> bool:
        """Whether it is a drive, whose medium can change."""
        return self.kind in _KINDS

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in the drive."""
        return "empty" in (self.cdrom, self.floppy)

    @property
    def cdrom_image(self) -> str | None:
        """The image in the drive."""
        named = self.cdrom is not None and self.cdrom != "empty" and not self.cdrom.startswith("/")
        return self.cdrom if named and self.volume is None else None

    @property
    def own(self) -> bool:
        """Whether the volume is the VM's own: declared here, named after the VM."""
        return all(getattr(self, name) is None for name in _SOURCES)

    @model_validator(mode="after")
    def _one_source(self) -> DiskOrigin:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if self.size is not None or self.backing is not None or self.image is not None:
            given.append("size")
        if len(given) != 1:
            raise PydanticCustomError(
                "disk",
                "a disk has exactly one of `size` (with `image` or `backing`, or blank), `volume`, `path`, "
                "`source`, `cdrom` or `floppy`",
            )
        enforce_one_origin(self)
        if self.own and self.name is None:
            raise PydanticCustomError(
                "disk", "a disk of the VM's own needs a `name`; its volume is called after it"
            )
        if self.own and self.format not in _OWN_FORMATS:
            raise PydanticCustomError("disk", "a disk of the VM's own has the format qcow2 or raw")
        return self

    @model_validator(mode="after")
    def _drives(self) -> DiskOrigin:
        if self.cdrom is not None and self.cdrom.startswith("/"):
            parse_path(self.cdrom)
        elif self.cdrom is not None and self.cdrom != "empty":
            parse_name(self.cdrom)
        if self.floppy is not None and self.floppy != "empty":
            parse_path(self.floppy)
        if self.device is not None and not {"volume", "path", "source"} & self.model_fields_set:
            raise PydanticCustomError("disk", "`device` goes with `path`, `volume` or `source` only")
        return self

    def placed_in(self) -> Iterator[str]:
        """Pools that its `source` names."""
        if self.source is not None and self.source.pool is not None:
            yield self.source.pool
