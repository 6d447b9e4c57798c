"""Places on other buses than PCI: drives, virtio serial ports, USB ports, card readers, memory slots.

Facts: libvirt's src/conf/domain_addr.c and domain_conf.c (virDomainDiskDefAssignAddress, …), and what a
libvirt 9.0 was seen to do (tests/live/test_rehearsal.py).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from itertools import count

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
    on_scsi = [node for node in devices.findall("disk") if _target("bus", "scsi")(node)]
    hostdevs = devices.findall("hostdev[@type='scsi']")
    taken = {_drive(a) for node in (*on_scsi, *hostdevs) if (a := node.find("address")) is not None}
    for node in hostdevs:
        if node.find("address") is None:
            place = next(place for n in count() if (place := (n // 7, 0, 0, n % 7)) not in taken)
            taken.add(place)
            write(node, "drive", controller=place[0], bus=0, target=0, unit=place[3])


def _drive(address: ET.Element) -> tuple[int, ...]:
    return tuple(int(address.get(name, "0")) for name in ("controller", "bus", "target", "unit"))


def draw_readers(devices: ET.Element) -> None:
    """Smartcards: a slot each, on the first controller."""
    for number, node in enumerate(devices.findall("smartcard")):
        if node.find("address") is None:
            if number:
                raise Unsure("several smartcards")
            write(node, "ccid", controller=0, slot=0)


def draw_serial(devices: ET.Element) -> None:
    """Ports of virtio-serial controllers; 0 is for consoles, which need no address, and then take no port
    from a channel (measured)."""
    nodes = devices.findall("controller[@type='virtio-serial']")
    free = {int(n.get("index", "0")): set(range(int(n.get("ports", "31")))) for n in nodes}
    for tag in ("console", "channel"):
        for address in devices.findall(f"{tag}/address[@type='virtio-serial']"):
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
    "none": 0,
}  # fmt: skip
"""How many ports a USB controller has; 2 where not named. An xHCI has as many as it says, or 4."""


class _Hub:
    """A hub, or a controller: what is plugged into each port, None for what is no hub itself."""

    def __init__(self, ports: int) -> None:
        self.ports = ports
        self.taken: dict[int, _Hub | None] = {}

    def plug(self, path: list[int], what: _Hub | None) -> None:
        """Raises Unsure where that port is not there, or taken."""
        port, *deeper = path
        if deeper:
            inner = self.taken.get(port)
            if inner is None:
                raise Unsure("a USB hub that is not there")
            inner.plug(deeper, what)
        elif port in self.taken or not 1 <= port <= self.ports:
            raise Unsure("a USB port that is not there")
        else:
            self.taken[port] = what

    def free(self, depth: int = 1) -> list[int] | None:
        """The first free port: those of the hub itself come before those of hubs plugged into it."""
        for port in range(1, self.ports + 1):
            if port not in self.taken:
                return [port]
        for port, inner in sorted(self.taken.items()):
            if inner is not None and depth < _DEPTH and (found := inner.free(depth + 1)):
                return [port, *found]
        return None


_HUB_PORTS, _DEPTH = 8, 4


def draw_usb(devices: ET.Element) -> None:
    """USB ports, and the hubs that it takes (qemuDomainAssignUSBAddresses). Raises Unsure."""
    buses = _usb_buses(devices)
    nodes, hubs = list(_on_usb(devices)), devices.findall("hub[@type='usb']")
    ports = sum(bus.ports for bus in buses.values()) + _HUB_PORTS * len(hubs)
    lacking = len(nodes) + len(hubs) - ports
    for _ in range(-(-(lacking + 1) // (_HUB_PORTS - 1)) if lacking > 0 else 0):
        hubs.append(ET.SubElement(devices, "hub", {"type": "usb"}))
    for node in (*hubs, *nodes):
        if (address := node.find("address")) is not None:
            place = [int(part) for part in address.get("port", "").split(".")]
            what = _Hub(_HUB_PORTS) if node.tag == "hub" else None
            buses[int(address.get("bus", "0"))].plug(place, what)
    for node in (*hubs, *nodes):
        if node.find("address") is None:
            bus, free = next((n, path) for n in sorted(buses) if (path := buses[n].free()))
            buses[bus].plug(free, _Hub(_HUB_PORTS) if node.tag == "hub" else None)
            write(node, "usb", bus=bus, port=".".join(map(str, free)))


def _usb_buses(devices: ET.Element) -> dict[int, _Hub]:
    found = {}
    for controller in devices.findall("controller[@type='usb']"):
        model = controller.get("model") or ""
        ports = int(controller.get("ports", "4")) if "xhci" in model else _PORTS.get(model, 2)
        if ports:
            found[int(controller.get("index", "0"))] = _Hub(ports)
    return found


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
