"""Why a VM's disks cannot be changed, or the VM cannot be started: what holds them, and what they lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kvmspec.canon.compare import get
from kvmspec.core.action import ShutdownDomain, StartDomain
from kvmspec.core.address import Address
from kvmspec.core.observed import HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds import holds, use
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.bases import to_be_placed
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.holds import Holding

_OF_THE_DATA = frozenset({"@type", "source"})
"""Parts of a disk that say where its data lies: another value is another disk in its place."""
_INSIDE = (("driver", "@type"), ("target", "@dev"))
"""The format of its data; the target, by which snapshots and checkpoints know a disk."""


def held(
    comparison: Comparison, changes: Iterable[Change], chain: Chain, view: HostView, context: Context
) -> list[Problem]:
    """Why the plan for a VM that exists would break something, or fail. Pure."""
    return [
        *_disks(comparison, changes, context),
        *_jobs(comparison, chain, context),
        *_lacking(comparison, chain, view, context),
    ]


def _disks(comparison: Comparison, changes: Iterable[Change], context: Context) -> Iterator[Problem]:
    """Disks that are taken away or get another source under a job, a snapshot or a checkpoint."""
    desired, told = comparison.desired, set()
    for change in changes:
        if change.path[:2] != ("devices", "disk") or len(change.path) < 3 or not _is_another(change):
            continue
        target = change.path[2]
        found = holds.holds(comparison.observed, {target}, holds.BARS_CHANGE)
        if found and target not in told and _is_disk(comparison, target):
            told.add(target)
            what = "taken away" if change.after is None and len(change.path) == 3 else "changed"
            yield context.problem(
                (*desired.path, "disks"),
                f"disk {_key(comparison, target)} of {desired.address.short} cannot be {what}: "
                f"{holds.names(found)} holds it",
                holds.hints(found),
            )


def _is_another(change: Change) -> bool:
    if len(change.path) == 3:
        return change.before is not None
    if change.path[3] in ("driver", "target"):
        return change.path[3:] in _INSIDE and change.before is not None
    return change.path[3] in _OF_THE_DATA


def _is_disk(comparison: Comparison, target: str) -> bool:
    kind = get(comparison.persistent, ("devices", "disk", target, "@device"))
    return kind in (None, "disk")


def _jobs(comparison: Comparison, chain: Chain, context: Context) -> Iterator[Problem]:
    """A guest that is shut down ends the block jobs that run."""
    desired = comparison.desired
    jobs = holds.holds(comparison.observed, None, Holding.JOB)
    if jobs and any(isinstance(action, ShutdownDomain) for action, _ in chain):
        yield context.problem(
            desired.path,
            f"{desired.address.short} cannot be shut down: {holds.names(jobs)} would be cut off",
            holds.hints(jobs),
        )


def _lacking(comparison: Comparison, chain: Chain, view: HostView, context: Context) -> Iterator[Problem]:
    """Disks that rest on a file that is gone: the VM would not start."""
    if not any(isinstance(action, StartDomain) for action, _ in chain):
        return
    desired = comparison.desired
    anew = {context.desired[a].extra for a in context.replaced if _owner(a, context) == desired.address}
    for target, disk in comparison.persistent.get("devices", {}).get("disk", {}).items():
        key = _key(comparison, target)
        gone = use.gone_below(view, get(disk, ("source", "@file")))
        if gone is None or key in anew or gone in to_be_placed(context.manifest, view):
            continue
        yield context.problem(
            (*desired.path, "disks"),
            f"{desired.address.short} cannot be started: its disk {key} rests on {gone}, which is gone",
            f"put that file back and let libvirt look (`virsh pool-refresh`){_or_anew(comparison, key)}",
        )


def _or_anew(comparison: Comparison, key: str) -> str:
    own = comparison.record.own if comparison.record else {}
    vm = comparison.desired.address.short
    return f"; or make the disk anew, without its data: `--replace {vm}/{key}`" if key in own else ""


def _owner(address: Address, context: Context) -> Address | None:
    found = context.desired.get(address)
    return found.owner if found else None


def _key(comparison: Comparison, target: str) -> str:
    """What the manifest calls the disk, else its target."""
    return next((key for key, has in comparison.all_keys.disks.items() if has == target), target)
