"""PCI addresses as libvirt draws them, and the PCI controllers it adds for them, on i440fx and q35.

Facts: libvirt's src/qemu/qemu_domain_address.c (qemuDomainAssignPCIAddresses and what it calls), and what a
libvirt 9.0 was seen to do (tests/live/test_rehearsal.py).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from kvmspec.kinds.domain.rehearsal import controllers
from kvmspec.kinds.domain.rehearsal.buses import NEEDS, Buses, Place, Plug, Unsure
from kvmspec.kinds.domain.rehearsal.cards import ORDER, is_usb2, needs_of

_LEGACY = Plug.AUTO | Plug.PCI
_FUNCTIONS = {"ich9-ehci1": 7, "ich9-uhci1": 0, "ich9-uhci2": 1, "ich9-uhci3": 2}


def draw(devices: ET.Element, q35: bool) -> None:
    """Give every device that has none its address, and add the controllers that takes. Raises Unsure."""
    _Drawing(devices, q35).run()


def place_of(node: ET.Element) -> Place | None:
    """Where a device is. Raises Unsure on an address that libvirt reads otherwise."""
    address = node.find("address")
    if address is None or address.get("type") != "pci":
        return None
    domain, bus, slot, function = (
        int(address.get(name, "0"), 0) for name in ("domain", "bus", "slot", "function")
    )
    if domain or not (bus or slot):
        raise Unsure("an address that is none")
    return Place(bus, slot, function)


def write(node: ET.Element, place: Place, multifunction: bool = False) -> None:
    """As libvirt writes an address."""
    bus, slot, function = f"0x{place.bus:02x}", f"0x{place.slot:02x}", f"0x{place.function:x}"
    attributes = {"type": "pci", "domain": "0x0000", "bus": bus, "slot": slot, "function": function}
    address = ET.SubElement(node, "address", attributes)
    if multifunction:
        address.set("multifunction", "on")


class _Drawing:
    """Two rounds: in the first one buses are added as needed, in the second addresses are given."""

    def __init__(self, devices: ET.Element, q35: bool) -> None:
        self._devices, self._q35 = devices, q35
        self._buses = Buses({}, growing=True)

    def run(self) -> None:
        most = max(self._models(), default=-1)
        self._round(growing=True, spare=not self._q35)
        if self._q35 and most <= 0 and len(self._buses.all) > most + 1:
            self._buses.draw(Plug.AUTO | Plug.EXPRESS)  # one port to spare for what is plugged in later
        self._add_controllers()
        self._round(growing=False, spare=False)
        self._several()
        for node in self._devices.findall("controller[@type='pci']"):
            controllers.describe(node, place_of(node))

    def _models(self) -> dict[int, str]:
        found = self._devices.findall("controller[@type='pci']")
        return {int(node.get("index", "0")): node.get("model", "") for node in found}

    def _round(self, growing: bool, spare: bool) -> None:
        self._buses = Buses(self._models(), growing)
        self._collect()
        (self._q35_board if self._q35 else self._piix3)()
        if spare and not all(bus.full for bus in self._buses.all):
            self._buses.draw(_LEGACY)  # a slot for a bridge, should more devices come
        for node in self._wanting():
            if is_usb2(node):
                self._usb2(node)
            else:
                self._draw(node)

    def _draw(self, node: ET.Element, function: int = 0, multifunction: bool = False) -> None:
        place = self._buses.draw(needs_of(node, self._q35), function)
        if not self._buses.growing:
            write(node, place, multifunction)

    def _take(self, node: ET.Element, place: Place, needs: Plug, multifunction: bool = False) -> None:
        """A place that a device has of old: it gets it in the first round already."""
        self._buses.reserve(place, needs)
        write(node, place, multifunction)

    def _collect(self) -> None:
        for node in self._devices:
            place = place_of(node)
            if place is not None and not _on_piix3(node, place):
                self._buses.reserve(place, needs_of(node, self._q35) or Plug.PCI)

    def _wanting(self) -> Iterator[ET.Element]:
        """The devices that take a place and have none, in libvirt's order."""
        for tag, takes in ORDER:
            for node in self._devices.findall(tag):
                if takes(node) and node.find("address") is None and needs_of(node, self._q35):
                    yield node

    # --- what a board has of old
    def _piix3(self) -> None:
        for node in self._devices.findall("controller[@index='0']"):
            fixed = _PIIX3.get(node.get("type", ""))
            if fixed and (node.get("type") == "ide" or node.get("model") in (None, "piix3-uhci")):
                if place_of(node) not in (None, fixed):
                    raise Unsure("a controller of the board elsewhere")
                if place_of(node) is None:
                    write(node, fixed)
                self._buses.reserve(fixed, _LEGACY)
        for function in (0, 3):
            self._buses.reserve(Place(0, 1, function), _LEGACY)
        self._first_video(2, _LEGACY)

    def _q35_board(self) -> None:
        for node in self._devices.findall("controller"):
            kind, model = node.get("type"), node.get("model")
            if kind == "sata" and node.get("index") == "0":
                if place_of(node) not in (None, _SATA):
                    raise Unsure("a controller of the board elsewhere")
                if place_of(node) is None:
                    write(node, _SATA)
            elif model == "ich9-uhci1" and node.find("address") is None:
                slot = next((slot for slot in (0x1D, 0x1A) if not self._buses.taken(slot)), None)
                if slot is not None:
                    self._take(node, Place(0, slot), Plug.EXPRESS, multifunction=True)
            elif (
                model == "dmi-to-pci-bridge" and node.find("address") is None and not self._buses.taken(0x1E)
            ):
                self._take(node, Place(0, 0x1E), Plug.EXPRESS)
        for function in (0, 3):
            self._buses.reserve(Place(0, 0x1F, function), Plug.EXPRESS)
        self._first_video(1, Plug.EXPRESS)
        sounds = self._devices.findall("sound[@model='ich9']")
        free = [node for node in sounds if node.find("address") is None]
        if free and not self._buses.taken(0x1B):
            self._take(free[0], Place(0, 0x1B), Plug.EXPRESS)

    def _first_video(self, slot: int, needs: Plug) -> None:
        node = self._devices.find("video")
        if node is None or node.find("address") is not None or not needs_of(node, self._q35):
            return
        if self._buses.taken(slot):
            self._draw(node)
        else:
            self._take(node, Place(0, slot), needs)

    def _usb2(self, node: ET.Element) -> None:
        """The parts of a USB 2 controller share a slot."""
        function = _FUNCTIONS[node.get("model", "")]
        parts = [other for other in self._devices.findall("controller[@type='usb']") if is_usb2(other)]
        mine = [place_of(other) for other in parts if other.get("index") == node.get("index")]
        there = next((place for place in mine if place is not None), None)
        if there is None:
            self._draw(node, function, multifunction=function == 0)
            return
        place = there._replace(function=function)
        self._buses.reserve(place, needs_of(node, self._q35))
        if not self._buses.growing:
            write(node, place, multifunction=function == 0)

    # --- the controllers
    def _add_controllers(self) -> None:
        known = self._models()
        number = 1
        while number < len(self._buses.all):
            model = self._buses.all[number].model
            if number not in known:
                self._devices.append(controllers.new("pci", number, model))
                self._buses.draw(NEEDS[model])
            number += 1

    def _several(self) -> None:
        """Where a slot has several functions in use the first says so."""
        places = [(node, place) for node in self._devices if (place := place_of(node)) is not None]
        several = {place[:2] for _, place in places if place.function}
        for node, place in places:
            address = node.find("address")
            if address is not None and place.function == 0 and place[:2] in several:
                address.attrib.setdefault("multifunction", "on")


_PIIX3: Mapping[str, Place] = {"ide": Place(0, 1, 1), "usb": Place(0, 1, 2)}
_SATA = Place(0, 0x1F, 2)


def _on_piix3(node: ET.Element, place: Place) -> bool:
    kind, model = node.get("type"), node.get("model")
    if node.tag != "controller" or node.get("index") != "0" or _PIIX3.get(kind or "") != place:
        return False
    return kind == "ide" or model in (None, "piix3-uhci")
