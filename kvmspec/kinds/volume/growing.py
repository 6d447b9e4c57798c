"""Why a volume cannot have the size that is stated: it is never shrunk, and something may hold it."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView, Observed, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.kinds import holds, use
from kvmspec.kinds.base import Context
from kvmspec.kinds.holds import Hold, Holding
from kvmspec.kinds.volume.wanted import Wanted
from kvmspec.manifest.types import format_size


def shrinking(
    desired: Desired, want: Wanted, observed: ObservedVolume, context: Context
) -> Iterator[Problem]:
    """That it has more than the manifest says: that was lowered, or the volume was grown by hand. Which of
    the two cannot be known, for no volume says what was last applied."""
    if want.capacity is not None and want.capacity < observed.capacity:
        has = format_size(observed.capacity)
        yield context.problem(
            (*desired.path, "size"),
            f"{desired.address.short} on {desired.address.host} has {has}, "
            f"the manifest says {format_size(want.capacity)}",
            f"a volume is never shrunk; state `size: {has}` or more",
        )


def hindrances(
    desired: Desired, observed: ObservedVolume, view: HostView, context: Context
) -> Iterator[Problem]:
    """What would be broken by its growing, or would let that fail."""
    key, path, say = desired.address.name, (*desired.path, "size"), f"{desired.address.short} cannot grow"
    held = holding(view, observed, key, holds.BARS_GROWTH)
    over = use.under_overlay(view, observed.path, key)
    if over:
        outer = [hold for hold in held if hold.holding is Holding.EXTERNAL]
        why = holds.names(outer) or "a snapshot or an overlay"
        hint = holds.hints(outer) or "merge the snapshot first (`virsh blockcommit`)"
        yield context.problem(
            path,
            f"{say}: {_over(view, over)} rests on it ({why})",
            f"{hint}, or grow what rests on it",
        )
    if mine := [hold for hold in held if not over or hold.holding is not Holding.EXTERNAL]:
        vms = ", ".join(dict.fromkeys(f"vm/{hold.vm}" for hold in mine))
        yield context.problem(path, f"{say}: {holds.names(mine)} of {vms} holds it", holds.hints(mine))
    writers = {domain.name for domain, _ in use.live_disks(view, observed.path, key)}
    if len(writers) > 1:
        names = ", ".join(f"vm/{name}" for name in sorted(writers))
        yield context.problem(path, f"{say} while it is shared by {names}", "stop all of them but one")
    gone = use.gone_below(view, observed.path)
    if gone is not None and not writers:
        yield without_base(desired, gone, context)


def holding(view: HostView, volume: ObservedVolume, key: str, which: Holding) -> list[Hold]:
    """What holds the disks that lie on a volume, whoever has them."""
    disks: dict[str, tuple[Observed, set[str]]] = {}
    for domain, target in use.disks(view, volume.path, key):
        disks.setdefault(domain.name, (domain, set()))[1].add(target)
    return [hold for domain, targets in disks.values() for hold in holds.holds(domain, targets, which)]


def without_base(desired: Desired, gone: str, context: Context) -> Problem:
    """That it cannot be used as it is: what it rests on is not there."""
    owner = desired.owner.short if desired.owner else ""
    anew = f"; or make it anew, without its data: `--replace {owner}/{desired.extra}`" if owner else ""
    return context.problem(
        desired.path,
        f"{desired.address.short} on {desired.address.host} rests on {gone}, which is gone",
        f"put that file back and let libvirt look (`virsh pool-refresh`){anew}",
    )


def _over(view: HostView, over: list[str]) -> str:
    """Overlays, and with each the VMs that have it."""
    return ", ".join(use.told(view, [each]) if each.startswith("volume/") else each for each in over)
