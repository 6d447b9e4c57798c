"""What a change costs a running guest, and why: the rules that the field table's rows name.

Facts: https://libvirt.org/formatdomain.html and measurements on libvirt 9.0 with QEMU 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kvmspec.core.impact import Impact
from kvmspec.kinds.domain.guest import Guest
from kvmspec.manifest.types import format_size


class Verdict(NamedTuple):
    """What a change costs a running guest, why, and what could be stated instead of a restart."""

    impact: Impact
    reason: str
    avoid: str = ""


Rule = Callable[[Any, Any, Guest], Verdict]


def live(reason: str = "") -> Rule:
    """Always possible while the guest runs."""
    return lambda before, after, guest: Verdict(Impact.LIVE, reason)


def restart(reason: str) -> Rule:
    """Only a guest that starts anew sees it."""
    return lambda before, after, guest: Verdict(Impact.RESTART, reason)


def replace(reason: str) -> Rule:
    """What the guest knows goes, another thing takes its place."""
    return lambda before, after, guest: Verdict(Impact.REPLACE, reason)


@dataclass(frozen=True, slots=True)
class Unless:
    """Live, but for what only a guest that starts anew has.

    told     when that is, in words
    refusal  why a change cannot go live; "" where it can
    """

    told: str
    refusal: Callable[[Any, Any, Guest], str]

    def __call__(self, before: Any, after: Any, guest: Guest) -> Verdict:
        found = self.refusal(before, after, guest)
        return Verdict(Impact.RESTART, found) if found else Verdict(Impact.LIVE, "")


def vcpus(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainSetVcpusFlags: up to the maximum; a vCPU the guest booted with is not unplugged."""
    if int(after) > guest.max_vcpus:
        avoid = f"cpus.count up to {guest.max_vcpus} goes live" if guest.vcpus < guest.max_vcpus else ""
        return Verdict(Impact.RESTART, f"the guest booted with at most {guest.max_vcpus}", avoid)
    if int(after) < guest.vcpus:
        return Verdict(Impact.RESTART, "a vCPU is taken away at the next boot only")
    return Verdict(Impact.LIVE, f"max {guest.max_vcpus}")


def memory(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainSetMemoryFlags moves the balloon, up to the maximum memory."""
    if not guest.has_balloon:
        return Verdict(Impact.RESTART, "the VM has no memory balloon")
    most, now = format_size(guest.max_memory), int(before or guest.memory)
    if int(after) > guest.max_memory:
        avoid = f"memory.size up to {most} goes live" if now < guest.max_memory else ""
        return Verdict(Impact.RESTART, f"the guest booted with at most {most}", avoid)
    return Verdict(Impact.LIVE, f"max {most}")


def machine(before: Any, after: Any, guest: Guest) -> Verdict:
    """Another family has other buses: the guest's interfaces get new names."""
    if before and after and family(str(before)) != family(str(after)):
        return Verdict(
            Impact.REPLACE,
            "another machine family: every PCI address changes, and with it the guest's names",
        )
    return Verdict(Impact.RESTART, "the machine type is fixed at boot")


def family(machine_type: str) -> str:
    """`pc-q35-7.2` and `q35` → `q35`; `pc-i440fx-7.2` and `pc` → `pc`."""
    if "q35" in machine_type:
        return "q35"
    if machine_type == "pc" or machine_type.startswith("pc-"):
        return "pc"
    return machine_type.partition("-")[0]


def same_machine(stated: str, live_type: str) -> bool:
    """An alias equals any version of its family (libvirt writes the version it chose)."""
    return stated == live_type or (stated in ("q35", "pc", "virt", "microvm") and family(live_type) == stated)


def password(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainUpdateDeviceFlags gives VNC another password. To a console that started without one it
    cannot give any ("Could not set password"), and one that is taken away is still asked for [9.0]."""
    if after is None:
        return Verdict(Impact.RESTART, "a running console keeps its password")
    if guest.active and before is None:
        return Verdict(Impact.RESTART, "a console that was started without a password gets none")
    return Verdict(Impact.LIVE, "asked of whoever connects from then on")


# --- devices that are plugged in and out (https://libvirt.org/pci-hotplug.html)
Test = Callable[[Mapping[str, Any]], bool]
Refusal = Callable[[Mapping[str, Any]], tuple[str, str] | None]
Lack = Callable[[Mapping[str, Any], Guest], str]


@dataclass(frozen=True, slots=True)
class Plug:
    """A whole device comes or goes: virDomainAttachDeviceFlags, virDomainDetachDeviceAlias.

    told     when that is live, in words
    pci      whether it takes a PCI slot of its own
    refusal  why libvirt does not plug it, and what could be stated instead; None where it does
    lacks    what the running guest has not and the device needs, in words; "" where nothing
    """

    told: str = "plugged in and out where a PCI port is free, and the guest has ACPI"
    pci: Test = lambda device: True
    refusal: Refusal = lambda device: None
    lacks: Lack = lambda device, guest: ""

    def __call__(self, before: Any, after: Any, guest: Guest) -> Verdict:
        if before is not None and after is not None:
            return Verdict(Impact.RESTART, "not known to change while running")
        device = after if after is not None else before
        device = device if isinstance(device, Mapping) else {}
        if before is None and "boot" in device:  # libvirt takes it beside <os><boot> no more than at boot
            return Verdict(
                Impact.RESTART, "the firmware reads its place at boot", "without boot_order it goes live"
            )
        if found := self.refusal(device):
            reason, avoid = found
            return Verdict(Impact.RESTART, reason, avoid if before is None else "")
        if guest.active and before is None and (missing := self.lacks(device, guest)):
            return Verdict(Impact.RESTART, missing)
        if guest.active and self.pci(device) and not guest.has_acpi:
            return Verdict(Impact.RESTART, "a guest without ACPI does not notice a device that comes or goes")
        return Verdict(Impact.LIVE, "plugged in" if before is None else "the guest has to let go of it")


NO_PORT = Verdict(
    Impact.RESTART, "no PCI port is free in the running guest", "a VM made with more hotplug_ports has some"
)
"""Of a device that would go live if there were room for it."""
NO_USB_PORT = Verdict(
    Impact.RESTART, "no USB port is free in the running guest", "a disk on virtio or scsi goes live"
)

_DISK_BUSES = ("virtio", "scsi", "usb")


def disk_bus(disk: Mapping[str, Any]) -> str:
    return str(disk.get("target", {}).get("@bus", ""))


def unpluggable_disk(disk: Mapping[str, Any]) -> tuple[str, str] | None:
    """qemuDomainAttachDeviceDiskLive takes no drives, and no bus but these."""
    if disk.get("@device") in ("cdrom", "floppy"):
        return "a drive cannot be plugged in or out; what is in it can change", ""
    bus = disk_bus(disk)
    if bus and bus not in _DISK_BUSES:
        return f"a disk on the bus {bus} cannot be plugged in or out", "on virtio, scsi or usb it goes live"
    return None
