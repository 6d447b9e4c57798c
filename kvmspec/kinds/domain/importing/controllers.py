"""Controllers that libvirt adds by itself for what is on them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping


def drop_implicit(root: ET.Element) -> None:
    """Take out the controllers that come back by themselves. Their addresses are dropped before, where
    those come back; a controller with an address of its own stays."""
    devices = root.find("devices")
    kind = root.find("os/type")
    if devices is None or kind is None:
        return
    q35 = "q35" in (kind.get("machine") or "")
    for node in devices.findall("controller"):
        if len(node) == 0 and _comes_back(node, devices, q35):
            devices.remove(node)


def _comes_back(node: ET.Element, devices: ET.Element, q35: bool) -> bool:
    attributes = {name: value for name, value in node.attrib.items() if name != "index"}
    if node.get("index") != "0":
        return False
    test = _IMPLICIT.get(tuple(attributes.values()))
    return test is not None and len(attributes) <= 2 and test(devices, q35)


def _on_bus(bus: str) -> Callable[[ET.Element, bool], bool]:
    return lambda devices, q35: any(node.get("bus") == bus for node in devices.findall("disk/target"))


def _virtio_serial(devices: ET.Element, q35: bool) -> bool:
    return any(node.get("type") == "virtio" for node in devices.findall("channel/target"))


_IMPLICIT: Mapping[tuple[str, ...], Callable[[ET.Element, bool], bool]] = {
    ("pci", "pci-root"): lambda devices, q35: not q35,
    ("pci", "pcie-root"): lambda devices, q35: q35,
    ("usb", "piix3-uhci"): lambda devices, q35: not q35,
    ("usb", "qemu-xhci"): lambda devices, q35: q35,
    ("sata",): lambda devices, q35: q35,
    ("ide",): _on_bus("ide"),
    ("fdc",): _on_bus("fdc"),
    ("virtio-serial",): _virtio_serial,
    ("ccid",): lambda devices, q35: devices.find("smartcard") is not None,
}
"""type and model → whether one of index 0 is added by libvirt."""
