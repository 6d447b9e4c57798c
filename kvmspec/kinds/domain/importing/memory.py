"""Memory and NUMA cells, from libvirt's XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import (
    PLACES,
    Data,
    Leaf,
    Unsaid,
    number,
    said,
    seconds,
    size,
    switch,
    text,
    there,
)
from kvmspec.kinds.domain.memory_spec import LIMITS


def kib(value: Any) -> str:
    """An attribute that libvirt writes in KiB, as `@memory` of a cell."""
    return size(number(value) * 1024)


def _pages(value: Any) -> Any:
    """Huge pages of the host's usual size, of one size, or of several."""
    listed = value.get("page", []) if isinstance(value, dict) else None
    if listed is None or any(page.get("@unit") != "KiB" for page in listed):
        raise Unsaid
    found = [said(page, (Leaf("@size", "size", kib), Leaf("@nodeset", "cells"))) for page in listed]
    if len(found) == 1 and "cells" not in found[0]:
        return found[0]["size"]
    return found or True


def _memnodes(value: Any) -> Any:
    table = (Leaf("@mode", "mode", usual="strict"), Leaf("@nodeset", "nodes"))
    return {int(name): said(node, table) for name, node in value.items()}


MEMORY = (
    Leaf("currentMemory/#", "size", size),
    Leaf("memory/#", "max", size),
    Leaf("maxMemory/@slots", "slots", number),
    Leaf("maxMemory/#", "ceiling", size),
    Leaf("memoryBacking/hugepages", "hugepages", _pages),
    Leaf("memoryBacking/locked", "locked", there),
    Leaf("memoryBacking/nosharepages", "nosharepages", there),
    Leaf("memoryBacking/source/@type", "source"),
    Leaf("memoryBacking/access/@mode", "access"),
    Leaf("memoryBacking/allocation/@mode", "allocation.mode"),
    Leaf("memoryBacking/allocation/@threads", "allocation.threads", number),
    Leaf("memoryBacking/discard", "discard", there),
    *(Leaf(f"memtune/{name}/#", f"tuning.{name}", size) for name in LIMITS),
    Leaf("numatune/memory/@mode", "numatune.mode", usual="strict"),
    Leaf("numatune/memory/@nodeset", "numatune.nodes"),
    Leaf("numatune/memory/@placement", "numatune.placement"),
    Leaf("numatune/memnode", "numatune.cells", _memnodes),
    Leaf("devices/memballoon/stats/@period", "stats_period", seconds),
)
_PLUGGED = (
    Leaf("target/size/#", "size", size),
    Leaf("@access", "access"),
    Leaf("@discard", "discard", switch),
    Leaf("source/pagesize/#", "page_size", size),
    Leaf("source/nodemask/#", "host_nodes"),
    *PLACES,
)
DIMM = (*_PLUGGED, Leaf("target/node/#", "node", number, usual=0))
DEVICE = (
    Leaf("@model", "model"),
    *_PLUGGED,
    Leaf("target/node/#", "node", number),
    Leaf("source/path/#", "path"),
    Leaf("source/alignsize/#", "alignment", size),
    Leaf("source/pmem", "pmem", there),
    Leaf("target/label/size/#", "label_size", size),
    Leaf("target/readonly", "readonly", there),
    Leaf("uuid/#", "uuid"),
    Leaf("target/block/#", "block_size", size),
    Leaf("target/requested/#", "requested", size, usual="0B"),
)
_DIVIDED = ("dimm", "nvdimm", "virtio-mem")
"""Models that belong to cell 0 where nothing else is said."""


def memory(data: Mapping[str, Any]) -> Data:
    """What `memory` states."""
    found = said(data, MEMORY)
    if found.get("max") == found.get("size"):
        found.pop("max", None)
    plugged = [*(get(data, ("devices", "memory")) or {}).values()]
    models = [device.get("@model") for device in plugged]
    first = next((n for n, model in enumerate(models) if model != "dimm"), len(models))
    dimms = [said(device, DIMM) for device in plugged[:first]]
    others = [_device(device) for device in plugged[first:]]
    return found | {name: each for name, each in (("dimms", dimms), ("devices", others)) if each}


def held_back(draft: Data, root: ET.Element) -> Data:
    """With a `max` that says nothing but that memory devices other than DIMMs are not counted as current."""
    memory = draft.get("memory", {})
    current, every = (root.find(tag) for tag in ("currentMemory", "memory"))
    if "devices" in memory and "max" not in memory and None not in (current, every):
        counted = current is not None and every is not None and current.text == every.text
        return draft if counted else {**draft, "memory": {**memory, "max": memory["size"]}}
    return draft


def _device(device: Mapping[str, Any]) -> Data:
    found = said(device, DEVICE)
    if found.get("node") == 0 and found.get("model") in _DIVIDED:
        del found["node"]
    return found


_CELL = (
    Leaf("@cpus", "cpus"),
    Leaf("@memory", "memory", kib, usual="0B"),
    Leaf("@memAccess", "access"),
    Leaf("@discard", "discard", switch),
)
_CACHE = (
    Leaf("@level", "level", number),
    Leaf("size/@value", "size", kib),
    Leaf("line/@value", "line", lambda value: size(number(value))),
    Leaf("@associativity", "associativity", usual="none"),
    Leaf("@policy", "policy", usual="none"),
)
_WAY = (
    Leaf("@initiator", "initiator", number),
    Leaf("@target", "target", number),
    Leaf("@cache", "cache", number),
    Leaf("@type", "type", usual="access"),
)
_LATENCY, _BANDWIDTH = (*_WAY, Leaf("@value", "value", number)), (*_WAY, Leaf("@value", "value", kib))


def numa(data: Mapping[str, Any]) -> Data | None:
    """The cells, but for the one that room for DIMMs brings."""
    cells: Mapping[str, Any] = get(data, ("cpu", "numa", "cell")) or {}
    if list(cells) != [str(number) for number in range(len(cells))] or not cells or _implied(cells, data):
        return None
    distances = _distances(cells)
    found: Data = {"cells": [_cell(cell, distances.get(int(name))) for name, cell in cells.items()]}
    ways = get(data, ("cpu", "numa", "interconnects")) or {}
    for name, tag, table in (("latencies", "latency", _LATENCY), ("bandwidths", "bandwidth", _BANDWIDTH)):
        if listed := [said(way, table) for way in ways.get(tag, ())]:
            found[name] = listed
    return found


def _implied(cells: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    most = int(text(get(data, ("vcpu", "#"))))
    only = {"@id": "0", "@cpus": "0" if most == 1 else f"0-{most - 1}", "@unit": "KiB"}
    first = {name: value for name, value in cells["0"].items() if name != "@memory"}
    return "maxMemory" in data and len(cells) == 1 and first == only


def _cell(cell: Mapping[str, Any], distances: Mapping[int, int] | None) -> Data:
    found = said(cell, _CELL)
    if distances:
        found["distances"] = dict(distances)
    if caches := [said(cache, _CACHE) for cache in (cell.get("cache") or {}).values()]:
        found["caches"] = caches
    return found


def _distances(cells: Mapping[str, Any]) -> Mapping[int, Mapping[int, int]]:
    """Of each cell what does not follow from another: not its own, and each pair of equals once."""
    every = {int(a): _siblings(cell) for a, cell in cells.items()}

    def follows(a: int, b: int, value: int) -> bool:
        return (a == b and value == 10) or (b < a and every[b].get(a) == value)

    return {
        a: {b: value for b, value in there.items() if not follows(a, b, value)} for a, there in every.items()
    }


def _siblings(cell: Mapping[str, Any]) -> Mapping[int, int]:
    listed: Sequence[Any] = [*(get(cell, ("distances", "sibling")) or {}).values()]
    return {int(one["@id"]): int(one["@value"]) for one in listed}
