"""Memory and disk I/O on the host: https://libvirt.org/formatdomain.html#memory-tuning and measurements on
libvirt 9.0."""

from __future__ import annotations

from typing import Any

from kvmspec.canon.compare import get, leaves
from kvmspec.core.impact import Impact
from kvmspec.core.live import Call
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.memory_spec import LIMITS
from kvmspec.kinds.domain.row import ANY, Field, attribute, number, present, size
from kvmspec.kinds.domain.rules import Unless, Verdict, live, restart
from kvmspec.kinds.domain.tables.devices import switch
from kvmspec.kinds.domain.words import RATES

MEMORY, STATS = ("numatune", "memory"), ("devices", "memballoon", "stats")


def _bound(before: Any, after: Any, guest: Guest) -> str:
    """Other modes bind each page when QEMU asks for it: libvirt refuses other nodes then."""
    if get(guest.active, (*MEMORY, "@mode")) != "restrictive":
        return "the running guest's memory is bound to its nodes, but for the mode restrictive"
    return "without nodes it starts anew" if after is None else ""


def _weight_gone(before: Any, after: Any, guest: Guest) -> str:
    return "the host's own weight comes back at the next boot" if after is None else ""


def _no_balloon(before: Any, after: Any, guest: Guest) -> str:
    return "" if guest.has_balloon or not guest.active else "the VM has no memory balloon"


def _seconds(value: Any) -> Any:
    return f"{value['@period']}s" if isinstance(value, dict) else value


def _kib(value: Any) -> Any:
    return size(int(value) * 1024) if value is not None else None


def _cell(value: Any) -> Any:
    """`0-3 with 2GiB`: CPUs and memory."""
    if not isinstance(value, dict):
        return value
    return f"{value.get('@cpus', 'no CPUs')} with {_kib(value.get('@memory', 0))}"


def _cells(value: Any) -> Any:
    return [_cell(cell) for cell in value.get("cell", {}).values()] if isinstance(value, dict) else value


def _distances(value: Any) -> Any:
    found = value.get("sibling", {}) if isinstance(value, dict) else {}
    return {int(name): int(cell["@value"]) for name, cell in found.items()} or None


def _cache(value: Any) -> Any:
    """`10KiB at level 1`"""
    if not isinstance(value, dict):
        return value
    return f"{_kib(value.get('size', {}).get('@value', 0))} at level {value.get('@level')}"


def _ways(value: Any) -> Any:
    """`0 → 1: 5`: from the CPUs of one cell to the memory of one."""
    listed = value if isinstance(value, list) else []
    return [f"{way['@initiator']} → {way['@target']}: {way['@value']}" for way in listed] or None


def _memnode(value: Any) -> Any:
    return f"{value.get('@mode')} {value.get('@nodeset')}" if isinstance(value, dict) else value


def _hugepages(value: Any) -> Any:
    pages = value.get("page", []) if isinstance(value, dict) else []
    return ", ".join(_page(page) for page in pages) or True


def _page(page: Any) -> str:
    """`2MiB for 0-1`: of cells."""
    cells = f" for {page['@nodeset']}" if "@nodeset" in page else ""
    return f"{_kib(page['@size'])}{cells}"


def _plugged(value: Any) -> Any:
    """`128MiB, path /srv/web.nvdimm`: its size, and what is special about it."""
    if not isinstance(value, dict):
        return value
    parts = [size(get(value, ("target", "size", "#")) or 0)]
    for path, leaf in leaves({name: value.get(name, {}) for name in ("source", "target")}):
        name = path[-1] if path[-1] != "#" else path[-2]
        if name not in _KNOWN and leaf != {}:
            parts.append(f"{name} {size(leaf) if isinstance(leaf, int) else leaf}")
        elif len(path) > 1 and leaf == {}:
            parts.append(name)
    return ", ".join([*parts, *(f"{name} {value['@' + name]}" for name in _SAID if "@" + name in value)])


_KNOWN, _SAID = ("size", "node", "source", "target"), ("access", "discard")


def dimm(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainAttachDeviceFlags: up to the ceiling, in a slot that is free. Other models are not proved."""
    if None not in (before, after) or (after or before or {}).get("@model", "dimm") != "dimm":
        return Verdict(Impact.RESTART, "the guest finds it at boot")
    if after is None:
        return Verdict(Impact.LIVE, "the guest has to let go of it")
    slots = int(get(guest.active, ("maxMemory", "@slots")) or 0)
    if guest.active and not slots:
        return Verdict(Impact.RESTART, "the guest booted without room for DIMMs")
    if guest.active and not guest.has_acpi:
        return Verdict(Impact.RESTART, "a guest without ACPI does not notice a DIMM")
    return Verdict(Impact.LIVE, "plugged in")


def is_dimm(key: str) -> bool:
    """Whether a memory device is a DIMM, by its key: the others' begin with their model."""
    return key.count("/") == 1


NUMA = ("cpu", "numa")
CELL = (*NUMA, "cell", ANY)
DEVICES = ("devices", "memory")
FIXED = restart("the maximum is fixed at boot")
DIVIDED = restart("CPUs and memory are divided at boot")
BOUND = restart("memory is bound when it is allocated")
IO = restart("limits of the host's disks are set at boot")
BACKED = restart("the host's memory is taken at boot")

ROWS: tuple[Field, ...] = (
    Field("memory.slots", ("maxMemory", "@slots"), FIXED, number),
    Field("memory.ceiling", ("maxMemory", "#"), FIXED, size),
    Field("memory.dimms.{key}", (*DEVICES, ANY), dimm, _plugged, removable=True, call=Call.PLUG, whole=True),
    Field("numa.cells.{key}.memory", (*CELL, "@memory"), DIVIDED, _kib),
    Field("numa.cells.{key}.cpus", (*CELL, "@cpus"), DIVIDED, removable=True),
    Field("numa.cells.{key}.access", (*CELL, "@memAccess"), DIVIDED, removable=True),
    Field("numa.cells.{key}.discard", (*CELL, "@discard"), DIVIDED, switch, removable=True),
    Field(
        "numa.cells.{key}.distances", (*CELL, "distances"), DIVIDED, _distances, removable=True, whole=True
    ),
    Field("numa.cells.{key}.caches", (*CELL, "cache", ANY), DIVIDED, _cache, removable=True, whole=True),
    Field("numa.cells.{key}", CELL, DIVIDED, _cell, whole=True),
    Field("numa.latencies", (*NUMA, "interconnects", "latency"), DIVIDED, _ways, removable=True),
    Field("numa.bandwidths", (*NUMA, "interconnects", "bandwidth"), DIVIDED, _ways, removable=True),
    Field("numa", NUMA, DIVIDED, _cells, whole=True),
    Field("memory.hugepages", ("memoryBacking", "hugepages"), BACKED, _hugepages, removable=True, whole=True),
    *(
        Field(f"memory.{name}", ("memoryBacking", name), BACKED, present, removable=True)
        for name in ("locked", "nosharepages", "discard")
    ),
    *(
        Field(f"memory.{name}", ("memoryBacking", name), BACKED, attribute(key), removable=True, whole=True)
        for name, key in (("source", "type"), ("access", "mode"))
    ),
    Field("memory.allocation.mode", ("memoryBacking", "allocation", "@mode"), BACKED, removable=True),
    Field(
        "memory.allocation.threads",
        ("memoryBacking", "allocation", "@threads"),
        BACKED,
        number,
        removable=True,
    ),
    Field("memory.allocation", ("memoryBacking", "allocation"), BACKED, present, removable=True, whole=True),
    *(
        Field(
            f"memory.tuning.{limit}",
            ("memtune", limit),
            live("below what the VM uses, the host refuses it"),
            size,
            removable=True,
            call=Call.MEMORY_LIMITS,
        )
        for limit in LIMITS
    ),
    Field("memory.numatune.mode", (*MEMORY, "@mode"), BOUND, removable=True),
    Field("memory.numatune.placement", (*MEMORY, "@placement"), BOUND, removable=True),
    Field(
        "memory.numatune.cells.{key}",
        ("numatune", "memnode", ANY),
        BOUND,
        _memnode,
        removable=True,
        whole=True,
    ),
    Field(
        "memory.numatune.nodes",
        (*MEMORY, "@nodeset"),
        Unless("live with the mode restrictive", _bound),
        removable=True,
        call=Call.NUMA,
        unproved="a host with several NUMA nodes",
    ),
    Field(
        "memory.stats_period",
        STATS,
        Unless("live where the VM has a memory balloon", _no_balloon),
        _seconds,
        removable=True,
        whole=True,
        call=Call.BALLOON_PERIOD,
    ),
    *(
        Field(
            f"blkio.devices.{{key}}.{name}",
            ("blkiotune", "device", ANY, element),
            IO,
            size if name in ("read", "write") else number,
            removable=True,
        )
        for name, element in {"weight": "weight", **RATES}.items()
    ),
    Field("blkio.devices.{key}", ("blkiotune", "device", ANY), IO, present, removable=True, whole=True),
    Field(
        "blkio.weight",
        ("blkiotune", "weight"),
        Unless("live; no longer stated, the host's own comes back at the next boot", _weight_gone),
        number,
        removable=True,
        call=Call.BLKIO,
    ),
)
