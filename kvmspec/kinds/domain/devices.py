"""Disks of a VM, as the manifest writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.limits_spec import DiskBandwidthSpec, IopsSpec, elements
from kvmspec.kinds.parts import BackingSpec, enforce_one_origin
from kvmspec.manifest.types import HostPath, Name, Size, Text, parse_name, parse_path

_SOURCES = ("volume", "path", "cdrom")
_DRIVER = ("cache", "io", "discard", "iothread", "queues", "detect_zeroes", "error_policy")
_ATA = ("scsi", "sata", "ide")
_BUSES = {
    "wwn": _ATA,
    "rotation_rate": _ATA,
    "removable": ("usb",),
    "queues": ("virtio",),
    "iothread": ("virtio",),
}
"""field → buses on which libvirt takes it."""


class DiskSpec(Placeable):
    """A disk or a CD-ROM, from exactly one source: `size` (a blank disk of the VM's own), `image` or
    `backing` (a disk of its own made from that), `volume`, `path` or `cdrom`."""

    examples: ClassVar[Sequence[Any]] = (
        {"name": "root", "size": "20GiB"},
        {"name": "system", "image": "debian-12", "size": "20GiB"},
        {"name": "tools", "image": "debian-12", "clone": "full"},
        {"name": "data", "backing": "golden"},
        {"volume": "pgdata"},
        {"path": "/srv/disks/old.raw"},
        {"cdrom": "/srv/isos/debian-12.iso"},
        {"cdrom": "/srv/isos/tools.iso", "name": "late", "startup_policy": "optional"},
        {"path": "/dev/sdb", "bus": "scsi", "wwn": "5000c50015ea71ad", "rotation_rate": 1},
        {"path": "/srv/disks/stick.raw", "bus": "usb", "removable": True},
    )

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
    pool: Name | None = Field(None, examples=["fast"])
    """The pool the disk lies in."""
    format: Literal["qcow2", "raw"] | None = Field(None, examples=["raw"])
    """Format of the image."""
    bus: Literal["virtio", "scsi", "sata", "usb", "ide"] | None = Field(None, examples=["scsi"])
    """The bus the guest sees it on."""
    target: Annotated[str, Field(pattern=r"^(hd|sd|vd|fd)[a-z]{1,3}$")] | None = Field(None, examples=["sdb"])
    """The target libvirt knows it by, from when it is first attached; the first free one of its bus when not
    given."""
    cache: Literal["none", "writeback", "writethrough", "directsync", "unsafe"] | None = None
    """How the host's page cache is used; QEMU's own choice when not given."""
    discard: Literal["unmap", "ignore"] | None = None
    """What becomes of the guest's TRIM: the space goes back to the host, or nothing."""
    io: Literal["threads", "native", "io_uring"] | None = Field(None, examples=["io_uring"])
    """How QEMU does its I/O; its own choice when not given."""
    iops: IopsSpec | None = None
    """Limits of its operations a second."""
    bandwidth: DiskBandwidthSpec | None = None
    """Limits of its bytes a second."""
    serial: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+ -]{1,36}$")] | None = Field(
        None, examples=["WD-4711"]
    )
    """The serial number the guest sees, which names it in /dev/disk/by-id; virtio shows 20 characters."""
    wwn: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = Field(None, examples=["5000c50015ea71ad"])
    """The World Wide Name the guest sees: 16 hexadecimal digits, on the buses scsi, sata and ide."""
    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None, examples=[1])
    """Its place among the disks and interfaces that are started from; `boot.devices` is another way to
    say it."""
    readonly: bool | None = Field(None, examples=[True])
    """Whether the guest can only read it. A CD-ROM is so anyway."""
    shareable: bool | None = Field(None, examples=[True])
    """Whether other VMs may use it at the same time, with a file system made for that."""
    iothread: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = Field(None, examples=[1])
    """The number of the I/O thread that serves it, on virtio; QEMU's main one when not given."""
    queues: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[4])
    """Queues of a virtio disk, so that several vCPUs can use it; one for each vCPU when not given."""
    detect_zeroes: Literal["off", "on", "unmap"] | None = Field(None, examples=["unmap"])
    """Whether zeros that the guest writes are noticed, and with `unmap` given back to the host."""
    error_policy: Literal["stop", "report", "ignore", "enospace"] | None = Field(None, examples=["stop"])
    """What an I/O error does: the guest is paused, or told, or nothing; `enospace` pauses it where the
    host's disk is full only."""
    rotation_rate: Annotated[int, Field(ge=1, le=65534, strict=True)] | None = Field(None, examples=[1])
    """The rotation rate the guest sees, on scsi, sata and ide: 1 is an SSD, 1025 to 65534 a rate."""
    removable: bool | None = Field(None, examples=[True])
    """Whether the guest sees a removable medium; of a disk on the bus usb."""
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = Field(None, examples=["optional"])
    """What becomes of a start when the CD's file is missing: it fails, or with `optional` the drive is
    empty. Of a CD-ROM only."""

    @property
    def has_driver(self) -> bool:
        """Whether it states what libvirt's <driver> holds besides the format."""
        return any(getattr(self, name) is not None for name in _DRIVER)

    @property
    def limits(self) -> list[tuple[str, int]]:
        """libvirt's names and values of its I/O limits."""
        return list(elements(self.iops, self.bandwidth)) if self.iops or self.bandwidth else []

    @property
    def cdrom_image(self) -> str | None:
        """The image in the drive."""
        named = self.cdrom is not None and self.cdrom != "empty" and not self.cdrom.startswith("/")
        return self.cdrom if named and self.volume is None else None

    @property
    def own(self) -> bool:
        """Whether the volume is the VM's own: declared here, named after the VM."""
        return self.volume is None and self.path is None and self.cdrom is None

    @model_validator(mode="after")
    def _one_source(self) -> DiskSpec:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if self.size is not None or self.backing is not None or self.image is not None:
            given.append("size")
        if len(given) != 1:
            raise PydanticCustomError(
                "disk",
                "a disk has exactly one of `size` (with `image` or `backing`, or blank), `volume`, `path` "
                "or `cdrom`",
            )
        enforce_one_origin(self)
        if self.own and self.name is None:
            raise PydanticCustomError(
                "disk", "a disk of the VM's own needs a `name`; its volume is called after it"
            )
        if self.cdrom is not None and self.cdrom.startswith("/"):
            parse_path(self.cdrom)
        elif self.cdrom is not None and self.cdrom != "empty":
            parse_name(self.cdrom)
        return self

    @model_validator(mode="after")
    def _fits(self) -> DiskSpec:
        bus = self.bus or ("scsi" if self.cdrom is not None else "virtio")
        for field, buses in _BUSES.items():
            if getattr(self, field) is not None and bus not in buses:
                raise PydanticCustomError(
                    "disk",
                    "`{field}` goes with the bus {buses} only; this disk is on {bus}",
                    {"field": field, "buses": " or ".join(buses), "bus": bus},
                )
        if self.startup_policy is not None and self.cdrom is None:
            raise PydanticCustomError("disk", "`startup_policy` goes with `cdrom` only")
        if self.cdrom is not None and (self.readonly is False or self.shareable is not None):
            raise PydanticCustomError("disk", "a CD-ROM is always read-only, and can be shared")
        if self.rotation_rate is not None and 1 < self.rotation_rate < 1025:
            raise PydanticCustomError("disk", "`rotation_rate` is 1 for an SSD, or 1025 to 65534")
        return self
