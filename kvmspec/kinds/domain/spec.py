"""A VM as the manifest writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cloud_init import CloudInitSpec
from kvmspec.kinds.domain.devices import DiskSpec, GraphicsSpec, NicSpec
from kvmspec.kinds.domain.install import InstallSpec
from kvmspec.kinds.domain.wait import WaitSpec
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import Duration, HostPath, Name, Size, Text


class CpusSpec(Model):
    """Virtual CPUs."""

    short: ClassVar[str | None] = "count"
    later: ClassVar[frozenset[str]] = frozenset({"topology", "pin", "model", "shares", "quota", "features"})

    examples: ClassVar[Sequence[Any]] = (
        2,
        {"count": 2, "max": 8},
        {"count": 2, "mode": "host-model"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"count", "max"})

    count: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """vCPUs the guest has now."""
    max: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """Ceiling up to which `count` can grow while the guest runs."""
    mode: Literal["host-passthrough", "host-model", "maximum"] | None = None
    """Which CPU the guest sees: the host's own, one much like it that other hosts can have, too, or all
    that QEMU can show."""

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

    examples: ClassVar[Sequence[Any]] = ("2GiB", {"size": "2GiB", "max": "8GiB"})
    least: ClassVar[frozenset[str]] = frozenset({"size", "max"})

    size: Memory | None = None
    """Memory the guest has now: 1MiB to 16TiB. Required, unless `uuid` adopts a VM."""
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

    examples: ClassVar[Sequence[Any]] = ({"acpi": True, "apic": True},)

    acpi: bool | None = None
    """ACPI tables; without them a guest cannot be asked to shut down."""
    apic: bool | None = None
    """The local APIC."""
    pae: bool | None = None
    """Physical address extension for 32-bit guests."""


class BootSpec(Model):
    """What is started: a list of devices, or a kernel of the host."""

    short: ClassVar[str | None] = "devices"

    examples: ClassVar[Sequence[Any]] = (
        ["cdrom", "disk"],
        {"devices": ["network", "disk"]},
        {"kernel": "/srv/tiny/vmlinuz", "initrd": "/srv/tiny/initrd", "cmdline": "console=ttyS0"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"kernel"})

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

    examples: ClassVar[Sequence[Any]] = ({"rng": False},)

    rng: bool | None = None
    """A virtio random number generator fed from /dev/urandom."""


class LifecycleSpec(Model):
    """What may happen to the VM."""

    later: ClassVar[frozenset[str]] = frozenset({"max_unavailable"})

    examples: ClassVar[Sequence[Any]] = (
        {"prevent_destroy": True, "restart": "never"},
        {"restart": "allowed", "shutdown_timeout": "5m", "force_off_after": "10m"},
        {"ignore_changes": ["memory.size"]},
    )

    prevent_destroy: bool = False
    """Never delete it, not even with --allow. It holds even when the VM is gone from the manifest."""
    ignore_changes: tuple[str, ...] = ()
    """Fields whose difference from the host is not a change, such as `memory.size`."""
    restart: Literal["allowed", "ask", "never"] = "ask"
    """Whether a change may restart the guest: `allowed` without asking, `ask` with --allow restart, or
    `never`."""
    shutdown_timeout: Duration = Field(120, json_schema_extra={"default": "2m"})
    """How long the guest may take to shut down. Then the apply gives up, and leaves it running."""
    force_off_after: Duration | None = None
    """Power off a guest that has not shut down after this time. Without it none ever is."""


class VmSpec(Model):
    """A virtual machine."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "firmware", "tpm", "filesystems", "xml",
            "clock", "on_poweroff", "on_reboot", "on_crash", "iothreads",
        }
    )  # fmt: skip

    examples: ClassVar[Sequence[Any]] = (
        {
            "cpus": 2,
            "memory": "2GiB",
            "disks": [{"name": "root", "size": "20GiB"}],
            "networks": ["front"],
        },
        {"profile": "base", "cpus": {"count": 4, "max": 8}, "memory": "8GiB", "autostart": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"memory"})

    uuid: Uuid | None = None
    """Adopts the VM of this UUID; only stated fields are then compared."""
    title: Text | None = Field(None, examples=["front end of the shop"])
    """A short title, on one line."""
    description: Text | None = Field(None, examples=["Serves the shop; its data is on db."])
    """What it is for; may have several lines."""
    state: Literal["running", "stopped", "any"] = "running"
    """Whether it shall run; `any` leaves it as it is."""
    autostart: bool | None = None
    """Whether it starts with the host."""
    strict: bool = False
    """Takes out devices that the manifest does not name, and leaves their volumes."""
    preset: Literal["standard", "bare"] = "standard"
    """What a new VM or device gets that is not stated: kvmspec's usual choice, or nothing."""
    machine: (
        Annotated[
            str,
            Field(
                pattern=r"^[A-Za-z0-9._-]{1,64}$",
                json_schema_extra={"x-type": ["machine", "a machine type of QEMU's"], "examples": ["q35"]},
            ),
        ]
        | None
    ) = None
    """The machine type: `q35`, `pc`, or a versioned one such as `pc-q35-7.2`."""
    arch: Literal["x86_64", "aarch64", "i686", "ppc64le", "s390x", "riscv64"] | None = None
    """The CPU architecture."""
    accel: Literal["auto", "kvm", "tcg"] | None = None
    """Hardware virtualization or emulation; `auto` takes what the host has at creation."""
    cpus: CpusSpec | None = None
    """Virtual CPUs."""
    memory: MemorySpec | None = None
    """Memory. Required, unless `uuid` adopts a VM."""
    features: FeaturesSpec | None = None
    """Hypervisor features; false takes one away."""
    boot: BootSpec | None = None
    """What is started: devices in their order, or a kernel of the host."""
    install: InstallSpec | None = None
    """Installs a new VM from an ISO before it is used."""
    pool: Name | None = Field(None, examples=["fast"])
    """The pool for its own disks."""
    disks: tuple[DiskSpec, ...] = ()
    """Disks and CD-ROMs."""
    networks: tuple[NicSpec, ...] = ()
    """Network interfaces."""
    console: bool | None = Field(None, examples=[False])
    """A serial console, for `virsh console`."""
    guest_agent: bool | None = Field(None, examples=[False])
    """The channel of the QEMU guest agent."""
    graphics: tuple[GraphicsSpec, ...] | None = None
    """Graphical consoles; at most one of each type."""
    devices: DevicesSpec = DevicesSpec()
    """Further devices; false takes one away."""
    hotplug_ports: Annotated[int, Field(ge=0, le=64, strict=True)] | None = Field(None, examples=[8])
    """Spare PCIe ports of a new q35 machine, into which devices can be plugged later."""
    cloud_init: CloudInitSpec | None = None
    """What cloud-init does at the first boot (NoCloud)."""
    depends_on: tuple[Name, ...] = Field((), examples=[["db"]])
    """VMs that are started before it."""
    wait_for: WaitSpec | None = None
    """When it counts as started: what `apply` then waits for, and `kvmspec wait`."""
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
        if self.install is not None and (problem := self._not_installable(self.install)):
            raise PydanticCustomError("install", problem)
        return self

    def _not_installable(self, install: InstallSpec) -> LiteralString | None:
        if all(disk.cdrom is not None for disk in self.disks):
            return "`install` needs a disk to install on: state one in `disks`"
        if self.boot is not None and self.boot.kernel is not None:
            return "`install` and `boot.kernel` exclude each other: an installed VM starts from its disk"
        if install.done_when == "agent" and (self.state == "stopped" or self.guest_agent is False):
            return "`install.done_when: agent` needs a VM that runs, and has the channel of the guest agent"
        return None

    def references(self) -> Iterable[Reference]:
        """Networks, pools, volumes and VMs it cannot do without."""
        for nic in self.networks:
            if nic.network:
                yield "network", nic.network
        if self.install is not None and self.install.is_image:
            yield "image", self.install.iso
        for disk in self.disks:
            if disk.volume and not disk.pool:
                yield "volume", disk.volume
            if disk.backing and disk.backing.volume and not disk.backing.pool:
                yield "volume", disk.backing.volume
            if image := disk.image or disk.cdrom_image:
                yield "image", image
            if disk.own:
                yield "pool", disk.pool or self.pool or ""  # the manifest's only one
            elif disk.pool:
                yield "pool", disk.pool
            if disk.backing and disk.backing.pool:
                yield "pool", disk.backing.pool
