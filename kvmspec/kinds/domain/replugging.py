"""Devices of the definition that the running guest has not: taken out by hand, or put off for want of a port.

They are plugged in as they are defined, also with what no manifest states of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.edit import edit, select
from kvmspec.canon.shape import DOMAIN
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.compare import Comparison

Path = tuple[str, ...]
Place = tuple[int, ...]

TAKEN = "the running guest has another device in its place"


def is_defined(comparison: Comparison, path: Path) -> bool:
    """Whether a device is in the definition, and not in the running guest."""
    return get(comparison.persistent, path) is not None and get(comparison.active, path) is None


def element(comparison: Comparison, path: Path) -> str:
    """The XML to plug it in by: as it is defined, at its address where the running guest has that free."""
    xml = comparison.observed.xml
    place = _place(get(comparison.whole(), path))
    if place is not None and place[:2] not in comparison.guest.free_places():
        xml = edit(xml, [Edit("remove", (*path, "address"))])
    return select(xml, path)


def is_taken(comparison: Comparison, path: Path) -> bool:
    """Whether the guest has, until it boots, another device in its place: an interface with its former MAC,
    a disk with the same file on its former bus."""
    definition, active = comparison.whole(), comparison.guest.whole()
    device = get(definition, path)
    place, source = _place(device), get(device, ("source",)) if path[1] == "disk" else None
    return any(
        (place is not None and _place(other) == place) or _same_source(source, other)
        for there, other in _devices(active)
        if there != path and get(definition, there) is None
    )


def _devices(data: Any) -> Iterator[tuple[Path, Any]]:
    for tag, group in data.get("devices", {}).items():
        if ("devices", tag) in DOMAIN.keyed:
            yield from ((("devices", tag, key), device) for key, device in group.items())


def _same_source(source: Any, other: Any) -> bool:
    names = [name for name in ("@file", "@dev") if source and name in source]
    return any(get(other, ("source", name)) == source[name] for name in names)


def _place(device: Any) -> Place | None:
    """(bus, slot, function) of a PCI device."""
    address = get(device, ("address",)) or {}
    if address.get("@type") != "pci":
        return None
    return tuple(int(address.get(f"@{name}", "0"), 0) for name in ("bus", "slot", "function"))
