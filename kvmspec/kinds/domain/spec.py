"""A VM as the manifest writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import Duration, HostPath, IPv4, Mac, Name, Secret, Size, Text, parse_path

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class CpusSpec(Model):
    """Virtual CPUs."""

    short: ClassVar[str | None] = "count"
    later: ClassVar[frozenset[str]] = frozenset({"topology", "pin", "model", "shares", "quota", "features"})

    count: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """vCPUs the guest has now."""
    max: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """Ceiling up to which `count` can grow while the guest runs."""
    mode: Literal["host-passthrough", "host-model", "maximum"] | None = None
    """Which CPU the guest sees."""

    @model_validator(mode="after")
    def _within(self) -> CpusSpec:
        if self.count is not None and self.max is not None and self.count > self.max:
            raise PydanticCustomError("over_max", "`count` is above `max`")
        return self


def _reasonable(size: int) -> int:
    if not _LEAST_MEMORY <= size <= _MOST_MEMORY:
        raise PydanticCustomError("memory", "a VM has between 1MiB and 16TiB of memory")
    return size


_LEAST_MEMORY, _MOST_MEMORY = 2**20, 2**44  # QEMU's q35 takes 16 TiB less a hole at the most
Memory = Annotated[Size, AfterValidator(_reasonable)]


class MemorySpec(Model):
    """Memory."""

    short: ClassVar[str | None] = "size"
    later: ClassVar[frozenset[str]] = frozenset({"hugepages", "slots", "tuning"})

    size: Memory | None = None
    """Memory the guest has now."""
    max: Memory | None = None
    """Ceiling up to which `size` can grow while the guest runs."""

    @model_validator(mode="after")
    def _within(self) -> MemorySpec:
        if self.size is not None and self.max is not None and self.size > self.max:
            raise PydanticCustomError("over_max", "`size` is above `max`")
        return self


class FeaturesSpec(Model):
    """Hypervisor features; false takes one away."""

    later: ClassVar[frozenset[str]] = frozenset({"hyperv", "kvm", "smm", "vmport", "ioapic"})

    acpi: bool | None = None
    """ACPI tables; without them a guest cannot be asked to shut down."""
    apic: bool | None = None
    """The local APIC."""
    pae: bool | None = None
    """Physical address extension for 32-bit guests."""


class BootSpec(Model):
    """What is started: a list of devices, or a kernel of the host."""

    short: ClassVar[str | None] = "devices"

    devices: tuple[Literal["disk", "cdrom", "network"], ...] | None = None
    """Kinds of devices, tried in this order."""
    kernel: HostPath | None = None
    """A kernel on the host, started directly."""
    initrd: HostPath | None = None
    """The initial RAM disk for `kernel`."""
    cmdline: Text | None = None
    """The command line for `kernel`."""

    @model_validator(mode="after")
    def _one_way(self) -> BootSpec:
        if self.kernel is None and (self.initrd or self.cmdline is not None):
            raise PydanticCustomError("boot", "`initrd` and `cmdline` need a `kernel`")
        if self.devices is not None and len(set(self.devices)) != len(self.devices):
            raise PydanticCustomError("boot", "a boot device is listed twice")
        return self


class BackingSpec(Model):
    """What an overlay reads where nothing was written to it."""

    short: ClassVar[str | None] = "volume"

    volume: Name | None = None
    """A volume; declared in the manifest, or with `pool`, one that is on the host."""
    pool: Name | None = None
    """The pool of `volume`."""
    path: HostPath | None = None
    """A file on the host."""
    format: Literal["qcow2", "raw"] | None = None
    """The format of `path` (default: by its suffix)."""

    @model_validator(mode="after")
    def _one_source(self) -> BackingSpec:
        if (self.volume is None) == (self.path is None):
            raise PydanticCustomError("backing", "give either `volume` or `path`")
        return self


_SOURCES = ("volume", "path", "cdrom")


class DiskSpec(Model):
    """A disk: blank or overlay (`size`, `backing`), `volume`, `path` or `cdrom`."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"image", "clone", "iops", "bandwidth", "boot_order", "serial"}
    )

    name: Name | None = None
    """The key by which the disk is known for life."""
    size: Size | None = None
    """Size of a disk of the VM's own."""
    backing: BackingSpec | None = None
    """Makes the VM's own disk an overlay."""
    volume: Name | None = None
    """A declared volume, or with `pool` one that is on the host."""
    path: HostPath | None = None
    """An existing file or block device of the host."""
    cdrom: Text | None = None
    """An ISO file of the host, or `empty`."""
    pool: Name | None = None
    """The pool the disk lies in."""
    format: Literal["qcow2", "raw"] | None = None
    """Format of the image (default: qcow2 for an own disk, else by its suffix)."""
    bus: Literal["virtio", "scsi", "sata", "usb", "ide"] | None = None
    """The bus the guest sees it on."""
    cache: Literal["none", "writeback", "writethrough", "directsync", "unsafe"] | None = None
    """The host's page cache."""
    discard: Literal["unmap", "ignore"] | None = None
    """What becomes of the guest's TRIM."""
    io: Literal["threads", "native", "io_uring"] | None = None
    """How QEMU does its I/O."""

    @property
    def own(self) -> bool:
        """Whether the volume is the VM's own: declared here, named after the VM."""
        return self.volume is None and self.path is None and self.cdrom is None

    @model_validator(mode="after")
    def _one_source(self) -> DiskSpec:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if self.size is not None or self.backing is not None:
            given.append("size" if self.size is not None else "backing")
        if len(given) != 1:
            raise PydanticCustomError(
                "disk", "a disk has exactly one of `size` (or `backing`), `volume`, `path` or `cdrom`"
            )
        if self.own and self.name is None:
            raise PydanticCustomError(
                "disk", "a disk of the VM's own needs a `name`; its volume is called after it"
            )
        if self.cdrom is not None and self.cdrom != "empty" and self.cdrom.startswith("/"):
            parse_path(self.cdrom)
        elif self.cdrom is not None and self.cdrom != "empty":
            raise PydanticCustomError(
                "not_built",
                "`cdrom` takes an absolute path or `empty`; images are part of the format, "
                "but this version does not support them yet",
            )
        return self


class NicSpec(Model):
    """A network interface."""

    short: ClassVar[str | None] = "network"
    later: ClassVar[frozenset[str]] = frozenset(
        {"ip", "queues", "macvtap", "vlan", "bandwidth", "filter", "link", "mtu", "boot_order", "portgroup"}
    )

    name: Name | None = None
    """The key by which the interface is known for life."""
    network: Name | None = None
    """A libvirt network, declared or on the host."""
    bridge: Name | None = None
    """A bridge of the host."""
    mac: Mac | None = None
    """Its MAC; derived from project, VM and key when not given."""
    model: Literal["virtio", "e1000", "e1000e", "rtl8139"] | None = None
    """The card the guest sees."""

    @model_validator(mode="after")
    def _one_source(self) -> NicSpec:
        if (self.network is None) == (self.bridge is None):
            raise PydanticCustomError("nic", "an interface has exactly one of `network` or `bridge`")
        return self


_VNC_PASSWORD = 8  # the protocol's limit; libvirt refuses more


class GraphicsSpec(Model):
    """A graphical console."""

    short: ClassVar[str | None] = "type"

    type: Literal["vnc"]
    """The protocol."""
    listen: IPv4 | None = None
    """The address it listens on (default 127.0.0.1)."""
    port: Annotated[int, Field(ge=5900, le=65535, strict=True)] | None = None
    """A fixed port; without it libvirt takes a free one."""
    password: Secret | None = None
    """Asked of whoever connects; VNC takes eight characters at the most."""

    @field_validator("password")
    @classmethod
    def _short(cls, value: str | None, info: ValidationInfo) -> str | None:
        store = (info.context or {}).get("secrets")
        if value is not None and len(store.reveal(value) if store else value) > _VNC_PASSWORD:
            raise PydanticCustomError("password", "a VNC password has at most 8 characters")
        return value


class DevicesSpec(Model):
    """Further devices; false takes one away."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "hostdevs",
            "watchdog",
            "sound",
            "vsock",
            "panic",
            "inputs",
            "input",
            "hostdev",
            "balloon",
            "video",
            "tpm",
        }
    )

    rng: bool | None = None
    """A virtio random number generator fed from /dev/urandom."""


class LifecycleSpec(Model):
    """What may happen to the VM."""

    later: ClassVar[frozenset[str]] = frozenset({"max_unavailable"})

    prevent_destroy: bool = False
    """Never delete it, not even with --allow; outlives the block in the manifest."""
    ignore_changes: tuple[str, ...] = ()
    """Fields whose difference from the host is not a change, e.g. `memory.size`."""
    restart: Literal["allowed", "ask", "never"] = "ask"
    """Whether a change may restart the guest: without asking, with --allow restart, or never."""
    shutdown_timeout: Duration = 120
    """How long the guest may take to shut down."""
    force_off_after: Duration | None = None
    """Power off a guest that has not shut down after this time."""


class VmSpec(Model):
    """A virtual machine."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "firmware", "tpm", "cloud_init", "wait_for", "install", "filesystems", "xml", "strict",
            "clock", "on_poweroff", "on_reboot", "on_crash", "iothreads",
        }
    )  # fmt: skip

    uuid: Uuid | None = None
    """Adopts the VM of that UUID."""
    title: Text | None = None
    """A short title."""
    description: Text | None = None
    """What it is for."""
    state: Literal["running", "stopped", "any"] = "running"
    """Whether it shall run."""
    autostart: bool | None = None
    """Whether it starts with the host."""
    preset: Literal["standard", "bare"] = "standard"
    """What a new VM gets that is not stated."""
    machine: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """The machine type: `q35`, `pc`, or a versioned one."""
    arch: Literal["x86_64", "aarch64", "i686", "ppc64le", "s390x", "riscv64"] | None = None
    """The CPU architecture (default: the host's)."""
    accel: Literal["auto", "kvm", "tcg"] | None = None
    """Hardware virtualization or emulation; `auto` takes what the host has at creation."""
    cpus: CpusSpec | None = None
    """Virtual CPUs."""
    memory: MemorySpec | None = None
    """Memory."""
    features: FeaturesSpec | None = None
    """Hypervisor features."""
    boot: BootSpec | None = None
    """What is started."""
    pool: Name | None = None
    """The pool for its own disks."""
    disks: tuple[DiskSpec, ...] = ()
    """Disks and CD-ROMs."""
    networks: tuple[NicSpec, ...] = ()
    """Network interfaces."""
    console: bool | None = None
    """A serial console."""
    guest_agent: bool | None = None
    """The channel of the QEMU guest agent."""
    graphics: tuple[GraphicsSpec, ...] | None = None
    """Graphical consoles; at most one a type."""
    devices: DevicesSpec = DevicesSpec()
    """Further devices."""
    hotplug_ports: Annotated[int, Field(ge=0, le=64, strict=True)] | None = None
    """Spare PCIe ports of a new q35 machine."""
    depends_on: tuple[Name, ...] = ()
    """VMs that are started before it."""
    lifecycle: LifecycleSpec = LifecycleSpec()
    """What may happen to it."""

    @model_validator(mode="after")
    def _complete(self) -> VmSpec:
        if self.title is not None and "\n" in self.title:
            raise PydanticCustomError("title", "a title is one line; `description` may have several")
        if self.uuid is None and (self.memory is None or self.memory.size is None):
            raise PydanticCustomError("required", "`memory` is required")
        types = [graphics.type for graphics in self.graphics or ()]
        if len(set(types)) != len(types):
            raise PydanticCustomError("graphics", "only one console of each type is possible")
        return self

    def references(self) -> Iterable[Reference]:
        """Networks, pools, volumes and VMs it cannot do without."""
        for nic in self.networks:
            if nic.network:
                yield "network", nic.network
        for disk in self.disks:
            if disk.volume and not disk.pool:
                yield "volume", disk.volume
            if disk.backing and disk.backing.volume and not disk.backing.pool:
                yield "volume", disk.backing.volume
            if disk.own:
                yield "pool", disk.pool or self.pool or ""  # the manifest's only one
            elif disk.pool:
                yield "pool", disk.pool
            if disk.backing and disk.backing.pool:
                yield "pool", disk.backing.pool
