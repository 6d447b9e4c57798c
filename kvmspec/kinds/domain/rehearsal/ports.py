"""Places on other buses than PCI: drives, virtio serial ports, USB ports, card readers, memory slots.

Facts: libvirt's src/conf/domain_addr.c and domain_conf.c (virDomainDiskDefAssignAddress, …), and what a
libvirt 9.0 was seen to do (tests/live/test_rehearsal.py).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping

from kvmspec.kinds.domain.keys import number_of
from kvmspec.kinds.domain.rehearsal.buses import Unsure

_DRIVES: Mapping[str, Callable[[int], tuple[int, int, int]]] = {
    "ide": lambda n: (n // 4, n // 2 % 2, n % 2),
    "sata": lambda n: (n // 6, 0, n % 6),
    "scsi": lambda n: (n // 7, 0, n % 7),
    "fdc": lambda n: (n // 2, 0, n % 2),
}
"""bus → controller, bus and unit of the nth target."""


def write(node: ET.Element, kind: str, **values: int | str) -> None:
    """As libvirt writes an address."""
    ET.SubElement(node, "address", {"type": kind} | {name: str(value) for name, value in values.items()})


def draw_drives(devices: ET.Element) -> None:
    """The place of a disk follows from its target; a SCSI device of the host gets the first free one."""
    for node in devices.findall("disk"):
        target = node.find("target")
        rule = _DRIVES.get(target.get("bus") or "") if target is not None else None
        if target is not None and rule is not None and node.find("address") is None:
            controller, bus, unit = rule(number_of(target.get("dev") or "xxa"))
            write(node, "drive", controller=controller, bus=bus, target=0, unit=unit)
    if devices.find("hostdev[@type='scsi']") is not None and devices.find("controller[@type='scsi']") is None:
        raise Unsure("a SCSI device of the host, and a controller that comes before all others")
    if any(node.find("address") is None for node in devices.findall("hostdev[@type='scsi']")):
        raise Unsure("a SCSI device of the host")


def draw_readers(devices: ET.Element) -> None:
    """Smartcards: a slot each, on the first controller."""
    for number, node in enumerate(devices.findall("smartcard")):
        if node.find("address") is None:
            if number:
                raise Unsure("several smartcards")
            write(node, "ccid", controller=0, slot=0)


def draw_serial(devices: ET.Element) -> None:
    """Ports of virtio-serial controllers; 0 is for consoles. Raises Unsure where there is one, which takes a
    port that libvirt does not write down."""
    nodes = devices.findall("controller[@type='virtio-serial']")
    free = {int(n.get("index", "0")): set(range(int(n.get("ports", "31")))) for n in nodes}
    if any(target.get("type") == "virtio" for target in devices.findall("console/target")):
        raise Unsure("a virtio console")
    for address in devices.findall("channel/address[@type='virtio-serial']"):
        _taken(free, address)
    for node in devices.findall("channel"):
        target = node.find("target")
        if target is None or target.get("type") != "virtio" or node.find("address") is not None:
            continue
        found = next(((c, p) for c in sorted(free) for p in sorted(free[c] - {0})), None)
        if found is None:
            raise Unsure("no free port")
        free[found[0]].discard(found[1])
        write(node, "virtio-serial", controller=found[0], bus=0, port=found[1])


def _taken(free: dict[int, set[int]], address: ET.Element) -> None:
    controller, port = int(address.get("controller", "0")), int(address.get("port", "0"))
    if not port or port not in free.get(controller, ()):
        raise Unsure("a port that is not there")
    free[controller].discard(port)


def draw_memory(root: ET.Element, devices: ET.Element) -> None:
    """Slots of DIMMs: the lowest free one."""
    if root.find("maxMemory") is None:
        return
    nodes = [node for node in devices.findall("memory") if node.get("model") in ("dimm", "nvdimm")]
    given = [node.find("address") for node in nodes]
    taken = {int(address.get("slot", "0")) for address in given if address is not None}
    for node in nodes:
        if node.find("address") is None:
            slot = next(n for n in range(len(taken) + 1) if n not in taken)
            taken.add(slot)
            write(node, "dimm", slot=slot)


# --- USB
_PORTS: Mapping[str, int] = {
    "ehci": 6, "ich9-ehci1": 6, "ich9-uhci1": 0, "ich9-uhci2": 0, "ich9-uhci3": 0, "pci-ohci": 3,
    "nec-xhci": 4, "qemu-xhci": 4, "none": 0,
}  # fmt: skip
"""How many ports a USB controller has; 2 where not named."""


def draw_usb(devices: ET.Element) -> None:
    """USB ports: the first free one of the first controller that has one. Raises Unsure where there are
    hubs, or are to be."""
    nodes = list(_on_usb(devices))
    free: dict[int, list[int]] = {}
    for controller in devices.findall("controller[@type='usb']"):
        ports = _PORTS.get(controller.get("model") or "", 2)
        if ports and "xhci" in (controller.get("model") or ""):
            ports = int(controller.get("ports", ports))
        if ports:
            free[int(controller.get("index", "0"))] = list(range(1, ports + 1))
    if devices.find("hub") is not None or len(nodes) > sum(map(len, free.values())):
        raise Unsure("USB hubs")
    for node in nodes:
        if (address := node.find("address")) is not None:
            bus, port = int(address.get("bus", "0")), address.get("port", "")
            if not port.isdecimal() or int(port) not in free.get(bus, ()):
                raise Unsure("a USB port that is not there")
            free[bus].remove(int(port))
    for node in nodes:
        if node.find("address") is None:
            bus = next(bus for bus in sorted(free) if free[bus])
            write(node, "usb", bus=bus, port=free[bus].pop(0))


def _on_usb(devices: ET.Element) -> Iterator[ET.Element]:
    """In the order in which they get their ports (virDomainUSBDeviceDefForeach)."""
    for tag, is_on in _USB:
        yield from (node for node in devices.findall(tag) if is_on(node))


def _target(name: str, value: str) -> Callable[[ET.Element], bool]:
    return lambda node: any(target.get(name) == value for target in node.findall("target"))


_USB: tuple[tuple[str, Callable[[ET.Element], bool]], ...] = (
    ("hostdev", lambda node: node.get("type") == "usb"),
    ("disk", _target("bus", "usb")),
    ("controller", lambda node: node.get("type") == "ccid"),
    ("input", lambda node: node.get("bus") == "usb"),
    ("serial", _target("type", "usb-serial")),
    ("sound", lambda node: node.get("model") == "usb"),
    ("redirdev", lambda node: node.get("bus") == "usb"),
)
