"""PCI addresses as libvirt draws them (qemuDomainAssignDevicePCISlots), on i440fx and q35.

The order in which devices get theirs was measured on libvirt 9.0; where a machine has anything of which it is
not known, its addresses are kept.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

Places = Mapping[ET.Element, tuple[int, int, int]]
"""Bus, slot and function."""


def drop_generated(root: ET.Element, devices: ET.Element) -> None:
    """Take out the PCI addresses that libvirt would draw, and the ports of a PCI Express machine that it adds
    for them (all of these, or none)."""
    kind = root.find("os/type")
    machine = (kind.get("machine") or "") if kind is not None else ""
    found = {node: place for node in devices if (place := _place(node)) is not None}
    if "q35" in machine:
        wanted = _express(devices)
        if wanted is not None and found == wanted:
            for node in devices.findall("controller[@model='pcie-root-port']"):
                devices.remove(node)
            kept: set[ET.Element] = set()
        else:
            kept = {node for node in found if found[node] != _on_q35(devices).get(node)}
    elif machine == "pc" or machine.startswith("pc-"):
        kept = _chosen(devices, found)
    else:
        return
    for node in found:
        address = node.find("address")
        if address is not None and node not in kept:
            node.remove(address)


def _place(node: ET.Element) -> tuple[int, int, int] | None:
    """Where a device is; None without a PCI address, negative numbers for one that says more."""
    address = node.find("address")
    if address is None or address.get("type") != "pci":
        return None
    if address.attrib.keys() - {"multifunction"} != {"type", "domain", "bus", "slot", "function"} or len(
        address
    ):
        return (-1, -1, -1)
    domain, bus, slot, function = (int(address.attrib[n], 0) for n in ("domain", "bus", "slot", "function"))
    if domain or ("multifunction" in address.attrib) != _is_first_port(node, function):
        return (-1, -1, -1)
    return bus, slot, function


def _is_first_port(node: ET.Element, function: int) -> bool:
    """The first of the ports in a slot says that there are others."""
    return node.get("model") == "pcie-root-port" and function == 0


class _Taker(NamedTuple):
    """Devices that take a place, and whether they are PCI Express devices on q35."""

    tag: str
    takes: Callable[[ET.Element], bool] = lambda node: True
    express: Callable[[ET.Element], bool] = lambda node: True


def _target(bus: str) -> Callable[[ET.Element], bool]:
    def on_bus(node: ET.Element) -> bool:
        target = node.find("target")
        return target is not None and target.get("bus") == bus

    return on_bus


def _card(node: ET.Element) -> str:
    model = node.find("model")
    return (model.get("type") or "") if model is not None else ""


def _never(node: ET.Element) -> bool:
    return False


_SOUND = ("es1370", "ac97", "ich6", "ich9", "virtio")
_EXPRESS = {"scsi": ("virtio-scsi",), "usb": ("qemu-xhci", "nec-xhci"), "virtio-serial": (None, "virtio")}
_ORDER = (
    _Taker("filesystem"),
    _Taker(
        "interface",
        lambda node: node.get("type") != "hostdev",
        lambda node: _card(node) in ("virtio", "e1000e"),
    ),
    _Taker("sound", lambda node: node.get("model") in _SOUND, _never),
    _Taker(
        "controller",
        lambda node: node.get("type") not in ("pci", "fdc", "ccid") and node.get("model") != "none",
        lambda node: node.get("model") in _EXPRESS.get(node.get("type") or "", ()),
    ),
    _Taker("disk", _target("virtio")),
    _Taker(
        "hostdev",
        lambda node: node.get("type") in ("pci", "mdev", "scsi_host"),
        lambda node: node.get("type") == "pci",
    ),
    _Taker("memballoon", lambda node: (node.get("model") or "").startswith("virtio")),
    _Taker("rng", lambda node: (node.get("model") or "").startswith("virtio")),
    _Taker("watchdog", lambda node: node.get("model") == "i6300esb", _never),
    _Taker("video", lambda node: _card(node) != "none", _never),
    _Taker("shmem", express=_never),
    _Taker("input", lambda node: node.get("bus") == "virtio"),
    _Taker("vsock"),
)
"""What takes a place, in the order in which libvirt goes about it."""


def _takers(devices: ET.Element, fixed: Places) -> Iterator[tuple[ET.Element, bool]]:
    """(device, whether it is a PCI Express one) of all whose place is not fixed."""
    for taker in _ORDER:
        for node in devices.findall(taker.tag):
            if taker.takes(node) and node not in fixed:
                yield node, taker.express(node)


def _chosen(devices: ET.Element, found: Places) -> set[ET.Element]:
    """i440fx: the devices whose addresses somebody chose. The others get the lowest slots that are free, in
    their order, on the first bus; 0 is the host bridge, 1 the PIIX3, 2 a video card's."""
    fixed = _piix3(devices) | _first_video(devices, 2)
    takers = [node for node, _ in _takers(devices, fixed)]
    if any(node not in found for node in takers) or len(found) > _ROOMY:
        return {*found}
    chosen = {node for node in found if node not in takers and found[node] != fixed.get(node)}
    while True:
        taken = {found[node][1] for node in chosen if found[node][0] == 0} | {0, 1}
        if any(node in fixed and node not in chosen for node in devices.findall("video")):
            taken.add(2)
        free = (slot for slot in range(32) if slot not in taken)
        drawn = {node: (0, next(free, -1), 0) for node in takers if node not in chosen}
        wrong = next((node for node, place in drawn.items() if found[node] != place), None)
        if wrong is None:
            return chosen
        chosen.add(wrong)


_ROOMY = 26
"""Where the bus gets full libvirt adds a bridge (seen at 31 devices), which this does not rehearse."""


def _piix3(devices: ET.Element) -> dict[ET.Element, tuple[int, int, int]]:
    found = {}
    for node in devices.findall("controller[@index='0']"):
        if node.get("type") == "ide":
            found[node] = (0, 1, 1)
        elif node.get("type") == "usb" and node.get("model") in (None, "piix3-uhci"):
            found[node] = (0, 1, 2)
    return found


def _first_video(devices: ET.Element, slot: int) -> dict[ET.Element, tuple[int, int, int]]:
    node = devices.find("video")
    return {node: (0, slot, 0)} if node is not None and _card(node) != "none" else {}


def _on_q35(devices: ET.Element) -> dict[ET.Element, tuple[int, int, int]]:
    """What has its place whatever else there is."""
    sata = devices.findall("controller[@type='sata'][@index='0']")
    return dict.fromkeys(sata, (0, 31, 2)) | _first_video(devices, 1)


def _express(devices: ET.Element) -> Places | None:
    """q35: each device in a port of its own, and one port to spare, eight to a slot; None where there are
    conventional devices, which get a bridge, or ports that libvirt does not make so."""
    video, fixed = _first_video(devices, 1), _on_q35(devices)
    takers = list(_takers(devices, fixed))
    ports = devices.findall("controller[@type='pci']")[1:]
    if not all(express for _, express in takers) or len(ports) != len(takers) + 1:
        return None
    if any(node.get("model") == "virtio-transitional" for node in devices.iter()):
        return None
    first = 2 if video else 1
    places = fixed | {node: (n, 0, 0) for n, (node, _) in enumerate(takers, 1)}
    for number, port in enumerate(ports, 1):
        slot, function = first + (number - 1) // 8, (number - 1) % 8
        if not _is_plain(port, number, slot << 3 | function):
            return None
        places[port] = (0, slot, function)
    return places


def _is_plain(port: ET.Element, number: int, place: int) -> bool:
    """Whether a port says nothing but what libvirt would write for it."""
    own = {"type": "pci", "index": str(number), "model": "pcie-root-port"}
    inside = {child.tag: child.attrib for child in port if child.tag != "address"}
    wanted = {"model": {"name": "pcie-root-port"}, "target": {"chassis": str(number), "port": hex(place)}}
    return port.attrib == own and inside == wanted
