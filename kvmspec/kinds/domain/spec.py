"""A VM as the manifest writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain import places
from kvmspec.kinds.domain.cpus_spec import CpusSpec
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.devices_spec import DevicesSpec
from kvmspec.kinds.domain.fragment_spec import EXAMPLE, Fragment
from kvmspec.kinds.domain.iothreads_spec import Iothreads
from kvmspec.kinds.domain.lifecycle_spec import LifecycleSpec
from kvmspec.kinds.domain.memory_spec import MemorySpec
from kvmspec.kinds.domain.nic_spec import NicSpec
from kvmspec.kinds.domain.words import Crash, LockFailure, Off
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import HostPath, Name, Text

if TYPE_CHECKING:
    from kvmspec.kinds.domain.blkio_spec import BlkioSpec
    from kvmspec.kinds.domain.clock_spec import ClockSpec, PowerSpec
    from kvmspec.kinds.domain.cloud_init import CloudInitSpec
    from kvmspec.kinds.domain.controllers_spec import ControllerSpec
    from kvmspec.kinds.domain.features_spec import FeaturesSpec
    from kvmspec.kinds.domain.firmware_spec import BootSpec, FirmwareSpec
    from kvmspec.kinds.domain.folders_spec import FilesystemSpec
    from kvmspec.kinds.domain.graphics_spec import GraphicsSpec
    from kvmspec.kinds.domain.host_spec import ResourceSpec
    from kvmspec.kinds.domain.install import InstallSpec
    from kvmspec.kinds.domain.iothreads_spec import ThreadPoolSpec
    from kvmspec.kinds.domain.lines_spec import AgentSpec
    from kvmspec.kinds.domain.numa_spec import NumaSpec
    from kvmspec.kinds.domain.qemu_spec import QemuSpec
    from kvmspec.kinds.domain.security_spec import IdMapSpec, LaunchSecuritySpec, SeclabelSpec
    from kvmspec.kinds.domain.sysinfo_spec import SysinfoSpec
    from kvmspec.kinds.domain.tpm_spec import TpmSpec
    from kvmspec.kinds.domain.wait import WaitSpec
else:
    ClockSpec = deferred("kvmspec.kinds.domain.clock_spec", "ClockSpec")
    PowerSpec = deferred("kvmspec.kinds.domain.clock_spec", "PowerSpec")
    ControllerSpec = deferred("kvmspec.kinds.domain.controllers_spec", "ControllerSpec")
    BootSpec = deferred("kvmspec.kinds.domain.firmware_spec", "BootSpec")
    FirmwareSpec = deferred("kvmspec.kinds.domain.firmware_spec", "FirmwareSpec")
    ThreadPoolSpec = deferred("kvmspec.kinds.domain.iothreads_spec", "ThreadPoolSpec")
    BlkioSpec = deferred("kvmspec.kinds.domain.blkio_spec", "BlkioSpec")
    AgentSpec = deferred("kvmspec.kinds.domain.lines_spec", "AgentSpec")
    CloudInitSpec = deferred("kvmspec.kinds.domain.cloud_init", "CloudInitSpec")
    FeaturesSpec = deferred("kvmspec.kinds.domain.features_spec", "FeaturesSpec")
    TpmSpec = deferred("kvmspec.kinds.domain.tpm_spec", "TpmSpec")
    FilesystemSpec = deferred("kvmspec.kinds.domain.folders_spec", "FilesystemSpec")
    GraphicsSpec = deferred("kvmspec.kinds.domain.graphics_spec", "GraphicsSpec")
    IdMapSpec = deferred("kvmspec.kinds.domain.security_spec", "IdMapSpec")
    InstallSpec = deferred("kvmspec.kinds.domain.install", "InstallSpec")
    LaunchSecuritySpec = deferred("kvmspec.kinds.domain.security_spec", "LaunchSecuritySpec")
    NumaSpec = deferred("kvmspec.kinds.domain.numa_spec", "NumaSpec")
    QemuSpec = deferred("kvmspec.kinds.domain.qemu_spec", "QemuSpec")
    ResourceSpec = deferred("kvmspec.kinds.domain.host_spec", "ResourceSpec")
    SeclabelSpec = deferred("kvmspec.kinds.domain.security_spec", "SeclabelSpec")
    SysinfoSpec = deferred("kvmspec.kinds.domain.sysinfo_spec", "SysinfoSpec")
    WaitSpec = deferred("kvmspec.kinds.domain.wait", "WaitSpec")


PerfEvent = Literal[
    "cmt", "mbmt", "mbml", "cpu_cycles", "instructions", "cache_references", "cache_misses",
    "branch_instructions", "branch_misses", "bus_cycles", "stalled_cycles_frontend",
    "stalled_cycles_backend", "ref_cpu_cycles", "cpu_clock", "task_clock", "page_faults",
    "context_switches", "cpu_migrations", "page_faults_min", "page_faults_maj", "alignment_faults",
    "emulation_faults",
]  # fmt: skip
"""libvirt's names of what can be counted (virsh domstats --perf)."""


def _contradiction(listed: Sequence[ControllerSpec]) -> LiteralString | None:
    from kvmspec.kinds.domain.controllers_spec import contradiction

    return contradiction(listed)


_SECURED = frozenset({"seclabels", "launch_security", "keywrap", "idmap", "resource", "perf"})
_TIMED = frozenset({"clock", "on_poweroff", "on_reboot", "on_crash", "on_lockfailure", "pm"})


class VmSpec(Model):
    """A virtual machine."""

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
    osinfo: Annotated[Text, Field(pattern=r"^https?://\S+$")] | None = Field(
        None, examples=["http://debian.org/debian/12"]
    )
    """The guest's system, by its id at libosinfo.org: virt-manager shows it, and nothing depends on it."""
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
    emulator: HostPath | None = Field(None, examples=["/usr/bin/qemu-system-x86_64"])
    """The program that runs it; libvirt's own choice for the architecture when not given."""
    cpus: CpusSpec | None = None
    """Virtual CPUs."""
    memory: MemorySpec | None = None
    """Memory. Required, unless `uuid` adopts a VM."""
    numa: NumaSpec | None = Field(
        None, examples=[[{"cpus": "0-1", "memory": "1GiB"}, {"cpus": "2-3", "memory": "1GiB"}]]
    )
    """NUMA cells of the guest, among which CPUs and memory are divided."""
    iothreads: Iothreads = Field(default_factory=dict, examples=[2, {1: {"pin": "0"}}])
    """Threads of QEMU's for the I/O of disks: how many, a list of them, or each by its number."""
    default_iothread: ThreadPoolSpec | None = Field(None, examples=[{"thread_pool_max": 16}])
    """QEMU's main loop, which does what no I/O thread does."""
    blkio: BlkioSpec | None = None
    """The VM's part of the host's disk I/O."""
    features: FeaturesSpec | None = None
    """Hypervisor features; false takes one away."""
    firmware: FirmwareSpec | None = None
    """What starts the guest: a BIOS, or UEFI."""
    sysinfo: SysinfoSpec | None = None
    """What the guest reads of its hardware (SMBIOS)."""
    boot: BootSpec | None = None
    """What is started: devices in their order, or a kernel of the host."""
    clock: ClockSpec | None = None
    """The clock the guest reads, and its timers."""
    on_poweroff: Off | None = Field(None, examples=["destroy"])
    """What becomes of the VM when its guest powers off; `destroy` ends it, and leaves its disks."""
    on_reboot: Off | None = Field(None, examples=["destroy"])
    """What becomes of the VM when its guest reboots."""
    on_crash: Crash | None = Field(None, examples=["preserve"])
    """What becomes of the VM when its guest crashes; see `devices.panic`."""
    on_lockfailure: LockFailure | None = Field(None, examples=["pause"])
    """What becomes of the VM when a lock on its disks is lost."""
    pm: PowerSpec | None = None
    """Power states that the guest is told of."""
    genid: Literal["auto"] | Uuid | None = Field(None, examples=["auto"])
    """An id by which Windows sees that it is a copy, or has been set back. `auto` draws one."""
    seclabels: tuple[SeclabelSpec, ...] = Field((), examples=[[{"model": "dac", "type": "none"}]])
    """How the host's security drivers confine the VM."""
    launch_security: LaunchSecuritySpec | None = None
    """Memory that the host cannot read."""
    keywrap: dict[Literal["aes", "dea"], bool] | None = Field(None, examples=[{"aes": False}])
    """Whether the guest may wrap keys by these ciphers (IBM Z)."""
    idmap: IdMapSpec | None = None
    """Users and groups of the guest, and which they are on the host."""
    resource: ResourceSpec | None = None
    """Where the VM stands among the host's groups of processes."""
    perf: dict[PerfEvent, bool] | None = Field(None, examples=[{"cpu_cycles": True}])
    """What the host counts of it; `virsh domstats --perf` shows it."""
    qemu: QemuSpec | None = None
    """What is said to QEMU past libvirt, which does not support it."""
    install: InstallSpec | None = None
    """Installs a new VM from an ISO before it is used."""
    pool: Name | None = Field(None, examples=["fast"])
    """The pool for its own disks."""
    disks: tuple[DiskSpec, ...] = ()
    """Disks and CD-ROMs."""
    networks: tuple[NicSpec, ...] = ()
    """Network interfaces."""
    console: bool | None = Field(None, examples=[False])
    """A serial port with a terminal, for `virsh console`; see `devices.serials` for others."""
    guest_agent: AgentSpec | bool | None = Field(None, examples=[False])
    """The channel of the QEMU guest agent."""
    controllers: tuple[ControllerSpec, ...] = Field(
        (),
        examples=[
            [
                {"type": "usb", "model": "qemu-xhci", "ports": 8},
                {"type": "scsi", "model": "virtio-scsi", "queues": 4},
            ]
        ],
    )
    """What devices are plugged into; libvirt adds what is needed, and not stated."""
    graphics: tuple[GraphicsSpec, ...] | None = Field(
        None, examples=[[{"type": "vnc", "listen": "0.0.0.0", "port": 5901, "password": "${vnc_password}"}]]
    )
    """Graphical consoles; at most one of each type."""
    tpm: TpmSpec | Literal[False] | None = None
    """The TPM; false takes it away."""
    filesystems: tuple[FilesystemSpec, ...] | None = None
    """Folders of the host that the guest mounts."""
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
    xml: Fragment | None = Field(None, examples=[EXAMPLE])
    """What libvirt knows and no field says: a piece of its XML, merged by identity into the VM's."""

    @model_validator(mode="after")
    def _complete(self) -> VmSpec:
        if self.title is not None and "\n" in self.title:
            raise PydanticCustomError("title", "a title is one line; `description` may have several")
        if self.uuid is None and (self.memory is None or self.memory.size is None):
            raise PydanticCustomError("required", "`memory` is required")
        if self.numa is not None and (problem := self._misdivided(self.numa)):
            raise PydanticCustomError("numa", problem)
        types: list[str] = [graphics.type for graphics in self.graphics or ()]
        if len(set(types)) != len(types):
            raise PydanticCustomError("graphics", "only one console of each type is possible")
        secure = self.firmware is not None and self.firmware.secure
        if secure and (self.features is None or not self.features.smm) and self.uuid is None:
            raise PydanticCustomError("firmware", "`firmware.secure` takes `features: {smm: true}`")
        if self.on_poweroff == "restart" and self.on_reboot == "destroy":
            raise PydanticCustomError(
                "events", "libvirt takes no `on_poweroff: restart` beside `on_reboot: destroy`"
            )
        if self.controllers and (problem := _contradiction(self.controllers)):
            raise PydanticCustomError("controllers", problem)
        if place := places.clash(self):
            raise PydanticCustomError(
                "places", "two devices have the same address: {place}", {"place": place}
            )
        if problem := self._boot_orders():
            raise PydanticCustomError("boot", problem)

        if self.devices.asks_for_spice and "spice" not in types and (self.graphics or self.uuid is None):
            raise PydanticCustomError(
                "spice",
                "what works through SPICE (spicevmc, `redirdevs`) needs a SPICE display",
            )
        targets = [folder.target for folder in self.filesystems or ()]
        if len(set(targets)) != len(targets):
            raise PydanticCustomError("filesystems", "two of `filesystems` have the same `target`")
        if self.install is not None and (problem := self._not_installable(self.install)):
            raise PydanticCustomError("install", problem)
        return self

    def _misdivided(self, numa: NumaSpec) -> LiteralString | None:
        cpus, memory = self.cpus, self.memory
        if cpus is not None and (most := cpus.max or cpus.count) and (problem := numa.unplaced(most)):
            return problem
        if memory is None or not numa.cells:
            return None
        if memory.size is not None and (memory.max or memory.size) != numa.memory:
            return "the `memory` of the `numa` cells is to be `memory.max`, or `memory.size`, in all"
        named = {*(memory.numatune.cells if memory.numatune else ()), *memory.cells}
        if any(number >= len(numa.cells) for number in named):
            return "`memory` names a `numa` cell that there is not: the first is 0"
        return None

    @property
    def celled(self) -> bool:
        """Whether NUMA cells are stated, or the one that room for DIMMs needs."""
        memory = self.memory
        return bool(self.numa and self.numa.cells) or bool(memory and memory.slots and memory.boots_with)

    def _boot_orders(self) -> LiteralString | None:
        stated = [*(d.boot_order for d in self.disks), *(n.boot_order for n in self.networks)]
        given = [order for order in stated if order is not None]
        if len(set(given)) != len(given):
            return "two devices have the same `boot_order`: each has a place of its own"
        if given and self.boot is not None and self.boot.devices is not None:
            return "`boot.devices` and `boot_order` exclude each other: say the order in one way"
        return None

    def _not_installable(self, install: InstallSpec) -> LiteralString | None:
        if all(disk.is_drive for disk in self.disks):
            return "`install` needs a disk to install on: state one in `disks`"
        if self.boot is not None and self.boot.kernel is not None:
            return "`install` and `boot.kernel` exclude each other: an installed VM starts from its disk"
        if install.done_when == "agent" and (self.state == "stopped" or self.guest_agent is False):
            return "`install.done_when: agent` needs a VM that runs, and has the channel of the guest agent"
        return None

    @property
    def tuned(self) -> bool:
        """Whether anything is stated of what it may have of its host (templates/tuning)."""
        cpus, memory = self.cpus, self.memory
        return bool(
            self.iothreads
            or self.blkio
            or self.default_iothread
            or (cpus and (cpus.tuned or cpus.vcpus))
            or (memory and (memory.limits or memory.numatune))
        )

    @property
    def timed(self) -> bool:
        """Whether anything is stated of its clock, its power states, or of what follows when it stops."""
        return not _TIMED.isdisjoint(self.model_fields_set)

    @property
    def secured(self) -> bool:
        """Whether anything is stated of what keeps guest and host apart (templates/machine/security)."""
        return not _SECURED.isdisjoint(self.model_fields_set)

    def references(self) -> Iterable[Reference]:
        """Networks, pools, volumes and VMs it cannot do without."""
        for nic in self.networks:
            if nic.network:
                yield "network", nic.network
            if nic.filter:
                yield "nwfilter", nic.filter.name
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
            yield from (("pool", pool) for pool in disk.placed)
            yield from (("secret", secret) for secret in disk.secrets)
            if disk.backing and disk.backing.pool:
                yield "pool", disk.backing.pool
