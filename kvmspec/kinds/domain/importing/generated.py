"""Controllers and addresses that libvirt gives again by itself: left out, where a rehearsal of its rules
(kvmspec.kinds.domain.rehearsal) comes to the same machine without them.

The least is looked for: everything is left out first, then what comes out otherwise is stated, one by one.
Where the rehearsal is not sure everything is stated.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from copy import deepcopy

from kvmspec.kinds.domain.importing.traits import (
    MARK,
    SEVERAL,
    Kept,
    is_wide,
    name_of,
    place_of,
    rank_of,
    said,
    strip,
    written,
)
from kvmspec.kinds.domain.rehearsal import Unsure, defined

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
            strip(node, number, kept)


class _Search:
    def __init__(self, root: ET.Element, devices: ET.Element) -> None:
        self._root, self._nodes = root, [*devices]
        self._names = {name_of(node): n for n, node in enumerate(self._nodes) if node.tag == "controller"}
        self._pci = {n for n in self._names.values() if self._nodes[n].get("type") == "pci"}
        self._order = sorted(range(len(self._nodes)), key=lambda n: rank_of(self._nodes[n]))

    def kept(self) -> Kept:
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

    def _words(self, kept: Kept) -> int:
        """About how much a person has to read."""
        told = kept.addresses | {number for number, _ in kept.details}
        plain = (self._nodes[number] for number in kept.controllers - told)
        alike = {(node.get("type"), node.get("model")) for node in plain}
        return len(alike) + len(kept.controllers & told) + len(kept.addresses) + len(kept.details)

    def _start(self) -> Kept:
        kept = Kept(set(), set(), set())
        for number, node in enumerate(self._nodes):
            if node.tag == "controller" and node.get("type") == "scsi":
                kept.controllers.add(number)  # where none is stated kvmspec adds one of another model
            if is_wide(node):
                kept.addresses.add(number)
        return kept

    def _found(self, kept: Kept) -> Kept:
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

    def _state_pci(self, kept: Kept) -> None:
        """State all PCI controllers, which do not come about one by one; then their addresses as well.
        Raises Unsure where that is done already."""
        if not self._pci <= kept.controllers:
            kept.controllers.update(self._pci)
        elif not self._pci <= kept.addresses:
            kept.addresses.update(self._pci)
        else:
            raise Unsure("controllers that are not understood")

    def _rehearsed(self, kept: Kept) -> ET.Element:
        trial = ET.Element("domain")
        trial.extend(node for node in self._root if node.tag in ("os", "maxMemory"))
        devices = ET.SubElement(trial, "devices")
        for number, node in enumerate(self._nodes):
            if node.tag != "controller" or number in kept.controllers:
                copy = deepcopy(node)
                strip(copy, number, kept)
                copy.set(MARK, str(number))
                devices.append(copy)
        return defined(trial)

    def _state_more(self, kept: Kept, made: ET.Element) -> bool:
        """State one thing more, of what came out otherwise; False where nothing did."""
        known: dict[int, ET.Element] = {}
        extra = False
        for node in made:
            number = node.get(MARK, self._names.get(name_of(node)))
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
            number, name = detail
            (kept.addresses if name == SEVERAL else kept.controllers).add(number)
            if self._nodes[number].tag == "controller":
                kept.controllers.add(number)
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

    def _otherwise(self, kept: Kept, known: Mapping[int, ET.Element]) -> Iterator[int]:
        """Controllers that come as something else."""
        for number in self._names.values():
            if number not in kept.controllers and said(known[number]) != said(self._nodes[number]):
                yield number

    def _details(self, kept: Kept, known: Mapping[int, ET.Element]) -> Iterator[tuple[int, str]]:
        """What devices would say otherwise that libvirt writes down by itself."""
        for number, again in known.items():
            mine, made = written(self._nodes[number]), written(again)
            for name, value in mine.items():
                if made.get(name) != value and (number, name) not in kept.details:
                    yield number, name

    def _last_port(self, kept: Kept) -> int | None:
        """The PCI controller of the highest number: where it is stated, libvirt adds none to spare."""
        last = max(self._pci, key=lambda n: int(self._nodes[n].get("index", "0")), default=None)
        if last is None or last in kept.controllers or self._nodes[last].get("index") == "0":
            return None
        return last

    def _elsewhere(self, kept: Kept, known: Mapping[int, ET.Element]) -> Iterator[int]:
        """Devices that would get another place, in libvirt's order."""
        for number in self._order:
            node, made = self._nodes[number], known.get(number)
            address = node.find("address")
            if number in kept.addresses or address is None or made is None:
                continue
            if place_of(address) != place_of(made.find("address")):
                yield number
