"""PCI buses, and where libvirt puts a device: the first free slot of the first bus that takes it.

Facts: libvirt's src/conf/domain_addr.c (virDomainPCIAddressGetNextAddr, …SetGrow, …BusSetModel), and what a
libvirt 9.0 was seen to do (tests/live/test_rehearsal.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import NamedTuple


class Unsure(Exception):
    """What libvirt does here is not known, or it would refuse the machine."""


class Plug(Flag):
    """What a device needs of a bus, and what a bus takes."""

    NONE = 0
    PCI = auto()
    EXPRESS = auto()
    ROOT_PORT = auto()
    UPSTREAM = auto()
    DOWNSTREAM = auto()
    DMI = auto()
    TO_PCI = auto()
    BRIDGE = auto()
    EXPANDER = auto()
    EXPRESS_EXPANDER = auto()
    AUTO = auto()
    """Of a device: only where things are put by themselves. Of a bus: that it is such a one."""
    SHARED = auto()
    """Several of these share a slot, a function each."""
    INTEGRATED = auto()
    """Goes into the first bus only."""


class Place(NamedTuple):
    """A PCI address of the first domain."""

    bus: int
    slot: int
    function: int = 0


class _Model(NamedTuple):
    takes: Plug
    first: int
    last: int


_CONVENTIONAL = Plug.AUTO | Plug.PCI | Plug.BRIDGE
_PORT = Plug.AUTO | Plug.EXPRESS | Plug.UPSTREAM | Plug.TO_PCI
_MODELS: Mapping[str, _Model] = {
    "pci-root": _Model(_CONVENTIONAL | Plug.EXPANDER, 1, 31),
    "pci-bridge": _Model(_CONVENTIONAL, 1, 31),
    "pci-expander-bus": _Model(_CONVENTIONAL, 0, 31),
    "pcie-root": _Model(Plug.EXPRESS | Plug.ROOT_PORT | Plug.DMI | Plug.EXPRESS_EXPANDER, 1, 31),
    "dmi-to-pci-bridge": _Model(Plug.PCI | Plug.BRIDGE, 0, 31),
    "pcie-to-pci-bridge": _Model(_CONVENTIONAL, 1, 31),
    "pcie-root-port": _Model(_PORT, 0, 0),
    "pcie-switch-downstream-port": _Model(_PORT, 0, 0),
    "pcie-switch-upstream-port": _Model(Plug.DOWNSTREAM, 0, 31),
    "pcie-expander-bus": _Model(Plug.ROOT_PORT | Plug.DMI, 0, 31),
}
NEEDS: Mapping[str, Plug] = {
    "pci-bridge": Plug.BRIDGE,
    "pci-expander-bus": Plug.EXPANDER,
    "pcie-expander-bus": Plug.EXPRESS_EXPANDER,
    "dmi-to-pci-bridge": Plug.DMI,
    "pcie-to-pci-bridge": Plug.TO_PCI,
    "pcie-root-port": Plug.ROOT_PORT | Plug.SHARED,
    "pcie-switch-upstream-port": Plug.UPSTREAM,
    "pcie-switch-downstream-port": Plug.DOWNSTREAM,
}
"""model of a PCI controller → what it is itself plugged into; the roots into nothing."""

_HOW = Plug.AUTO | Plug.SHARED | Plug.INTEGRATED
_ENDPOINT = Plug.PCI | Plug.EXPRESS


@dataclass(slots=True)
class Bus:
    """A bus: the model of its controller, what it takes, and the functions that are taken, by slot."""

    model: str
    takes: Plug = Plug.NONE
    first: int = 0
    last: int = 0
    taken: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    shared: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.model not in _MODELS:
            raise Unsure(self.model)
        self.takes, self.first, self.last = _MODELS[self.model]

    @property
    def full(self) -> bool:
        return all(self.taken.get(slot) for slot in range(self.first, self.last + 1))

    def suits(self, needs: Plug, number: int, stated: bool) -> bool:
        """Whether a device can be plugged in here; a stated address is taken less strictly."""
        takes = self.takes
        if needs & Plug.INTEGRATED:
            if number != 0:
                return False
            takes |= Plug.AUTO
        if stated:
            takes |= _ENDPOINT if takes & _ENDPOINT else Plug.NONE
            needs |= Plug.PCI if needs & Plug.BRIDGE else Plug.NONE
        elif needs & Plug.AUTO and not takes & Plug.AUTO:
            return False
        return bool(needs & takes & ~_HOW)

    def free(self, needs: Plug, function: int) -> tuple[int, int] | None:
        """The first free slot, and the function in it."""
        for slot in range(self.first, self.last + 1):
            taken = self.taken.get(slot)
            if not taken:
                return slot, function
            if needs & Plug.SHARED and slot in self.shared and len(taken) < 8:
                return slot, min({*range(8)} - taken)
        return None


class Buses:
    """All of a machine's. `growing`: buses that are needed are added (libvirt's first round)."""

    def __init__(self, models: Mapping[int, str], growing: bool) -> None:
        count = max(models, default=-1) + 1
        root = models.get(0, "pci-root")
        filling = "pcie-root-port" if "pcie-root" in models.values() else "pci-bridge"
        self.growing = growing
        self.all = [Bus(models.get(n, filling) if n else root) for n in range(count)]

    def taken(self, slot: int) -> bool:
        """Whether a slot of the first bus is."""
        return bool(self.all[0].taken.get(slot))

    def reserve(self, place: Place, needs: Plug, *, stated: bool = True) -> None:
        """Take a place. Raises Unsure where it is taken, or the bus is not one for this device."""
        if self.growing and place.bus >= len(self.all):
            place = self._grow(place, needs)
        if place.bus >= len(self.all):
            raise Unsure("a bus that is not there")
        bus = self.all[place.bus]
        if not bus.suits(needs, place.bus, stated) or not bus.first <= place.slot <= bus.last:
            raise Unsure("a bus that does not take it")
        taken = bus.taken[place.slot]
        if place.function in taken:
            raise Unsure("a place that is taken")
        if not taken and needs & Plug.SHARED:
            bus.shared.add(place.slot)
        taken.add(place.function)

    def draw(self, needs: Plug, function: int = 0) -> Place:
        """The next free place for a device, which is then taken."""
        place = self._next(needs, function)
        self.reserve(place, needs, stated=False)
        return place

    def _next(self, needs: Plug, function: int) -> Place:
        for number, bus in enumerate(self.all):
            if bus.suits(needs, number, stated=False) and (found := bus.free(needs, function)):
                return Place(number, *found)
        if not self.growing:
            raise Unsure("no free slot")
        place = self._grow(Place(len(self.all), 0, function), needs)
        return place._replace(slot=self.all[place.bus].first)

    def _grow(self, place: Place, needs: Plug) -> Place:
        """Add buses up to that one. A conventional device on PCI Express brings a bridge, in a port of its
        own, into which the spare device of `spare` shall not go."""
        more = place.bus - len(self.all) + 1
        if needs & Plug.PCI:
            if not any(bus.takes & Plug.BRIDGE for bus in self.all):
                if more == 1:
                    more, place = 2, place._replace(bus=place.bus + 1)
                port = Bus("pcie-root-port")
                port.takes = Plug.TO_PCI
                self.all += [port, Bus("pcie-to-pci-bridge")]
                more -= 2
            model = "pci-bridge"
        elif needs & (Plug.EXPRESS | Plug.UPSTREAM):
            model = "pcie-root-port"
        else:
            raise Unsure("a controller that libvirt does not add")
        self.all += [Bus(model) for _ in range(more)]
        return place
