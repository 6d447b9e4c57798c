"""Disks of a VM, as the manifest writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.disk_origin import DiskOrigin
from kvmspec.kinds.domain.limits import elements
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.types import Size, Text

if TYPE_CHECKING:
    from kvmspec.kinds.auth import AuthSpec
    from kvmspec.kinds.domain.disk_origin import LayerSpec
    from kvmspec.kinds.domain.disk_parts import BlockioSpec, GeometrySpec
    from kvmspec.kinds.domain.limits_spec import DiskBandwidthSpec, IopsSpec
    from kvmspec.kinds.domain.source_parts import EncryptionSpec
else:
    AuthSpec = deferred("kvmspec.kinds.auth", "AuthSpec")
    LayerSpec = deferred("kvmspec.kinds.domain.disk_origin", "LayerSpec")
    BlockioSpec = deferred("kvmspec.kinds.domain.disk_parts", "BlockioSpec")
    GeometrySpec = deferred("kvmspec.kinds.domain.disk_parts", "GeometrySpec")
    DiskBandwidthSpec = deferred("kvmspec.kinds.domain.limits_spec", "DiskBandwidthSpec")
    IopsSpec = deferred("kvmspec.kinds.domain.limits_spec", "IopsSpec")
    EncryptionSpec = deferred("kvmspec.kinds.domain.source_parts", "EncryptionSpec")

Count = Annotated[int, Field(ge=1, le=65536, strict=True)]

DRIVER = (
    "cache", "error_policy", "rerror_policy", "io", "ioeventfd", "event_idx", "copy_on_read", "discard",
    "discard_no_unref", "iothread", "detect_zeroes", "queues", "queue_size", "iommu", "ats", "packed",
    "page_per_vq",
)  # fmt: skip
"""Fields that are attributes of <driver>; libvirt calls them as the manifest does."""
RARE = frozenset(
    {"auth", "encryption", "backing_store", "metadata_cache", "iothreads", "blockio", "geometry", "vendor"}
    | {"product", "transient", "backend_domain", "iotune_group"}
)
"""Fields that become elements in templates/devices/disk_further.xml.j2, which most disks can do without."""
_ATA = ("scsi", "sata", "ide")
_VIRTIO = (
    "model", "queues", "iothread", "iothreads", "queue_size", "ioeventfd", "event_idx", "iommu", "ats",
    "packed", "page_per_vq",
)  # fmt: skip
_BUSES = {
    "wwn": _ATA,
    "rotation_rate": _ATA,
    "removable": ("usb",),
    "vendor": ("scsi",),
    "product": ("scsi",),
    **dict.fromkeys(_VIRTIO, ("virtio",)),
}
"""field → buses on which libvirt takes it."""
USUAL_BUS = {"disk": "virtio", "cdrom": "scsi", "floppy": "fdc", "lun": "scsi"}
"""The bus of a new disk that states none."""


class DiskSpec(DiskOrigin):
    """A disk or a drive, from exactly one source: `size` (a blank disk of the VM's own), `image` or
    `backing` (a disk of its own made from that), `volume`, `path`, `source`, `cdrom` or `floppy`."""

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
        {"source": {"protocol": "rbd", "name": "vms/web", "hosts": ["ceph1"]}, "rerror_policy": "report"},
        {"path": "/dev/sdc", "device": "lun", "bus": "scsi", "sgio": "unfiltered", "rawio": True},
        {"path": "/srv/disks/shop.qcow2", "bus": "scsi", "vendor": "SHOP", "product": "DISK"},
        {"path": "/srv/disks/scratch.qcow2", "transient": True, "share_backing": True},
        {"path": "/srv/disks/data.luks", "encryption": "data-key"},
        {"path": "/srv/disks/top.qcow2", "backing_store": ["/srv/disks/below.qcow2"]},
        {"path": "/srv/disks/fast.raw", "iothreads": {1: [0, 1], 2: [2, 3]}, "queues": 4},
        {"floppy": "/srv/floppies/drivers.img", "tray": "closed"},
    )  # fmt: skip
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "share_backing": ("transient",),
        "loadparm": ("boot_order",),
    }

    model: Literal["virtio", "virtio-transitional", "virtio-non-transitional"] | None = Field(
        None, examples=["virtio-transitional"]
    )
    """The card that a disk on virtio is, for guests that know only the old or the new one."""
    cache: Literal["none", "writeback", "writethrough", "directsync", "unsafe"] | None = Field(
        None, examples=["none"]
    )
    """How the host's page cache is used; QEMU's own choice when not given."""
    discard: Literal["unmap", "ignore"] | None = None
    """What becomes of the guest's TRIM: the space goes back to the host, or nothing."""
    discard_no_unref: bool | None = Field(None, examples=[True])
    """Whether space that is given back keeps its place in a qcow2, so that it does not fragment (libvirt
    9.5)."""
    io: Literal["threads", "native", "io_uring"] | None = Field(None, examples=["io_uring"])
    """How QEMU does its I/O; its own choice when not given."""
    iops: IopsSpec | None = None
    """Limits of its operations a second."""
    bandwidth: DiskBandwidthSpec | None = None
    """Limits of its bytes a second."""
    iotune_group: Text | None = Field(None, examples=["slow"])
    """The disks of one group share `iops` and `bandwidth`."""
    serial: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+ -]{1,255}$")] | None = Field(
        None, examples=["WD-4711"]
    )
    """The serial number the guest sees, which names it in /dev/disk/by-id; virtio shows 20 characters."""
    wwn: Annotated[str, Field(pattern=r"^(0x)?[0-9a-fA-F]{16}$")] | None = Field(
        None, examples=["5000c50015ea71ad"]
    )
    """The World Wide Name the guest sees: 16 hexadecimal digits, on the buses scsi, sata and ide."""
    vendor: Annotated[str, Field(pattern=r"^[ -~]{1,8}$")] | None = Field(None, examples=["SHOP"])
    """The vendor the guest sees, on scsi: at most 8 characters."""
    product: Annotated[str, Field(pattern=r"^[ -~]{1,16}$")] | None = Field(None, examples=["DISK"])
    """The product the guest sees, on scsi: at most 16 characters."""
    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None, examples=[1])
    """Its place among the disks and interfaces that are started from; `boot.devices` is another way to
    say it."""
    loadparm: Annotated[str, Field(pattern=r"^[A-Z0-9. ]{1,8}$")] | None = Field(None, examples=["2"])
    """What the firmware of an s390 is told when it starts from the disk. Goes with `boot_order`."""
    readonly: bool | None = Field(None, examples=[True])
    """Whether the guest can only read it. A CD-ROM is so anyway."""
    shareable: bool | None = Field(None, examples=[True])
    """Whether other VMs may use it at the same time, with a file system made for that."""
    transient: bool | None = Field(None, examples=[True])
    """Whether what the guest writes is thrown away when it is shut down."""
    share_backing: bool | None = Field(None, examples=[True])
    """Whether several guests may run on a `transient` disk at the same time."""
    snapshot: Literal["no", "internal", "external", "manual"] | None = Field(None, examples=["no"])
    """How a snapshot of the VM takes the disk, where the snapshot does not say; `no` leaves it out."""
    iothread: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = Field(None, examples=[1])
    """The number of the I/O thread that serves it, on virtio; QEMU's main one when not given."""
    iothreads: (
        dict[
            Annotated[int, Field(ge=1, le=65535)],
            tuple[Annotated[int, Field(ge=0, le=65535, strict=True)], ...],
        ]
        | None
    ) = Field(None, examples=[{1: [0, 1], 2: [2, 3]}])
    """Several I/O threads that serve it, by their numbers, and the queues of each; an even share where a
    list is empty (libvirt 10.0)."""
    queues: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[4])
    """Queues of a virtio disk, so that several vCPUs can use it; one for each vCPU when not given."""
    queue_size: Count | None = Field(None, examples=[256])
    """How many requests a queue holds; a power of two."""
    detect_zeroes: Literal["off", "on", "unmap"] | None = Field(None, examples=["unmap"])
    """Whether zeros that the guest writes are noticed, and with `unmap` given back to the host."""
    copy_on_read: bool | None = Field(None, examples=[True])
    """Whether what is read from below an overlay is copied into it."""
    error_policy: Literal["stop", "report", "ignore", "enospace"] | None = Field(None, examples=["stop"])
    """What an I/O error does: the guest is paused, or told, or nothing; `enospace` pauses it where the
    host's disk is full only."""
    rerror_policy: Literal["stop", "report", "ignore"] | None = Field(None, examples=["report"])
    """The same for an error in reading; as `error_policy` when not given."""
    ioeventfd: bool | None = Field(None, examples=[True])
    """Whether a thread of its own is told of virtio's requests; QEMU's own choice when not given."""
    event_idx: bool | None = Field(None, examples=[False])
    """Whether virtio saves interrupts; QEMU's own choice when not given."""
    iommu: bool | None = Field(None, examples=[True])
    """Whether a virtio disk uses the guest's IOMMU."""
    ats: bool | None = Field(None, examples=[True])
    """Whether a virtio disk caches the IOMMU's translations."""
    packed: bool | None = Field(None, examples=[True])
    """Whether virtio's queues are packed ones."""
    page_per_vq: bool | None = Field(None, examples=[True])
    """Whether each of virtio's queues is announced in a page of its own."""
    metadata_cache: Size | None = Field(None, examples=["1MiB"])
    """How much of a qcow2's tables QEMU keeps in memory at the most."""
    rotation_rate: Annotated[int, Field(ge=1, le=65534, strict=True)] | None = Field(None, examples=[1])
    """The rotation rate the guest sees, on scsi, sata and ide: 1 is an SSD, 1025 to 65534 a rate."""
    removable: bool | None = Field(None, examples=[True])
    """Whether the guest sees a removable medium; of a disk on the bus usb."""
    tray: Literal["open", "closed"] | None = Field(None, examples=["open"])
    """Whether the tray of a drive is open; of a CD-ROM or a floppy only."""
    rawio: bool | None = Field(None, examples=[True])
    """Whether QEMU may send any command to the device; of a `lun`."""
    sgio: Literal["filtered", "unfiltered"] | None = Field(None, examples=["unfiltered"])
    """Whether the host's kernel filters the commands that the guest sends; of a `lun`."""
    geometry: GeometrySpec | None = None
    """The geometry the guest sees, for systems of old."""
    blockio: BlockioSpec | None = None
    """The sizes of blocks that the guest sees."""
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = Field(None, examples=["optional"])
    """What becomes of a start when its file is missing: it fails, or with `optional` goes on with an empty
    drive, or without the disk."""
    auth: AuthSpec | None = None
    """The user of a storage server. This and `encryption` are libvirt's elements of the disk; those of its
    `source` say the same of where the data lies, and only those go with layers below."""
    encryption: EncryptionSpec | None = None
    """How its data is encrypted."""
    backing_store: tuple[LayerSpec, ...] | None = Field(None, examples=[["/srv/disks/below.qcow2"]])
    """What lies below it, the nearest first; empty where nothing does. QEMU finds that in the files
    themselves when not given."""
    backend_domain: Text | None = Field(None, examples=["storage"])
    """The Xen domain that serves it."""

    @property
    def driver(self) -> list[tuple[str, Any]]:
        """<driver>'s attributes besides the format."""
        found = []
        for name in DRIVER:
            value = getattr(self, name)
            if value is not None:
                found.append((name, ("off", "on")[value] if isinstance(value, bool) else value))
        return found

    @property
    def has_further(self) -> bool:
        """Whether there is anything in templates/devices/disk_further.xml.j2."""
        return not RARE.isdisjoint(self.model_fields_set)

    @property
    def limits(self) -> list[tuple[str, int]]:
        """libvirt's names and values of its I/O limits."""
        return list(elements(self.iops, self.bandwidth)) if self.iops or self.bandwidth else []

    @property
    def placed(self) -> Iterator[str]:
        """Pools that its source, and what lies below it, name."""
        yield from self.placed_in()
        for layer in self.backing_store or ():
            if layer.source is not None and layer.source.pool is not None:
                yield layer.source.pool

    @property
    def within_source(self) -> Iterator[str]:
        """Elements that its source has, and what lies below it, and that elsewhere mean another thing."""
        for source in (self.source, *(layer.source for layer in self.backing_store or ())):
            if source is not None and source.nvme is not None:
                yield "address"
            if source is not None and source.seclabels:
                yield "seclabel"

    @property
    def secrets(self) -> Iterator[str]:
        """Those that it names, in its source and in what lies below it too."""
        layers = (layer.source for layer in self.backing_store or ())
        for one in (self, self.source, *layers):
            if one is not None and one.auth is not None:
                yield one.auth.secret
            if one is not None and one.encryption is not None:
                yield from one.encryption.every

    @model_validator(mode="after")
    def _fits(self) -> DiskSpec:
        bus = self.bus or USUAL_BUS[self.kind]
        for field, buses in _BUSES.items():
            if getattr(self, field) is not None and bus not in buses:
                raise PydanticCustomError(
                    "disk",
                    "`{field}` goes with the bus {buses} only; this disk is on {bus}",
                    {"field": field, "buses": " or ".join(buses), "bus": bus},
                )
        if bus == "fdc" and self.kind != "floppy":
            raise PydanticCustomError("disk", "on the bus fdc there are floppy drives only")
        if self.kind == "cdrom" and (self.readonly is False or self.shareable is False):
            raise PydanticCustomError("disk", "a CD-ROM is always read-only, and can be shared")
        if self.rotation_rate is not None and 1 < self.rotation_rate < 1025:
            raise PydanticCustomError("disk", "`rotation_rate` is 1 for an SSD, or 1025 to 65534")
        return self._goes_together()

    def _goes_together(self) -> DiskSpec:
        if self.kind != "lun" and (self.rawio is not None or self.sgio is not None):
            raise PydanticCustomError("disk", "`rawio` and `sgio` go with `device: lun` only")
        if self.tray is not None and not self.is_drive:
            raise PydanticCustomError("disk", "`tray` goes with a drive only: `cdrom` or `floppy`")
        if self.startup_policy == "requisite" and not self.is_drive:
            raise PydanticCustomError("disk", "`startup_policy: requisite` goes with a drive only")
        if self.startup_policy is not None and self.source is not None and self.source.protocol is not None:
            raise PydanticCustomError("disk", "`startup_policy` is of what the host has, not of a server's")
        if self.share_backing is not None and not self.transient:
            raise PydanticCustomError("disk", "`share_backing` goes with `transient: true` only")
        if any(layer.detect_below for layer in (self.backing_store or ())[:-1]):
            raise PydanticCustomError("disk", "only the last of `backing_store` has `detect_below`")
        if self.loadparm is not None and self.boot_order is None:
            raise PydanticCustomError("disk", "`loadparm` goes with `boot_order` only")
        return self
