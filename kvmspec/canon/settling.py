"""What libvirt fills in by position before anything is known by its number."""

from __future__ import annotations

from itertools import count
from typing import Any

from kvmspec.canon.trees import elements, lxml, plain

# element path below the root → its number, the first one, and what each row of numbers belongs to
_NUMBERED: dict[str, tuple[str, int, str]] = {
    "devices/controller": ("index", 0, "type"),
    "devices/audio": ("id", 1, ""),
    "cpu/numa/cell": ("id", 0, ""),
    "iothreadids/iothread": ("id", 1, ""),
}


def settle(domain: Any, fragment: Any = None) -> None:
    """Write down in a domain what libvirt would fill in; with a fragment, only where that looks for it.

    Numbers that are missing are the lowest free ones (virDomainControllerFindUnusedIndex). A domain whose
    first console is a serial one, and that has no serial port, gets that port
    (virDomainDefAddConsoleCompat), and the other way round.
    """
    for path, (name, first, within) in _NUMBERED.items():
        if fragment is None or fragment.find(path) is not None:
            _number(domain.findall(path), name, first, within)
    devices = domain.find("devices")
    if devices is not None and (fragment is None or _speaks_of_consoles(fragment)):
        _twin(devices)


def _number(nodes: list[Any], name: str, first: int, within: str) -> None:
    rows = [node.get(within, "") if within else "" for node in nodes]
    taken = {(row, node.get(name)) for row, node in zip(rows, nodes, strict=True)}
    for row, node in zip(rows, nodes, strict=True):
        if not node.get(name):
            node.set(name, next(free for n in count(first) if (row, free := str(n)) not in taken))
            taken.add((row, node.get(name)))


def _speaks_of_consoles(fragment: Any) -> bool:
    return fragment.find("devices/serial") is not None or fragment.find("devices/console") is not None


def _twin(devices: Any) -> None:
    serial, console = devices.find("serial"), devices.find("console")
    if serial is None and console is not None and _target(console).get("type", "serial") == "serial":
        twin = plain(console)
        twin.tag = "serial"
        target = twin.find("target")
        if target is not None:
            target.attrib.pop("type", None)
        console.addprevious(twin)
    elif serial is not None and console is None:
        twin = plain(serial)
        twin.tag = "console"
        for name in ("target", "address", "alias"):
            for child in twin.findall(name):
                twin.remove(child)
        devices.findall("serial")[-1].addnext(twin)
    console = devices.find("console")
    if console is not None and devices.find("serial") is not None:
        _name_target(console)


def _name_target(console: Any) -> None:
    target = console.find("target")
    if target is None:
        target = lxml().SubElement(console, "target")
    if "type" not in target.attrib:
        target.set("type", "serial")


def _target(node: Any) -> Any:
    return next((child for child in elements(node) if child.tag == "target"), {})
