"""Room for what is plugged in: each PCI device takes a port, and a running guest has only so many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import live, live_tuning, rules
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.controllers import needs_scsi

Pair = tuple[FieldChange, Change]


def within(pairs: list[Pair], comparison: Comparison, besides: Iterable[Change] = ()) -> list[Pair]:
    """The changes, those for which the running guest has no port left after a restart. What is taken out
    makes room for what comes; `besides` is what comes and goes before them."""
    coming = [pair for pair in pairs if _plugs(pair) and _takes_port(pair[1].path, pair[1].after, comparison)]
    if not coming:
        return pairs
    besides = [change for change in besides if live.plugged(change)]
    going = [c for c in (*(pair[1] for pair in pairs if _plugs(pair)), *besides) if c.after is None]
    free = comparison.guest.free_ports() + sum(1 for c in going if _frees_port(c, comparison))
    free -= sum(1 for change in besides if _takes_port(change.path, change.after, comparison))
    beyond = {id(pair[0]) for pair in coming[max(free, 0) :]}
    impact, reason, avoid = rules.NO_PORT
    return [
        (replace(field, impact=impact, reason=reason, avoid=avoid) if id(field) in beyond else field, change)
        for field, change in pairs
    ]


def freed(pairs: list[Pair], comparison: Comparison) -> list[Pair]:
    """The changes, those live by which an I/O thread goes together with every disk that uses it."""
    disks = get(comparison.active, ("devices", "disk")) or {}
    going = {
        pair[1].path[2] for pair in pairs if _plugs(pair) and pair[1].path[1] == "disk" and not pair[1].after
    }
    users = {get(disk, ("driver", "@iothread")) for target, disk in disks.items() if target not in going}
    users |= {get(controller, ("driver", "@iothread")) for controller in comparison.guest.controllers("scsi")}
    return [
        (replace(field, impact=Impact.LIVE, reason="") if _is_free(field, change, users) else field, change)
        for field, change in pairs
    ]


def _is_free(field: FieldChange, change: Change, users: set[str | None]) -> bool:
    thread = change.path[:2] == live_tuning.THREADS and len(change.path) == 3
    return thread and change.after is None and field.impact is Impact.RESTART and change.path[2] not in users


def _plugs(pair: Pair) -> bool:
    field, change = pair
    return field.impact is Impact.LIVE and live.plugged(change)


def _frees_port(change: Change, comparison: Comparison) -> bool:
    """What was only defined, and never plugged in, frees none."""
    there = get(comparison.active, change.path)
    return there is not None and _takes_port(change.path, there, comparison)


def _takes_port(path: tuple[str, ...], device: Any, comparison: Comparison) -> bool:
    """A SCSI disk takes one, too, where its controller has to come with it."""
    if not isinstance(device, Mapping):
        return False
    if needs_scsi(path, device):
        return not comparison.guest.controllers("scsi")
    match path[1]:
        case "disk":
            return bool(get(device, ("target", "@bus")) == "virtio")
        case "input":
            return bool(device.get("@bus") == "virtio")
        case "interface" | "rng" | "vsock" | "filesystem":
            return True
        case "hostdev":
            return device.get("@type") in ("pci", "mdev")
        case _:
            return False
