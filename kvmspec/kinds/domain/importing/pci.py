"""PCI addresses as libvirt draws them on the i440fx machine (qemuDomainAssignDevicePCISlots)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

_FIXED = {("ide", "0"): (1, 1), ("usb", "0"): (1, 2)}
"""Functions of the PIIX3 chip, by type and index of the controller."""
_FIRST = 2  # 0 is the host bridge, 1 the PIIX3; 2 the first video card's, where there is one


def drop_generated(root: ET.Element, devices: ET.Element) -> None:
    """Take out all PCI addresses where they are those that libvirt would draw."""
    kind = root.find("os/type")
    if kind is None or not (kind.get("machine") or "pc").startswith(("pc-i440fx", "pc")):
        return
    if "q35" in (kind.get("machine") or ""):
        return
    found = {node: address for node in devices if (address := _pci(node)) is not None}
    wanted = dict(_drawn(devices))
    if found.keys() == wanted.keys() and all(_place(found[node]) == wanted[node] for node in found):
        for node, address in found.items():
            node.remove(address)


def _pci(node: ET.Element) -> ET.Element | None:
    address = node.find("address")
    return address if address is not None and address.get("type") == "pci" else None


def _place(address: ET.Element) -> tuple[int, int] | None:
    """Slot and function on the first bus; None elsewhere."""
    if address.attrib.keys() != {"type", "domain", "bus", "slot", "function"}:
        return None
    domain, bus, slot, function = (int(address.attrib[n], 0) for n in ("domain", "bus", "slot", "function"))
    return (slot, function) if domain == bus == 0 else None


def _drawn(devices: ET.Element) -> Iterator[tuple[ET.Element, tuple[int, int]]]:
    slot = _FIRST + (devices.find("video") is not None)
    for node in _in_order(devices):
        fixed = _FIXED.get((node.get("type") or "", node.get("index") or "")) if node.tag == "controller" else None
        if fixed and not (node.get("type") == "usb" and node.get("model") not in (None, "piix3-uhci")):
            yield node, fixed
        elif node.tag == "video" and node is devices.find("video"):
            yield node, (2, 0)
        else:
            yield node, (slot, 0)
            slot += 1


def _in_order(devices: ET.Element) -> Iterator[ET.Element]:
    for tag, takes in _ORDER:
        yield from (node for node in devices.findall(tag) if takes(node))


def _target(bus: str) -> Callable[[ET.Element], bool]:
    def on_bus(node: ET.Element) -> bool:
        target = node.find("target")
        return target is not None and target.get("bus") == bus

    return on_bus


_ORDER: tuple[tuple[str, Callable[[ET.Element], bool]], ...] = (
    ("filesystem", lambda node: True),
    ("interface", lambda node: node.get("type") != "hostdev"),
    ("sound", lambda node: node.get("model") in ("es1370", "ac97", "ich6", "ich9", "virtio")),
    ("controller", lambda node: node.get("type") not in ("pci", "fdc", "ccid")),
    ("disk", _target("virtio")),
    ("hostdev", lambda node: node.get("type") in ("pci", "mdev", "scsi_host")),
    ("memballoon", lambda node: (node.get("model") or "").startswith("virtio")),
    ("rng", lambda node: (node.get("model") or "").startswith("virtio")),
    ("watchdog", lambda node: node.get("model") == "i6300esb"),
    ("video", lambda node: True),
    ("shmem", lambda node: True),
    ("input", lambda node: node.get("bus") == "virtio"),
    ("vsock", lambda node: True),
)
"""What takes a slot, in the order in which libvirt goes about it."""
