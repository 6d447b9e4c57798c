"""Memory and disk I/O on the host: https://libvirt.org/formatdomain.html#memory-tuning and measurements on
libvirt 9.0."""

from __future__ import annotations

from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.impact import Impact
from kvmspec.core.live import Call
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.memory_spec import LIMITS
from kvmspec.kinds.domain.row import ANY, Field, number, present, size
from kvmspec.kinds.domain.rules import Unless, Verdict, live, restart

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


def _cell(value: Any) -> Any:
    return size(int(value) * 1024) if value is not None else None


def _hugepages(value: Any) -> Any:
    return size(int(value["page"]["@size"]) * 1024) if isinstance(value, dict) and "page" in value else True


def dimm(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainAttachDeviceFlags: up to the ceiling, in a slot that is free."""
    if after is None:
        return Verdict(Impact.LIVE, "the guest has to let go of it")
    slots = int(get(guest.active, ("maxMemory", "@slots")) or 0)
    if guest.active and not slots:
        return Verdict(Impact.RESTART, "the guest booted without room for DIMMs")
    if guest.active and not guest.has_acpi:
        return Verdict(Impact.RESTART, "a guest without ACPI does not notice a DIMM")
    return Verdict(Impact.LIVE, "plugged in")


CELL = ("cpu", "numa", "cell", ANY)
FIXED = restart("the maximum is fixed at boot")
BACKED = restart("the host's memory is taken at boot")

ROWS: tuple[Field, ...] = (
    Field("memory.slots", ("maxMemory", "@slots"), FIXED, number),
    Field("memory.ceiling", ("maxMemory", "#"), FIXED, size),
    Field("memory.dimms.{key}", ("devices", "memory", ANY), dimm, removable=True, call=Call.PLUG),
    Field("memory.max", (*CELL, "@memory"), FIXED, _cell),
    Field("cpus.max", (*CELL, "@cpus"), FIXED),
    Field("memory.slots", ("cpu", "numa"), FIXED, lambda value: None, whole=True),
    Field("memory.hugepages", ("memoryBacking", "hugepages"), BACKED, _hugepages, removable=True, whole=True),
    Field("memory.locked", ("memoryBacking", "locked"), BACKED, present, removable=True),
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
    Field(
        "memory.numatune.mode",
        (*MEMORY, "@mode"),
        restart("memory is bound when it is allocated"),
        removable=True,
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
    Field(
        "blkio.weight",
        ("blkiotune", "weight"),
        Unless("live; no longer stated, the host's own comes back at the next boot", _weight_gone),
        number,
        removable=True,
        call=Call.BLKIO,
    ),
)
