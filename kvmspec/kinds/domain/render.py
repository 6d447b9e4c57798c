"""A VM's specification → libvirt XML, through templates/domain.xml.j2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import preset
from kvmspec.kinds.domain.devices import DiskSpec, NicSpec
from kvmspec.kinds.domain.keys import disk_keys, number_of
from kvmspec.kinds.domain.sources import Source
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap

_OF_NARROW_SCSI = 7  # places on a controller, in libvirt's count


class Disk(NamedTuple):
    """A disk as the template sees it. `driver` is the format, None to leave it as it is; `unit` its place on
    the first SCSI controller, where libvirt would put it elsewhere."""

    key: str
    target: str
    spec: DiskSpec
    source: Source
    driver: str | None
    unit: int | None


class Nic(NamedTuple):
    key: str
    mac: str
    spec: NicSpec


@dataclass(frozen=True, slots=True)
class Controller:
    type: str
    model: str
    index: int | None = None


class Machine(NamedTuple):
    """All the template needs. `create`: everything a new VM gets; else only what is stated."""

    name: str
    uuid: str
    spec: VmSpec
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    create: bool = False
    metadata: str = ""
    controllers: tuple[Controller, ...] = ()
    display: bool = False


def stated(
    renderer: Renderer,
    name: str,
    spec: VmSpec,
    sources: tuple[Source, ...],
    keys: KeyMap,
    new: frozenset[str],
) -> str:
    """XML of what the manifest states, and nothing else: for comparison, never to be defined.

    `new` are the keys of disks the VM does not have yet; they are rendered as created.
    """
    machine = Machine(name, "", spec, _disks(spec, sources, keys, new), _nics(spec, keys))
    return renderer.render("domain.xml.j2", machine=machine)


def created(
    renderer: Renderer,
    name: str,
    uuid: str,
    spec: VmSpec,
    sources: tuple[Source, ...],
    keys: KeyMap,
    facts: HostFacts,
    metadata: str = "",
) -> str:
    """XML with which the VM is created: what is stated, and the preset."""
    full = preset.completed(spec, facts)
    display = bool(full.graphics) and spec.preset == "standard"
    machine = Machine(
        name,
        uuid,
        full,
        _disks(full, sources, keys, frozenset(keys.disks)),
        _nics(full, keys),
        create=True,
        metadata=metadata,
        controllers=tuple(_controllers(full, display)),
        display=display,
    )
    return renderer.render("domain.xml.j2", machine=machine)


def _disks(spec: VmSpec, sources: tuple[Source, ...], keys: KeyMap, new: frozenset[str]) -> tuple[Disk, ...]:
    return tuple(
        Disk(
            key,
            keys.disks[key],
            disk,
            source,
            source.format if key in new else disk.format,
            _unit(keys.disks[key], disk),
        )
        for key, disk, source in zip(disk_keys(spec.disks), spec.disks, sources, strict=True)
    )


def _unit(target: str, disk: DiskSpec) -> int | None:
    """libvirt puts every seventh SCSI disk on another controller, and where none of that number is defined
    adds an lsilogic one, for which few guests have a driver (measured on 9.0). virtio-scsi has room."""
    number = number_of(target)
    return number if disk.bus == "scsi" and number >= _OF_NARROW_SCSI else None


def _nics(spec: VmSpec, keys: KeyMap) -> tuple[Nic, ...]:
    return tuple(
        Nic(key, nic.mac or keys.networks[key], nic)
        for key, nic in zip(nic_keys(spec.networks), spec.networks, strict=True)
    )


def _controllers(spec: VmSpec, display: bool) -> list[Controller]:
    """virtio-scsi for SCSI disks, and on q35 enough PCIe ports for every device and some to spare:
    libvirt itself adds just as many as it needs (https://libvirt.org/pci-hotplug.html)."""
    found = []
    if any(disk.bus == "scsi" for disk in spec.disks):
        found.append(Controller("scsi", "virtio-scsi", 0))
    if spec.hotplug_ports and spec.machine and ("q35" in spec.machine):
        ports = _pcie_devices(spec, display) + spec.hotplug_ports
        found.append(Controller("pci", "pcie-root", 0))
        found += [Controller("pci", "pcie-root-port", number) for number in range(1, ports + 1)]
    return found


def _pcie_devices(spec: VmSpec, display: bool) -> int:
    """How many devices take a root port: virtio ones, and the USB controller libvirt adds."""
    disks = sum(1 for disk in spec.disks if disk.bus == "virtio")
    scsi = any(disk.bus == "scsi" for disk in spec.disks)
    singles = (scsi, spec.guest_agent, spec.devices.rng, display)
    balloon, usb = 1, 1
    return disks + len(spec.networks) + sum(1 for single in singles if single) + balloon + usb
