"""The controllers that libvirt adds by itself, where it puts them, and what it writes down of PCI ones.

Facts: qemuDomainDefAddDefaultDevices (src/qemu/qemu_domain.c), virDomainDefAddImplicitControllers and
virDomainControllerInsertPreAlloced (src/conf/domain_conf.c), and what a libvirt 9.0 was seen to do
(tests/live/test_rehearsal.py).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from kvmspec.kinds.domain.rehearsal.buses import Place

_NAMES: Mapping[str, str] = {
    "pci-bridge": "pci-bridge",
    "dmi-to-pci-bridge": "i82801b11-bridge",
    "pcie-to-pci-bridge": "pcie-pci-bridge",
    "pcie-root-port": "pcie-root-port",
    "pcie-switch-upstream-port": "x3130-upstream",
    "pcie-switch-downstream-port": "xio3130-downstream",
    "pci-expander-bus": "pxb",
    "pcie-expander-bus": "pxb-pcie",
}
"""model of a PCI controller → QEMU's device for it."""


def new(kind: str, index: int, model: str | None = None) -> ET.Element:
    """A controller that says no more than that."""
    node = ET.Element("controller", {"type": kind, "index": str(index)})
    if model is not None:
        node.set("model", model)
    return node


def sort(devices: ET.Element) -> None:
    """Bring the controllers that are stated in the order in which libvirt keeps them: each type by its
    numbers, a master before its companions, where the first of the type stands. What it adds itself comes
    behind all of them."""
    nodes = devices.findall("controller")
    for node in nodes:
        devices.remove(node)
    for node in nodes:
        alike = devices.findall(f"controller[@type='{node.get('type')}']")
        before = next((other for other in reversed(alike) if _rank(other) <= _rank(node)), None)
        listed = [*devices]
        if before is not None:
            devices.insert(listed.index(before) + 1, node)
        else:
            devices.insert(listed.index(alike[0]) if alike else len(listed), node)


def _rank(node: ET.Element) -> tuple[int, bool]:
    return int(node.get("index", "0")), node.find("master") is not None


def add_for_hostdevs(devices: ET.Element) -> None:
    """SCSI controllers for devices of the host, which come before those of the machine; a further one is of
    the model of the one before it (measured)."""
    model = "lsilogic"
    for number in range(max(_numbers(devices, "hostdev", "drive"), default=-1) + 1):
        _maybe(devices, "scsi", number, model)
        made = devices.find(f"controller[@type='scsi'][@index='{number}']")
        model = (made.get("model") if made is not None else None) or "lsilogic"


def add_default(devices: ET.Element, q35: bool) -> None:
    """Those of the machine: USB, SATA, and the root of the PCI buses."""
    if devices.find("controller[@type='usb'][@index='0']") is None:
        _maybe(devices, "usb", 0, "qemu-xhci" if q35 else "piix3-uhci")
    if q35:
        _maybe(devices, "sata", 0)
    _maybe(devices, "pci", 0, "pcie-root" if q35 else "pci-root")


def add_implied(devices: ET.Element) -> None:
    """Those that devices are plugged into. The devices' addresses are known already."""
    for kind, model in (("scsi", "lsilogic"), ("fdc", None), ("ide", None), ("sata", None)):
        most = max(_numbers(devices, "disk", "drive", kind), default=-1)
        for number in range(most + 1):
            _maybe(devices, kind, number, model)
    for node in _serial(devices):
        address = node.find("address[@type='virtio-serial']")
        _maybe(devices, "virtio-serial", int(address.get("controller", "0")) if address is not None else 0)
    for number in _numbers(devices, "smartcard", "ccid"):
        _maybe(devices, "ccid", number)


def _numbers(devices: ET.Element, tag: str, kind: str, bus: str = "") -> Iterator[int]:
    """The controllers that addresses of that kind name."""
    for node in devices.findall(tag):
        address, target = node.find("address"), node.find("target")
        on = target.get("bus") if target is not None else None
        if address is not None and address.get("type") == kind and (not bus or on == bus):
            yield int(address.get("controller", "0"))


def _serial(devices: ET.Element) -> Iterator[ET.Element]:
    """What is on a virtio-serial controller."""
    for tag in ("channel", "console"):
        for node in devices.findall(tag):
            target = node.find("target")
            if target is not None and target.get("type") == "virtio":
                yield node


def _maybe(devices: ET.Element, kind: str, index: int, model: str | None = None) -> None:
    if devices.find(f"controller[@type='{kind}'][@index='{index}']") is None:
        devices.append(new(kind, index, model))


def describe(node: ET.Element, place: Place | None) -> None:
    """Write down what libvirt fills in of a PCI controller: QEMU's name for it, and its numbers."""
    model, index = node.get("model", ""), node.get("index", "0")
    if model not in _NAMES:
        return
    if node.find("model") is None:
        ET.SubElement(node, "model", {"name": _NAMES[model]})
    numbers = dict(_numbered(model, index, place))
    target = node.find("target")
    if numbers and target is None:
        target = ET.SubElement(node, "target")
    for name, value in numbers.items():
        if target is not None:
            target.attrib.setdefault(name, value)


def _numbered(model: str, index: str, place: Place | None) -> Iterator[tuple[str, str]]:
    match model:
        case "pci-bridge":
            yield "chassisNr", index
        case "pcie-root-port" | "pcie-switch-downstream-port" if place is not None:
            at = place.slot << 3 | place.function if model == "pcie-root-port" else place.slot
            yield "chassis", index
            yield "port", hex(at)


def settle_expanders(devices: ET.Element) -> None:
    """The number of an expander's bus: two below the lowest one that is given
    (qemuDomainAddressFindNewBusNr)."""
    nodes = devices.findall("controller[@type='pci']")
    for node in nodes:
        if not (node.get("model") or "").endswith("expander-bus"):
            continue
        target = node.find("target")
        if target is None:
            target = ET.SubElement(node, "target")
        if "busNr" not in target.attrib:
            given = [int(t.get("busNr", "256")) for n in nodes for t in n.findall("target")]
            target.set("busNr", str(min([*given, 256]) - 2))
