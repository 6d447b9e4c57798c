"""What only a boot makes true: performed now, by a restart, or put off to the next start.

What is put off is defined at once and stays visible as a pending restart until the guest boots with it.
Mostly that is seen by comparing the definition with the running XML. Two things cannot be seen there, and
stand in the VM's record: what was removed from the definition (the running XML has much that no definition
has), and a CPU model (`host-model` is expanded when the guest boots, measured on 9.0).

A managed save brings a guest back with the configuration it was saved with: until it boots, it has not
booted with anything newer (virDomainManagedSaveGetXMLDesc tells what it was).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from kvmspec.canon.compare import get
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact, Permission
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.spec import VmSpec

Path = tuple[str, ...]

CPU: Path = ("cpu",)
_NEVER_BOOTED = ("title", "description", "autostart")
_OWN_CHAIN = ("state", "name")
"""What is no matter of the definition: it is done or it is not."""


def performed(spec: VmSpec, context: Context) -> bool:
    """Whether a restart that is pending is performed now."""
    given = Permission.RESTART in context.granted
    return not context.no_restart and (spec.lifecycle.restart == "allowed" or (_may(spec) and given))


def put_off(
    changes: Iterable[FieldChange], comparison: Comparison, context: Context, swaps: Collection[str] = ()
) -> list[FieldChange]:
    """The changes, of which those that need a restart wait for the next start, where that is asked for.

    Not where the VM is stopped anyway: for another name, or a part that is replaced. `swaps` are the fields
    of disks that are replaced while it runs.
    """
    changes = list(changes)
    stops = any(c.path == "name" or (c.impact > Impact.RESTART and c.path not in swaps) for c in changes)
    if stops or not comparison.observed.running or not _waits(comparison.spec, context):
        return changes
    return [
        replace(c, impact=Impact.NEXT_START, avoid="")
        if c.impact is Impact.RESTART and c.path not in _OWN_CHAIN
        else c
        for c in changes
    ]


def unbooted(changes: Iterable[Change], comparison: Comparison) -> dict[Path, str]:
    """What the record is to say of changes that a guest has to boot for; see Record.unbooted."""
    booted = comparison.booted
    if booted is None:
        return {}
    found = dict(still_unbooted(comparison))
    for change in changes:
        if change.path[0] in _NEVER_BOOTED or _is_drawn(change.path):
            continue
        if change.path[:1] == CPU:
            found[CPU] = _digest(get(booted, CPU))
        elif change.after is None and get(booted, change.path) is not None:
            found[change.path] = ""
    return found


def still_unbooted(comparison: Comparison) -> Mapping[Path, str]:
    """What of the record still holds: the guest has not booted since."""
    booted, record = comparison.booted, comparison.record
    if booted is None or record is None:
        return {}
    return {path: mark for path, mark in record.unbooted.items() if _holds(path, mark, comparison)}


def _holds(path: Path, mark: str, comparison: Comparison) -> bool:
    has, defined = get(comparison.booted, path), get(comparison.persistent, path)
    if mark:
        return mark == _digest(has)
    # libvirt may have put its default there, such as the boot order; of a device only its presence counts
    return has is not None and (defined is None or (type(defined) is not dict and defined != has))


def _is_drawn(path: Path) -> bool:
    """A display's port, which the running XML always shows: where none is defined, libvirt draws one."""
    return path[:2] == ("devices", "graphics") and path[-1] in ("@port", "@tlsPort")


def _may(spec: VmSpec) -> bool:
    return spec.lifecycle.restart in ("ask", "later")


def _waits(spec: VmSpec, context: Context) -> bool:
    later = spec.lifecycle.restart == "later" and Permission.RESTART not in context.granted
    return context.no_restart or later


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()
