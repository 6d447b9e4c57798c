"""Controllers, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from kvmspec.kinds.domain.controllers_spec import ONES, next_number
from kvmspec.kinds.domain.importing.leaf import PLACES, Data, Leaf, number, said, size, switch
from kvmspec.kinds.domain.words import CONTROLLER_DRIVER as DRIVER
from kvmspec.kinds.domain.words import CONTROLLER_TARGET as TARGET


def _hex(value: Any) -> int:
    return int(str(value), 0)


_SWITCHES = frozenset({"ioeventfd", "iommu", "ats", "packed", "page_per_vq", "hotplug"})


def _value(field: str) -> Any:
    return switch if field in _SWITCHES else _hex


CONTROLLER = (
    Leaf("@type", "type"),
    Leaf("@model", "model"),
    Leaf("@index", "index", number),
    Leaf("@ports", "ports", number),
    Leaf("@vectors", "vectors", number),
    Leaf("@maxGrantFrames", "max_grant_frames", number),
    Leaf("@maxEventChannels", "max_event_channels", number),
    Leaf("master/@startport", "master", number),
    *(Leaf(f"driver/@{name}", field, _value(field)) for field, name in DRIVER.items()),
    Leaf("model/@name", "model_name"),
    *(Leaf(f"target/@{name}", field, _value(field)) for field, name in TARGET.items()),
    Leaf("target/node/#", "node", number),
    Leaf("pcihole64/#", "pcihole64", size),
    *PLACES,
)


def controllers(group: Mapping[str, Any]) -> list[Data]:
    """The list, in which a number is stated only where it is not the next one."""
    last: dict[str, int] = {}
    found = []
    for device in group.values():
        entry = said(device, CONTROLLER)
        kind, index = entry["type"], entry.get("index", 0)
        if index == next_number(last.get(kind), "master" in entry):
            entry.pop("index", None)
        last[kind] = index
        found.append(entry)
    return _folded(found)


def _folded(found: list[Data]) -> list[Data]:
    """Three and more that are alike are said once."""
    made: list[Data] = []
    for _, group in groupby(found, key=lambda entry: {**entry, "index": None}):
        alike = list(group)
        several = len(alike) > _FEW and not any("index" in entry for entry in alike[1:])
        plain = not alike[0].keys() & set(ONES)
        made += [{**alike[0], "count": len(alike)}] if several and plain else alike
    return made


_FEW = 2
