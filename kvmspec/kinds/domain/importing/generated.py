"""Controllers and addresses that libvirt gives again by itself: left out, where a rehearsal of its rules
(kvmspec.kinds.domain.rehearsal) comes to the same machine without them.

The least is looked for: everything is left out first, then what comes out otherwise is stated, one by one.
Where the rehearsal is not sure everything is stated.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import NamedTuple

from kvmspec.kinds.domain.keys import number_of
from kvmspec.kinds.domain.rehearsal import Unsure, defined
from kvmspec.kinds.domain.rehearsal.cards import ORDER

_MARK = "{urn:kvmspec:1}nth"
_DERIVED = ("chassis", "port", "chassisNr", "busNr")
_TRIES = 200


def leave_out(root: ET.Element) -> None:
    """Take out of a domain the controllers and addresses that come back."""
    devices = root.find("devices")
    if devices is None:
        return
    try:
        kept = _Search(root, devices).kept()
    except Unsure:
        return
    for number, node in enumerate([*devices]):
        if node.tag == "controller" and number not in kept.controllers:
            devices.remove(node)
        else:
            _strip(node, number, kept)


class _Kept(NamedTuple):
    """What has to be stated, by the device's position: controllers, addresses, and what a PCI
    controller says of itself."""

    controllers: set[int]
    addresses: set[int]
    details: set[tuple[int, str]]


def _strip(node: ET.Element, number: int, kept: _Kept) -> None:
    """Take what need not be stated out of one device."""
    address = node.find("address")
    if address is not None and number not in kept.addresses:
        node.remove(address)
    if node.get("type") != "pci" or node.tag != "controller":
        return
    if (number, "name") not in kept.details:
        for model in node.findall("model"):
            node.remove(model)
    for target in node.findall("target"):
        for name in _DERIVED:
            if (number, name) not in kept.details:
                target.attrib.pop(name, None)
        if not target.attrib and not len(target):
            node.remove(target)


class _Search:
    def __init__(self, root: ET.Element, devices: ET.Element) -> None:
        self._root, self._nodes = root, [*devices]
        self._names = {_name(node): n for n, node in enumerate(self._nodes) if node.tag == "controller"}
        self._pci = {n for n in self._names.values() if self._nodes[n].get("type") == "pci"}
        self._order = sorted(range(len(self._nodes)), key=lambda n: _rank(self._nodes[n]))

    def kept(self) -> _Kept:
        """The least that brings the machine back, with as few words for its PCI controllers as may be. Raises
        Unsure."""
        first = self._found(self._start())
        if not first.controllers & self._pci:
            return first
        other = self._start()
        other.controllers.update(n for n in self._pci if self._nodes[n].get("index") != "0")
        try:
            second = self._found(other)
        except Unsure:
            return first
        return min(first, second, key=self._words)

    def _words(self, kept: _Kept) -> int:
        """About how much a person has to read."""
        told = kept.addresses | {number for number, _ in kept.details}
        plain = (self._nodes[number] for number in kept.controllers - told)
        alike = {(node.get("type"), node.get("model")) for node in plain}
        return len(alike) + len(kept.controllers & told) + len(kept.addresses) + len(kept.details)

    def _start(self) -> _Kept:
        kept = _Kept(set(), set(), set())
        for number, node in enumerate(self._nodes):
            if node.tag == "controller" and node.get("type") == "scsi":
                kept.controllers.add(number)  # where none is stated kvmspec adds one of another model
            if _is_wide(node):
                kept.addresses.add(number)
        return kept

    def _found(self, kept: _Kept) -> _Kept:
        """What has to be stated besides `kept`."""
        for _ in range(_TRIES):
            try:
                made = self._rehearsed(kept)
            except Unsure:
                self._state_pci(kept)
            else:
                if not self._state_more(kept, made):
                    return kept
        raise Unsure("no end to it")

    def _state_pci(self, kept: _Kept) -> None:
        """State all PCI controllers, which do not come about one by one; then their addresses as well.
        Raises Unsure where that is done already."""
        if not self._pci <= kept.controllers:
            kept.controllers.update(self._pci)
        elif not self._pci <= kept.addresses:
            kept.addresses.update(self._pci)
        else:
            raise Unsure("controllers that are not understood")

    def _rehearsed(self, kept: _Kept) -> ET.Element:
        trial = ET.Element("domain")
        trial.extend(node for node in self._root if node.tag in ("os", "maxMemory"))
        devices = ET.SubElement(trial, "devices")
        for number, node in enumerate(self._nodes):
            if node.tag != "controller" or number in kept.controllers:
                copy = deepcopy(node)
                _strip(copy, number, kept)
                copy.set(_MARK, str(number))
                devices.append(copy)
        return defined(trial)

    def _state_more(self, kept: _Kept, made: ET.Element) -> bool:
        """State one thing more, of what came out otherwise; False where nothing did."""
        known: dict[int, ET.Element] = {}
        extra = False
        for node in made:
            number = node.get(_MARK, self._names.get(_name(node)))
            if number is None:
                extra = True
            else:
                known[int(number)] = node
        if (wanted := next(self._missing(known), None)) is not None:
            kept.controllers.update(self._beside(wanted))
        elif (bus := next(self._otherwise(kept, known), None)) is not None:
            kept.controllers.add(bus)
        elif extra and (last := self._last_port(kept)) is not None:
            kept.controllers.add(last)
        elif (place := next(self._elsewhere(kept, known), None)) is not None:
            kept.addresses.add(place)
            if self._nodes[place].tag == "controller":
                kept.controllers.add(place)
        elif (detail := next(self._details(kept, known), None)) is not None:
            kept.details.add(detail)
            kept.controllers.add(detail[0])
        elif extra and "pci/0/" in self._names:
            raise Unsure("a controller that was not there")
        else:
            return False
        return True

    def _missing(self, known: Mapping[int, ET.Element]) -> Iterator[int]:
        """Controllers that do not come by themselves, the last one first: libvirt fills in those before."""
        return (number for number in sorted(self._names.values(), reverse=True) if number not in known)

    def _beside(self, number: int) -> Iterator[int]:
        """A controller, and of USB its companions: one is nothing without the others."""
        node = self._nodes[number]
        for name, other in self._names.items():
            if other == number or (
                node.get("type") == "usb" and name.startswith(f"usb/{node.get('index')}/")
            ):
                yield other

    def _otherwise(self, kept: _Kept, known: Mapping[int, ET.Element]) -> Iterator[int]:
        """Controllers that come as something else."""
        for number in self._names.values():
            if number not in kept.controllers and _said(known[number]) != _said(self._nodes[number]):
                yield number

    def _details(self, kept: _Kept, known: Mapping[int, ET.Element]) -> Iterator[tuple[int, str]]:
        """What PCI controllers would say otherwise of themselves."""
        for number in self._names.values():
            mine, made = _written(self._nodes[number]), _written(known[number])
            for name, value in mine.items():
                if made.get(name) != value and (number, name) not in kept.details:
                    yield number, name

    def _last_port(self, kept: _Kept) -> int | None:
        """The PCI controller of the highest number: where it is stated, libvirt adds none to spare."""
        last = max(self._pci, key=lambda n: int(self._nodes[n].get("index", "0")), default=None)
        if last is None or last in kept.controllers or self._nodes[last].get("index") == "0":
            return None
        return last

    def _elsewhere(self, kept: _Kept, known: Mapping[int, ET.Element]) -> Iterator[int]:
        """Devices that would get another place, in libvirt's order."""
        for number in self._order:
            node, made = self._nodes[number], known.get(number)
            address = node.find("address")
            if number in kept.addresses or address is None or made is None:
                continue
            if _place(address) != _place(made.find("address")):
                yield number


def _name(node: ET.Element) -> str:
    master = node.find("master")
    port = master.get("startport") if master is not None else ""
    return f"{node.get('type')}/{node.get('index', '0')}/{port}" if node.tag == "controller" else ""


def _is_wide(node: ET.Element) -> bool:
    """A SCSI disk that kvmspec itself puts where there is room (render.py)."""
    target = node.find("target") if node.tag == "disk" else None
    return target is not None and target.get("bus") == "scsi" and number_of(target.get("dev") or "sda") >= 7


def _said(node: ET.Element) -> tuple[object, ...]:
    """What a controller is, besides its place, and what libvirt writes down of a PCI one."""
    own = {name: value for name, value in node.attrib.items() if name != _MARK}
    inside = {}
    for child in node:
        words = {name: value for name, value in child.attrib.items() if name not in _DERIVED}
        below = [(inner.tag, (inner.text or "").strip()) for inner in child]
        if child.tag not in ("address", "model") and (words or below or child.tag != "target"):
            inside[child.tag] = (words, below)
    return own, inside


def _written(node: ET.Element) -> dict[str, str]:
    """What libvirt writes down of a PCI controller."""
    if node.get("type") != "pci":
        return {}
    model = node.find("model")
    found = {} if model is None else {"name": model.get("name", "")}
    for target in node.findall("target"):
        found |= {name: target.attrib[name] for name in _DERIVED if name in target.attrib}
    return found


def _place(address: ET.Element | None) -> Mapping[str, object]:
    """An address, however its numbers are written."""
    found: dict[str, object] = {}
    for name, value in address.attrib.items() if address is not None else ():
        try:
            found[name] = int(value, 0)
        except ValueError:
            found[name] = value
    return found | ({"more": len(address)} if address is not None and len(address) else {})


def _rank(node: ET.Element) -> int:
    """Where libvirt comes to a device; those without a PCI address before all others."""
    return next((n for n, (tag, takes) in enumerate(ORDER) if tag == node.tag and takes(node)), -1)
