"""Room for what is plugged in: each PCI device takes a port, and a running guest has only so many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import live, rules
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
