"""Drift alone: what was changed outside kvmspec since the last apply (`plan --refresh-only`)."""

from __future__ import annotations

from dataclasses import replace

from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.text import drifted, unreadable
from kvmspec.report.values import counted


def drift_only(plan: Plan) -> Plan:
    """The plan without all that the manifest wants: nothing is to be done, and only drift is told."""
    return replace(
        plan,
        differences=tuple(map(_only, plan.differences)),
        steps=(),
        required=frozenset(),
        refusals=(),
        warnings=(),
    )


def _only(item: Difference) -> Difference:
    return replace(
        item,
        verb=Verb.NO_OP,
        changes=item.drift,
        pending=(),
        notes=(),
        refusals=(),
        impact_floor=Impact.NONE,
        before=None,
        after=None,
    )


def drift_text(plan: Plan, *, style: Style = PLAIN, width: int = 100) -> str:
    """Every field that was changed outside, from what it is now to what the manifest says."""
    lines = list(drifted(plan, style, width))
    sections = ["\n".join(lines), "\n".join(unreadable(plan, style, width))]
    if lines:
        objects = counted(len(lines), "object")
        sections.append(f"{objects} changed outside kvmspec. `kvmspec plan` shows what apply would do.")
    elif len(plan.unknown) < len(plan.hosts):
        sections.append(style("good", "No drift. What the manifest states is as the last apply left it."))
    return "\n\n".join(filter(None, sections)) + "\n"
