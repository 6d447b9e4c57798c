"""What libvirt fills in by position before anything is known by its number."""

from __future__ import annotations

from itertools import count
from typing import Any

# element path below the root → its number, the first one, and what each row of numbers belongs to
_NUMBERED: dict[str, tuple[str, int, str]] = {
    "devices/controller": ("index", 0, "type"),
    "devices/audio": ("id", 1, ""),
    "cpu/numa/cell": ("id", 0, ""),
    "iothreadids/iothread": ("id", 1, ""),
}


def settle(domain: Any, fragment: Any = None) -> None:
    """Write down in a domain what libvirt would fill in; with a fragment, only where that looks for it.

    Numbers that are missing are the lowest free ones (virDomainControllerFindUnusedIndex). A serial console
    without a serial port is one; with one, the first console is that port over again, whatever it says of
    itself, and libvirt adds it where it is not there (virDomainDefAddConsoleCompat; measured on 9.0). So
    it is left out: what is said of a console is said of the port.
    """
    for path, (name, first, within) in _NUMBERED.items():
        if fragment is None or fragment.find(path) is not None:
            _number(domain.findall(path), name, first, within)
    devices = domain.find("devices")
    if devices is not None and (fragment is None or _speaks_of_consoles(fragment)):
        _without_twin(devices)


def _number(nodes: list[Any], name: str, first: int, within: str) -> None:
    rows = [node.get(within, "") if within else "" for node in nodes]
    taken = {(row, node.get(name)) for row, node in zip(rows, nodes, strict=True)}
    for row, node in zip(rows, nodes, strict=True):
        if not node.get(name):
            node.set(name, next(free for n in count(first) if (row, free := str(n)) not in taken))
            taken.add((row, node.get(name)))


def _speaks_of_consoles(fragment: Any) -> bool:
    return fragment.find("devices/serial") is not None or fragment.find("devices/console") is not None


def _without_twin(devices: Any) -> None:
    consoles = [one for one in devices.findall("console") if _target(one, "serial") == "serial"]
    if consoles and devices.find("serial") is None and devices.find("console") is consoles[0]:
        consoles[0].tag = "serial"
        for target in consoles[0].findall("target"):
            consoles[0].remove(target)
    serial = devices.find("serial")
    if serial is not None and _is_isa(serial):
        for console in consoles:  # libvirt takes one, the first console
            if console.tag == "console":
                devices.remove(console)


def _is_isa(serial: Any) -> bool:
    """Whether libvirt makes a console of it. Where it is one by its address alone is not looked into."""
    elsewhere = serial.find("address") is not None and serial.find("address").get("type") != "isa"
    return _target(serial, "isa-serial") == "isa-serial" and not elsewhere


def _target(node: Any, default: str) -> str:
    target = node.find("target")
    return default if target is None else str(target.get("type", default))
