"""Devices that cannot be beside one that is there, and that the manifest does not name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kvmspec.canon.compare import get
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain.compare import Change, Comparison

CHANNELS = ("devices", "channel")


def clashes(comparison: Comparison, changes: Iterable[Change], context: Context) -> Iterator[Problem]:
    """Channels of the same name: QEMU takes a name once, whatever is at its other end."""
    changes = list(changes)
    gone = {change.path for change in changes if change.after is None}
    there = [key for key in get(comparison.persistent, CHANNELS) or {} if (*CHANNELS, key) not in gone]
    desired = comparison.desired
    for change in changes:
        if change.path[:2] != CHANNELS or change.before is not None or len(change.path) != 3:
            continue
        name = _name(change.path[2])
        for other in there:
            if _name(other) == name:
                kind = other.partition("/")[0]
                yield context.problem(
                    (*desired.path, "devices", "channels"),
                    f"{desired.address.short} has a channel {name} already, of type {kind}",
                    f"state it as it is (`type: {kind}`), or take it out with virsh first",
                )


def _name(key: str) -> str:
    return key.partition("/")[2]
