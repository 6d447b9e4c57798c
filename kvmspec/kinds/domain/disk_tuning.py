"""I/O limits of a running guest's disk. libvirt sets all of a disk at once, so each call says all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.action import Action, Tune
from kvmspec.core.live import Call
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.limits import bursts, excluded

Path = tuple[str, ...]
Values = dict[str, int]
_LENGTH = "_max_length"  # without its burst one may be shown still (measured on 9.0)


def limits(comparison: Comparison, path: Path, changes: list[Change]) -> Iterator[tuple[Action, str]]:
    """What the disk is to have: what the guest has, with the changes made; 0 is none. What nobody states
    stays, but for what libvirt refuses beside it."""
    before = _shown(comparison.active or {}, path[2])
    wanted = dict(before)
    for change in changes:
        name = change.path[4]
        wanted.pop(name, None)
        if change.after is None:
            wanted = {key: value for key, value in wanted.items() if key not in bursts(name)}
        else:
            wanted = {key: value for key, value in wanted.items() if key not in excluded(name)}
            wanted[name] = int(change.after["#"] if isinstance(change.after, dict) else change.after)
    key = next((key for key, target in comparison.keys.disks.items() if target == path[2]), path[2])
    text = f"limit disks.{key}" if wanted else f"take the limits of disks.{key} away"
    gone = dict.fromkeys((name for name in before if not name.endswith(_LENGTH)), 0)
    values = tuple(sorted((gone | wanted).items()))
    yield Tune(comparison.desired.address, Call.BLOCK_TUNE, path[2], values), text


def _shown(active: Mapping[str, Any], target: str) -> Values:
    found = get(active, ("devices", "disk", target, "iotune")) or {}
    return {name: int(limit["#"]) for name, limit in found.items() if isinstance(limit, dict)}
