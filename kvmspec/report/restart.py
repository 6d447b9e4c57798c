"""What every restart has to say for itself: which guest, why, and whether it can be avoided."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.action import RestartNetwork, ShutdownDomain, StartDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.report.summary import effective
from kvmspec.report.values import clean, counted, prose


def restarts(plan: Plan) -> dict[Address, str]:
    """A sentence for every object of the plan that is restarted or stopped for a change."""
    guests: dict[Address, tuple[str, ...]] = {}
    starting: set[Address] = set()
    for step in plan.steps:
        match step.action:
            case ShutdownDomain():
                guests[step.subject] = (step.action.address.name,)
            case RestartNetwork():
                guests[step.subject] = step.action.guests
            case StartDomain():
                starting.add(step.subject)
    return {
        item.address: _sentence(item, guests[item.address], item.address in starting)
        for item in effective(plan)
        if item.address in guests and item.verb in (Verb.UPDATE, Verb.ADOPT)
    }


def _sentence(item: Difference, guests: tuple[str, ...], starts: bool) -> str:
    causes = [change for change in item.changes if change.impact >= Impact.RESTART]
    why = _why(causes) or "fields that are defined already wait for it" + _named(item.pending)
    if item.address.kind == "vm":
        what = f"{'restarts' if starts else 'stops'} guest {clean(guests[0])}"
    elif guests:
        what = f"restarts, and then reconnects guest {clean(', '.join(guests))}"
    else:
        what = "restarts; no guest is on it"
    return f"{what}: {why}; {_avoidable(causes)}"


def _why(causes: Iterable[FieldChange]) -> str:
    """`the maximum is fixed at boot (cpus.max, memory.max), and 1 more reason below`."""
    by_reason: dict[str, list[str]] = {}
    for change in causes:
        by_reason.setdefault(prose(change.reason), []).append(clean(change.path))
    if not by_reason:
        return ""
    reason, paths = next(iter(by_reason.items()))
    more = len(by_reason) - 1
    others = f", and {counted(more, 'more reason')} below" if more else ""
    return f"{reason or 'only a boot does it'} ({', '.join(paths)}){others}"


def _named(changes: Iterable[FieldChange]) -> str:
    names = ", ".join(clean(change.path) for change in changes)
    return f" ({names})" if names else ""


def _avoidable(causes: list[FieldChange]) -> str:
    ways = list(dict.fromkeys(prose(change.avoid) for change in causes))
    if ways and all(ways):
        return f"avoidable: {', '.join(ways)}"
    return "cannot be avoided"
