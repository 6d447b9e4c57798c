"""I/O limits of a running guest's disk. libvirt sets all of a disk at once, so each call says all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.core.action import Action, Tune
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.live import Call
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.limits_spec import excluded

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
        if change.after is not None:
            wanted = {key: value for key, value in wanted.items() if key not in excluded(name)}
            wanted[name] = int(change.after["#"] if isinstance(change.after, dict) else change.after)
    key = next((key for key, target in comparison.keys.disks.items() if target == path[2]), path[2])
    text = f"limit disks.{key}" if wanted else f"take the limits of disks.{key} away"
    gone = dict.fromkeys((name for name in before if not name.endswith(_LENGTH)), 0)
    values = tuple(sorted((gone | wanted).items()))
    yield Tune(comparison.desired.address, Call.BLOCK_TUNE, path[2], values), text


def tune(action: Tune, host: Host) -> None:
    """Set the limits, and look again. Raises LibvirtFailure, also where libvirt took them and did nothing."""
    name, target = action.address.name, action.at
    host.tuning.set_block_tune(name, target, {key: int(value) for key, value in action.values})
    now = _shown(read(host.devices.active_xml(name)), target)
    missing = [f"{key} {value}" for key, value in action.values if now.get(key, 0) != value]
    if missing:
        told = ", ".join(missing)
        raise LibvirtFailure(f"libvirt took the limits of disk {target} of vm/{name}, which has not {told}")


def undo(action: Tune, host: Host, before: str) -> None:
    """Give the disk the limits of its active XML then."""
    host.tuning.set_block_tune(action.address.name, action.at, _shown(read(before), action.at))


def _shown(active: Mapping[str, Any], target: str) -> Values:
    found = get(active, ("devices", "disk", target, "iotune")) or {}
    return {name: int(limit["#"]) for name, limit in found.items() if isinstance(limit, dict)}
