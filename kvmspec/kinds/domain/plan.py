"""One VM: match → compare → difference with its chain of actions."""

from __future__ import annotations

from dataclasses import replace

from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain import changes as changing
from kvmspec.kinds.domain import fields, foreign, installing, live, match, restarts, room, swapping
from kvmspec.kinds.domain.chain import Builder, old_seeds
from kvmspec.kinds.domain.clashes import clashes
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.comparing import compare
from kvmspec.kinds.domain.create import creation, missing
from kvmspec.kinds.domain.held import held
from kvmspec.kinds.domain.match import Match
from kvmspec.kinds.domain.record import record_of, same_record
from kvmspec.kinds.seeds import is_seed


def difference(desired: Desired, view: HostView, context: Context) -> Difference:
    """What is to be said and done about one VM of the manifest. Pure."""
    found = match.find(desired, view, context)
    if found.refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(found.refusal,))
    if found.observed is None:
        return creation(desired, found, view, context)
    if found.record is not None and found.record.install:
        return installing.difference(
            desired, found, view, context, lambda d, f: _existing(d, f, view, context)
        )
    return _existing(desired, found, view, context)


def _existing(desired: Desired, found: Match, view: HostView, context: Context) -> Difference:
    assert found.observed is not None, "it exists"
    comparison = compare(desired, found.observed, found.record, view, context)
    return _update(comparison, found, view, context)


def _update(comparison: Comparison, found: Match, view: HostView, context: Context) -> Difference:
    spec, observed = comparison.spec, comparison.observed
    adopting = found.record is None
    changes, canonical, costly = _changes(comparison)
    to_boot_for = canonical if comparison.active is None else [c for c in canonical if c.path in costly]
    comparison.unbooted = restarts.unbooted(to_boot_for, comparison)
    power = _state(comparison)
    changes += power
    if found.old_name is not None:
        changes.append(_renamed(found.old_name, comparison))
    rebuilding = _rebuilding(comparison, context)
    if not rebuilding:
        swaps = swapping.names(comparison, canonical) if observed.running else set()
        changes = restarts.put_off(changes, comparison, context, swaps)
    pending, live_only = _awaited(comparison, changes, canonical)
    changes += [field for field, _ in live_only]
    record = record_of(comparison, context)
    record_same = same_record(record, found.record, comparison.applied, power_changes=bool(power))
    recording = not record_same and not adopting and not any(_is_field(c) for c in changes)
    waits = bool(pending) and observed.running
    restart_pending = (waits and restarts.performed(spec, context)) or rebuilding
    by_hand = [change for _, change in live_only]
    plan = Builder(
        comparison, changes, canonical, by_hand, record_same, adopting, restart_pending, found, costly
    )
    absent = missing(comparison.desired, view, context) if canonical else []
    started = observed.running or spec.state == "running"
    changing = changes or restart_pending or recording or old_seeds(comparison, context)
    verb = Verb.ADOPT if adopting else Verb.UPDATE if changing else Verb.NO_OP
    chain = plan.chain(context) if verb is not Verb.NO_OP else []
    return Difference(
        comparison.desired.address,
        verb,
        changes=tuple(changes),
        pending=pending,
        unmanaged=tuple(foreign.unmanaged(comparison)),
        notes=(
            *(comparison.desired.extra or ()),
            *comparison.notes,
            *_remarks(comparison, bool(canonical or pending)),
            *_kept(comparison),
            *(f"{problem.message}; it cannot be started yet" for problem in absent if not started),
        ),
        refusals=(
            *_refusals(comparison, changes, context),
            *held(comparison, canonical, chain, view, context),
            *clashes(comparison, canonical, context),
        ),
        invalid=tuple(absent) if started else (),
        impact_floor=Impact.RESTART if restart_pending else _live(recording and observed.running),
        permitted=frozenset({Permission.RESTART} if spec.lifecycle.restart == "allowed" else ()),
        label="only its record of what is stated changes" if recording and not changes else "",
        before={c.path: None if c.sensitive else c.before for c in changes},
        after={c.path: None if c.sensitive else c.after for c in changes},
        detail=tuple(chain),
    )


def _awaited(
    comparison: Comparison, changes: list[FieldChange], canonical: list[Change]
) -> tuple[tuple[FieldChange, ...], list[tuple[FieldChange, Change]]]:
    """What the running guest has still to boot for, and what it lacks and can get at once. Where it is
    restarted anyway, neither."""
    if any(c.impact >= Impact.RESTART for c in changes):
        return (), []
    waiting = _pending(comparison, changes, canonical)
    at_boot = [(field, change) for field, change in waiting if field.impact >= Impact.RESTART]
    for _, change in at_boot:
        if change.after is None:
            comparison.leave_out(change.path)  # so that it is known for ours until the guest is without it
    runs = comparison.observed.running or comparison.restores
    live_only = [pair for pair in waiting if pair[0].impact < Impact.RESTART and runs]
    return tuple({field.path: field for field, _ in at_boot}.values()), live_only


def _rebuilding(comparison: Comparison, context: Context) -> bool:
    """Whether a disk of the running VM is made anew, for which it has to be off."""
    vm = comparison.desired.address
    mine = (context.desired[address].owner for address in context.replaced if address in context.desired)
    return comparison.observed.running and vm in mine


def _is_field(change: FieldChange) -> bool:
    return change.path != "state"


def _live(running: bool) -> Impact:
    return Impact.LIVE if running else Impact.NONE


def _changes(comparison: Comparison) -> tuple[list[FieldChange], list[Change], frozenset[tuple[str, ...]]]:
    """Field changes as users see them, one a manifest path, the canonical ones behind them, and the paths of
    those that a guest has to boot for."""
    if comparison.same:
        return [], [], frozenset()
    pairs = [(changing.field_change(change, comparison), change) for change in comparison.changes()]
    pairs = room.freed(room.within(pairs, comparison), comparison)
    skipped = changing.ignored([field for field, _ in pairs], comparison.spec)
    for field, change in pairs:
        if field.path in skipped:
            comparison.leave_out(change.path)
    shown: dict[str, FieldChange] = {}
    for field, change in pairs:
        if field.path in skipped or (field.impact <= Impact.LIVE and fields.lookup(change.path)[0].twin):
            continue
        known = shown.get(field.path)
        if known is not None and (found := _in_place_of(known, field)):
            shown[field.path] = found
        elif known is None or field.impact > known.impact:
            shown[field.path] = field
    in_order = sorted(shown.values(), key=lambda change: fields.rank(change.path))
    kept = [(field, change) for field, change in pairs if field.path not in skipped]
    canonical = [change for _, change in kept]
    swaps = swapping.swapped(comparison, canonical)
    costly = frozenset(
        change.path
        for field, change in kept
        if field.impact >= Impact.RESTART
        and not (field.impact is Impact.REPLACE and change.path[:3] in swaps)
    )
    return in_order, canonical, costly


def _in_place_of(one: FieldChange, other: FieldChange) -> FieldChange | None:
    """One change of two of the same path, where one thing goes and another comes."""
    come, go = (one, other) if one.before is None else (other, one)
    if come.before is not None or go.after is not None or go.before is None or come.after is None:
        return None
    worse = max(come, go, key=lambda change: change.impact)
    return replace(worse, before=go.before, after=come.after, drift=come.drift)


def _state(comparison: Comparison) -> list[FieldChange]:
    wanted, observed = comparison.spec.state, comparison.observed
    if wanted == "running" and not observed.running:
        return [FieldChange("state", observed.state, "running", Impact.NONE, "", drift=_was_ours(comparison))]
    if wanted == "stopped" and observed.running:
        reason = "the guest is asked to shut down"
        return [
            FieldChange(
                "state", observed.state, "stopped", Impact.RESTART, reason, drift=_was_ours(comparison)
            )
        ]
    return []


def _was_ours(comparison: Comparison) -> bool:
    """Whether the last apply wanted the same state: then it was changed outside."""
    record = comparison.record
    return record is not None and (record.state or "running") == comparison.spec.state


def _renamed(old: str, comparison: Comparison) -> FieldChange:
    running = comparison.observed.running
    impact = Impact.RESTART if running else Impact.NONE
    reason = "libvirt renames stopped VMs only" if running else ""
    return FieldChange("name", old, comparison.desired.address.name, impact, reason)


def _pending(
    comparison: Comparison, changes: list[FieldChange], canonical: list[Change]
) -> list[tuple[FieldChange, Change]]:
    if comparison.observed.running and comparison.spec.state == "stopped":
        return []
    named = {change.path for change in changes}
    plugged = [c for c in canonical if live.plugged(c) and not live.has_it(comparison, c)]
    return [
        (field, change)
        for field, change in room.within(changing.pending(comparison), comparison, plugged)
        if field.path not in named and field.path not in changing.ignored([field], comparison.spec)
    ]


def _remarks(comparison: Comparison, changing: bool) -> list[str]:
    observed = comparison.observed
    found = []
    if observed.state == "paused" and comparison.spec.state == "running":
        found.append("it is paused, which kvmspec leaves alone; `virsh resume` continues it")
    if observed.managed_save and (changing or comparison.spec.state == "running"):
        found.append("it has a managed save: its next start restores the configuration it was saved with")
    return found


def _kept(comparison: Comparison) -> list[str]:
    """Volumes of disks that are not declared any more, and fields that have no default."""
    if comparison.same:
        return []
    own = comparison.record.own if comparison.record else {}
    gone = [(key, name) for key, name in own.items() if key not in comparison.keys.disks]
    volumes = [(key, name) for key, name in gone if not is_seed(name)]
    return [
        *(f"{path} is not stated any more and stays as it is" for path in comparison.kept()),
        *(f"volume {name} of disks.{key} stays" for key, name in volumes),
    ]


def _refusals(comparison: Comparison, changes: list[FieldChange], context: Context) -> list[Problem]:
    desired, spec = comparison.desired, comparison.spec
    replaced = [c for c in changes if c.impact is Impact.REPLACE]  # a CD is changed instead
    swapped = [c for c in replaced if c.drift and c.path.startswith("disks.") and c.path.endswith(".source")]
    if swapped:
        return [
            context.problem(
                (*desired.path, "disks"),
                f"{c.path} of {desired.address.short} is {c.before} now, where kvmspec put {c.after}",
                "if that is a snapshot or a copy, merge it back (`virsh blockcommit`, `virsh blockcopy`); "
                "if it is meant, state it",
            )
            for c in swapped
        ]
    restarting = [change for change in changes if change.impact is Impact.RESTART and change.path != "state"]
    if restarting and spec.lifecycle.restart == "never":
        paths = ", ".join(change.path for change in restarting)
        return [
            context.problem(
                (*desired.path, "lifecycle"),
                f"{desired.address.short} must not be restarted (lifecycle.restart: never), "
                f"and {paths} cannot change without",
                "take the change back, or allow the restart",
            )
        ]
    return []
