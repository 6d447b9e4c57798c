"""Why an object is dangerous to touch, whether that can be avoided, and what allows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvmspec.core.action import RestartNetwork, ShutdownDomain
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import PERMISSION_FOR, Impact
from kvmspec.core.plan import Plan, Step
from kvmspec.report.effects import DATA_LOSS, effect_of
from kvmspec.report.values import arrow, clean, full, prose


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an object is dangerous to touch; `avoid` is how to do without, None where that is not asked."""

    text: str
    path: str = ""
    values: str = ""
    avoid: str | None = None


def reasons(difference: Difference, steps: Sequence[Step]) -> Iterator[Reason]:
    """Why it is dangerous, and whether that can be avoided."""
    for change in difference.changes:
        if change.impact >= Impact.RESTART:
            avoid = prose(change.avoid) if change.impact is Impact.RESTART else None
            yield Reason(prose(change.reason), clean(change.path), arrow(change, 32), avoid)
    yield from (Reason(prose(note)) for note in difference.notes)
    yield from map(Reason, dict.fromkeys(_interruptions(steps)))
    size = difference.before.get("size") if isinstance(difference.before, Mapping) else None
    if size and effect_of(difference) is DATA_LOSS:
        yield Reason(f"{full(size)} of data is gone for good")


def _interruptions(steps: Sequence[Step]) -> Iterator[str]:
    """What the steps do to running guests."""
    for step in steps:
        match step.action:
            case ShutdownDomain(timeout=timeout, force_off=force):
                then = "powered off" if force else "left running, and the step fails"
                yield f"the guest is asked to shut down; after {timeout} s without success it is {then}"
            case RestartNetwork(guests=guests) if guests:
                yield f"running guests are reconnected: {', '.join(map(clean, guests))}"


def permission_for(difference: Difference, plan: Plan) -> tuple[str, str]:
    """What allows the worst of an object's impacts, in words, and as a key for the style sheet."""
    impact = max(difference.impact, Impact.DELETE if difference.verb is Verb.DELETE else Impact.NONE)
    permission = PERMISSION_FOR.get(impact)
    if permission is None or difference.refusals:
        return "", ""
    if permission in difference.permitted:
        return "allowed by the manifest", "granted"
    if permission in plan.granted:
        return f"--allow {permission} is given", "granted"
    return f"needs --allow {permission}", "missing"
