"""The running guest, as far as the cost of a change depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.read import read

Data = Mapping[str, Any]
_PCIE_PORTS = ("pcie-root-port", "pcie-switch-downstream-port")
_USB_PORTS = {"qemu-xhci": 4, "nec-xhci": 4, "ich9-ehci1": 6, "pci-ohci": 3}  # every other has 2
_HUB_PORTS = 8
_SLOTS = 31  # of a conventional PCI bus; the first is the bridge's own


@dataclass(frozen=True, slots=True)
class Guest:
    """active  its canonical data, of what a manifest can state. xml  the whole of it, as libvirt tells it."""

    active: Data = field(default_factory=dict)
    xml: str = ""

    @property
    def max_vcpus(self) -> int:
        return int(self.active.get("vcpu", {}).get("#", 0))

    @property
    def vcpus(self) -> int:
        return int(self.active.get("vcpu", {}).get("@current", 0))

    @property
    def max_memory(self) -> int:
        return int(self.active.get("memory", {}).get("#", 0))

    @property
    def memory(self) -> int:
        return int(self.active.get("currentMemory", {}).get("#", 0))

    @property
    def has_balloon(self) -> bool:
        balloon = self.active.get("devices", {}).get("memballoon", {})
        return isinstance(balloon, dict) and balloon.get("@model") not in (None, "none")

    @property
    def has_acpi(self) -> bool:
        """Without ACPI a guest neither notices a new PCI device nor lets go of one."""
        return "acpi" in self.active.get("features", {})

    def whole(self) -> Data:
        """All of it, also what no manifest states."""
        return read(self.xml) if self.xml else {}

    def controllers(self, kind: str) -> list[Data]:
        """Its controllers of a type: `pci`, `scsi`, `usb` …"""
        group = get(self.whole(), ("devices", "controller")) or {}
        return [controller for controller in group.values() if controller.get("@type") == kind]

    def free_ports(self) -> int:
        """How many PCI devices can still be plugged in: PCIe ports without a device on q35, slots of the
        root bus on others (https://libvirt.org/pci-hotplug.html)."""
        return len(self.free_places())

    def free_places(self) -> set[tuple[int, int]]:
        """(bus, slot) of each of them."""
        taken = set(_pci_places(self.whole()))
        controllers = self.controllers("pci")
        if any(controller.get("@model") == "pcie-root" for controller in controllers):
            ports = {int(c["@index"]) for c in controllers if c.get("@model") in _PCIE_PORTS}
            return {(port, 0) for port in ports - {bus for bus, _ in taken}}
        return {(0, slot) for slot in range(1, _SLOTS + 1)} - taken if controllers else set()

    def free_usb_ports(self) -> int:
        """How many USB devices can still be plugged in (measured on libvirt 9.0: it adds a hub where none is
        left, but to a definition only, and only if a device there has no port yet)."""
        whole = self.whole()
        hubs = get(whole, ("devices", "hub"))
        count = len(hubs) if isinstance(hubs, list) else int(hubs is not None)
        ports = sum(_usb_ports(controller) for controller in self.controllers("usb"))
        return ports + count * _HUB_PORTS - sum(1 for _ in _usb_places(whole))


def _usb_ports(controller: Data) -> int:
    model = str(controller.get("@model", ""))
    return int(controller.get("@ports", _USB_PORTS.get(model, 2)))


def _usb_places(data: Any) -> Iterator[str]:
    """The port of every USB device; that of the host which a hostdev is has no port."""
    if isinstance(data, dict):
        if data.get("@type") == "usb" and "@port" in data:
            yield data["@port"]
        for inner in data.values():
            yield from _usb_places(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _usb_places(inner)


def _pci_places(data: Any) -> Iterator[tuple[int, int]]:
    """(bus, slot) of every PCI device."""
    if isinstance(data, dict):
        if data.get("@type") == "pci" and "@bus" in data and "@slot" in data:
            yield int(data["@bus"], 0), int(data["@slot"], 0)
        for inner in data.values():
            yield from _pci_places(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _pci_places(inner)
