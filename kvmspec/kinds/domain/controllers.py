"""What devices of a VM are plugged into: the controllers a new VM gets, and what comes with a new device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.spec import VmSpec

Path = tuple[str, ...]

SCSI: Path = ("devices", "controller", "scsi/0/")
SCSI_XML = '<controller type="scsi" index="0" model="virtio-scsi"/>'


@dataclass(frozen=True, slots=True)
class Controller:
    type: str
    model: str
    index: int | None = None


def controllers(spec: VmSpec, display: bool) -> list[Controller]:
    """virtio-scsi for SCSI disks, and on q35 enough PCIe ports for every device and some to spare:
    libvirt itself adds just as many as it needs (https://libvirt.org/pci-hotplug.html)."""
    found = []
    stated = {controller.type for controller in spec.controllers}
    if _scsi(spec) and "scsi" not in stated:
        found.append(Controller("scsi", "virtio-scsi", 0))
    if spec.hotplug_ports and "pci" not in stated and spec.machine and ("q35" in spec.machine):
        ports = _pcie_devices(spec, display) + spec.hotplug_ports
        found.append(Controller("pci", "pcie-root", 0))
        found += [Controller("pci", "pcie-root-port", number) for number in range(1, ports + 1)]
    return found


def _scsi(spec: VmSpec) -> bool:
    hostdevs = spec.devices.hostdevs or ()
    return any(disk.bus == "scsi" for disk in spec.disks) or any(
        device.scsi or device.iscsi for device in hostdevs
    )


def _pcie_devices(spec: VmSpec, display: bool) -> int:
    """How many devices take a root port: virtio ones, and the USB controller libvirt adds."""
    devices = spec.devices
    disks = sum(1 for disk in spec.disks if disk.bus == "virtio")
    serial = bool(spec.guest_agent or devices.channels)
    singles = (_scsi(spec), serial, display and not devices.cards, devices.vsock)
    several = (
        devices.rngs,
        spec.filesystems or (),
        [device for device in devices.hostdevs or () if device.pci or device.mdev],
        [device for device in devices.inputs or () if device.on_bus == "virtio"],
        devices.cards,
    )
    balloon, usb = 1, 1
    listed = disks + len(spec.networks) + sum(len(group) for group in several)
    cards = ("scsi", "usb", "virtio-serial")
    own = sum(controller.count or 1 for controller in spec.controllers if controller.type in cards)
    return listed + sum(1 for single in singles if single) + balloon + usb + own


def needs_scsi(path: Path, device: Any) -> bool:
    """Whether a disk, or one that gets another bus, or a device of the host needs a SCSI controller; libvirt
    itself would add one of a kind that no PCI Express slot takes."""
    match path[1]:
        case "disk":
            return bus_of(path, device) == "scsi"
        case "hostdev":
            return bool(get(device, ("@type",)) == "scsi")
    return False


def bus_of(path: Path, value: Any) -> str:
    """The bus of a disk that is `value`, or that gets it as its bus; "" of another device."""
    if path[:2] != ("devices", "disk"):
        return ""
    bus = value if path[3:] == ("target", "@bus") else get(value, ("target", "@bus"))
    return str(bus or "")


def beside(path: Path, device: Any, whole: Mapping[str, Any]) -> Iterator[Edit]:
    """Edits that a new device cannot do without: a controller, memory that can be shared."""
    kinds = {entry.get("@type") for entry in (get(whole, ("devices", "controller")) or {}).values()}
    if needs_scsi(path, device) and "scsi" not in kinds:
        yield Edit("add", SCSI, SCSI_XML)
    shared = get(whole, ("memoryBacking", "access", "@mode")) == "shared"
    if path[:2] == ("devices", "filesystem") and _by_virtiofs(path, device) and not shared:
        if get(whole, ("memoryBacking", "source", "@type")) not in ("memfd", "file"):
            yield Edit("set", ("memoryBacking", "source", "@type"), "memfd")
        yield Edit("set", ("memoryBacking", "access", "@mode"), "shared")


def _by_virtiofs(path: Path, value: Any) -> bool:
    """Of a whole folder, or of its driver."""
    kind = value if path[3:] == ("driver", "@type") else get(value, ("driver", "@type"))
    return bool(kind == "virtiofs")
