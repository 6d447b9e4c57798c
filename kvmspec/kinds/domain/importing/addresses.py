"""Addresses that libvirt would draw again: a rehearsal of how it does that.

An address that the rehearsal gives is left out, any other is kept.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

from kvmspec.kinds.domain.importing import pci
from kvmspec.kinds.domain.keys import number_of


def drop_generated(root: ET.Element) -> None:
    """Take out the addresses that come back by themselves."""
    devices = root.find("devices")
    if devices is None:
        return
    _drop_drives(devices)
    _drop_slots(devices)
    for kind, follows in _IN_A_ROW.items():
        _drop_row(devices, kind, follows)
    pci.drop_generated(root, devices)


def _drop_slots(devices: ET.Element) -> None:
    """Slots of DIMMs: one after the other they get the lowest that are free, where none is chosen (9.0)."""
    found = [(node, a) for node in devices.findall("memory") for a in node.findall("address[@type='dimm']")]
    wanted = [{"type": "dimm", "slot": str(number)} for number in range(len(found))]
    if [dict(address.attrib) for _, address in found] == wanted:
        for node, address in found:
            node.remove(address)


def _drop_drives(devices: ET.Element) -> None:
    for disk in devices.findall("disk"):
        target, address = disk.find("target"), disk.find("address")
        if target is None or address is None or address.get("type") != "drive":
            continue
        rule = _DRIVES.get(target.get("bus") or "")
        if rule is not None:
            controller, bus, unit = rule(number_of(target.get("dev") or "xxa"))
            wanted = {"type": "drive", "controller": controller, "bus": bus, "target": 0, "unit": unit}
            if address.attrib == {name: str(value) for name, value in wanted.items()}:
                disk.remove(address)


_DRIVES: Mapping[str, Callable[[int], tuple[int, int, int]]] = {
    "ide": lambda n: (n // 4, n // 2 % 2, n % 2),
    "sata": lambda n: (n // 6, 0, n % 6),
    "scsi": lambda n: (n // 7, 0, n % 7),
    "fdc": lambda n: (n // 2, 0, n % 2),
}
"""bus → controller, bus and unit of the nth target (virDomainDiskDefAssignAddress)."""


def _drop_row(devices: ET.Element, kind: str, nth: Callable[[int], Mapping[str, str]]) -> None:
    """Addresses of one kind that are 1, 2, … in the order of the devices."""
    found = [(node, a) for node in devices for a in node.findall("address") if a.get("type") == kind]
    if [dict(address.attrib) for _, address in found] == [nth(n) for n in range(1, len(found) + 1)]:
        for node, address in found:
            node.remove(address)


_IN_A_ROW: Mapping[str, Callable[[int], Mapping[str, str]]] = {
    "virtio-serial": lambda n: {"type": "virtio-serial", "controller": "0", "bus": "0", "port": str(n)},
    "usb": lambda n: {"type": "usb", "bus": "0", "port": str(n)},
    "ccid": lambda n: {"type": "ccid", "controller": "0", "slot": str(n - 1)},
}
