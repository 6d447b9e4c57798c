"""A VM's own disk that is asked to be made anew: `--replace vm/web/root`. Its data is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kvmspec.core.action import CreateVolume, DeleteVolume
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare, holds, records, use
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.volume import growing
from kvmspec.manifest.types import format_size


class Rebuild(NamedTuple):
    """What the steps are made from."""

    create: CreateVolume
    dies: str


def rebuild(
    desired: Desired, observed: ObservedVolume, creation: Difference, view: HostView, context: Context
) -> Difference:
    """The difference; `creation` is that of the same volume if it were not there."""
    action = creation.detail
    assert isinstance(action, CreateVolume), "an absent volume is created"
    old = (observed.backing or "").rpartition("/")[2] or "its data"
    new = (action.backing or action.origin or "").rpartition("/")[2] or "a blank disk"
    dies = f"{observed.name} of pool {observed.pool} ({format_size(observed.capacity)})"
    reason = f"volume {dies} is deleted with its data and made anew, as --replace asks"
    change = FieldChange("data", old, new, Impact.DATA_LOSS, reason)
    refusals = tuple(_refusals(desired, observed, view, context))
    return Difference(
        desired.address,
        Verb.NO_OP if refusals else Verb.UPDATE,
        () if refusals else (change,),
        refusals=refusals,
        invalid=creation.invalid,
        before={"data": old, "volumes": {desired.address.name: format_size(observed.capacity)}},
        after={"data": new},
        detail=Rebuild(action, dies),
    )


def steps(found: Rebuild) -> Chain:
    """Delete and create; the VM's own chain stops and starts it around them."""
    address = found.create.address
    return [(DeleteVolume(address), f"delete {found.dies} with its data"), (found.create, "create anew")]


def _refusals(
    desired: Desired, observed: ObservedVolume, view: HostView, context: Context
) -> Iterator[Problem]:
    key, owner = desired.address.name, desired.owner
    using = [d for d in use.users(view, observed.path, key) if owner is None or d.name != owner.name]
    if using:
        yield context.problem(desired.path, f"{key} is used by {compare.names(using)}, too")
    if owner is not None and _is_protected(owner.name, view, context):
        yield context.problem(
            desired.path,
            f"vm/{owner.name} is protected by prevent_destroy, and so is the data of {key}",
            "apply it once with `lifecycle: {prevent_destroy: false}`, then replace it",
        )
    if held := growing.holding(view, observed, key, holds.BARS_CHANGE):
        yield context.problem(
            desired.path,
            f"vm/{held[0].vm} has {holds.kinds(held)}, which would be lost with {key}: {holds.names(held)}",
            holds.hints(held),
        )
    if over := use.overlays(view, observed.path):
        yield context.problem(
            desired.path, f"{use.told(view, over)} rests on {key}", "delete that first, or flatten it"
        )


def _is_protected(vm: str, view: HostView, context: Context) -> bool:
    """Whether the VM is, by the manifest or by what was applied last."""
    record = records.records(view).get(vm)
    spec = compare.specs(context.manifest).get(("vm", vm))
    lifecycle = getattr(spec, "lifecycle", None)
    return bool((record and record.prevent_destroy) or (lifecycle and lifecycle.prevent_destroy))
