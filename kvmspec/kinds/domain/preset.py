"""kvmspec's own opinions: what a new VM or a new device gets that the manifest does not state.

Applied at creation only, so that a new kvmspec never plans a change by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain.cpus_spec import CpusSpec
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.keys import bus_of
from kvmspec.kinds.domain.memory_spec import MemorySpec
from kvmspec.kinds.domain.nic_spec import NicSpec
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.manifest.model import Model

if TYPE_CHECKING:
    from kvmspec.kinds.domain.graphics_spec import GraphicsSpec

HOTPLUG_PORTS = 4

CREATION: Mapping[str, str] = {
    "machine": "q35",
    "arch": "the host's",
    "accel": "kvm where the host offers it, else tcg",
    "cpus.count": "1",
    "cpus.max": "as count",
    "cpus.mode": "host-passthrough under KVM, maximum under TCG",
    "memory.max": "as size",
    "features.acpi": "true",
    "features.apic": "true",
    "clock.offset": "utc",
    "clock.timers.rtc.tickpolicy": "catchup",
    "clock.timers.pit.tickpolicy": "delay",
    "clock.timers.hpet.present": "false",
    "on_poweroff": "destroy",
    "on_reboot": "restart",
    "on_crash": "restart",
    "disks.bus": "virtio; scsi for a CD-ROM and a LUN, fdc for a floppy",
    "disks.discard": "unmap; none for a drive, a LUN, or over vhost-user",
    "disks.format": "qcow2 for a disk of its own, else by the file's suffix",
    "disks.pool": "the VM's, else the manifest's only one",
    "networks.mac": "derived from project, VM and key",
    "networks.model": "virtio",
    "graphics.listen": "127.0.0.1",
    "graphics.port": "a free one",
    "console": "true",
    "guest_agent": "true",
    "devices.rng": "true",
    "hotplug_ports": str(HOTPLUG_PORTS),
    "pool": "the manifest's only one",
}
"""What a new VM gets, in words; the functions below are what does it."""

_UNSTATED: Mapping[str, Any] = {
    "machine": "q35",
    "console": True,
    "guest_agent": True,
    "hotplug_ports": HOTPLUG_PORTS,
    "on_poweroff": "destroy",
    "on_reboot": "restart",
    "on_crash": "restart",
}

M = TypeVar("M", bound=Model)

_MODE = {"kvm": "host-passthrough", "tcg": "maximum"}


def accel_of(spec: VmSpec, facts: HostFacts) -> str:
    """`kvm` or `tcg` for a new VM. `auto` takes KVM where the host offers it."""
    if spec.accel in (None, "auto"):
        return "kvm" if facts.kvm else "tcg"
    return str(spec.accel)


def completed(spec: VmSpec, facts: HostFacts) -> VmSpec:
    """The spec with which a VM is created: everything libvirt needs, and the preset's opinions."""
    accel = accel_of(spec, facts)
    standard = spec.preset == "standard"
    cpus, memory = spec.cpus or CpusSpec(), spec.memory or MemorySpec()
    values: dict[str, Any] = {
        "arch": spec.arch or facts.arch,
        "accel": accel,
        "cpus": _new_cpus(cpus, _MODE[accel] if standard else None),
        "memory": memory,
        "disks": tuple(new_disk(disk, standard) for disk in spec.disks),
        "networks": tuple(new_nic(nic, standard) for nic in spec.networks),
    }
    if spec.graphics:
        values["graphics"] = tuple(new_graphics(graphics, standard) for graphics in spec.graphics)
    if spec.clock is not None:
        values["clock"] = _with(spec.clock, offset="utc")  # libvirt's schema takes no clock without
    if standard:
        values |= _standard(spec)
        unstated = {name: value for name, value in _UNSTATED.items() if getattr(spec, name) is None}
        if spec.devices.serials:
            unstated.pop("console", None)
        values |= unstated
    return spec.model_copy(update=values)


def _standard(spec: VmSpec) -> dict[str, Any]:
    from kvmspec.kinds.domain.clock_spec import STANDARD_TIMERS, ClockSpec
    from kvmspec.kinds.domain.features_spec import FeaturesSpec

    return {
        "features": _with(spec.features or FeaturesSpec(), acpi=True, apic=True),
        "devices": _with(spec.devices, rng=True),
        "clock": _with(spec.clock or ClockSpec(), offset="utc", timers=STANDARD_TIMERS),
    }


def _new_cpus(cpus: CpusSpec, mode: str | None) -> CpusSpec:
    most = cpus.max or (cpus.topology.vcpus if cpus.topology else cpus.count) or 1
    return _with(cpus, count=1, max=most, mode=None if cpus.model else mode)


def new_disk(disk: DiskSpec, standard: bool = True) -> DiskSpec:
    """A disk as it is created. Who serves it by vhost-user decides on `discard` (libvirt 9.0 refuses it)."""
    served = disk.source is not None and disk.source.vhostuser is not None
    discard = "unmap" if standard and disk.kind == "disk" and not served else None
    return _with(disk, bus=bus_of(disk), discard=discard)


def new_nic(nic: NicSpec, standard: bool = True) -> NicSpec:
    """An interface as it is created."""
    return _with(nic, model="virtio" if standard else None)


def new_graphics(graphics: GraphicsSpec, standard: bool = True) -> GraphicsSpec:
    """A graphical console as it is created."""
    elsewhere = graphics.listen_network or graphics.socket or not graphics.is_server
    return _with(graphics, listen="127.0.0.1" if standard and not elsewhere else None)


def _with(model: M, /, **values: Any) -> M:
    """`model` with those values where it states none."""
    unstated = {
        name: value for name, value in values.items() if getattr(model, name) is None and value is not None
    }
    return model.model_copy(update=unstated) if unstated else model
