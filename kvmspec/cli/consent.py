"""Who allows a plan: the user at the terminal, or --yes and --allow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kvmspec.cli.console import Console
from kvmspec.core.errors import Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem
from kvmspec.report.summary import in_order

if TYPE_CHECKING:
    from kvmspec.cli.act import Acting


def consent(plan: Plan, acting: Acting, console: Console) -> Plan:
    """The plan with what was granted. Raises Refused when a permission is missing."""
    if not acting.yes:
        if acting.as_json or not console.asks:
            raise _nobody_to_ask(plan, acting)
        return _asked(plan, acting, console)
    granted = replace(plan, granted=plan.granted | acting.implied | acting.allowed)
    if granted.missing:
        missing = in_order(granted.missing)
        raise Refused(
            [Problem(f"the plan needs what was not allowed: {', '.join(missing)}")],
            hint=f"--allow {','.join(in_order(granted.missing | plan.granted))}",
        )
    return granted


def _nobody_to_ask(plan: Plan, acting: Acting) -> Refused:
    allow = f" --allow {','.join(names)}" if (names := in_order(plan.required - acting.implied)) else ""
    why = "--format json does not ask" if acting.as_json else "standard input is not a terminal"
    return Refused([Problem(f"--yes was not given, and {why}")], hint=f"to go on: --yes{allow}")


def _asked(plan: Plan, acting: Acting, console: Console) -> Plan:
    question, wanted = _question(plan, acting)
    if console.answer(question) != wanted:
        raise Refused([Problem(f"{acting.name} was not confirmed")])
    return replace(plan, granted=plan.granted | plan.required)


def _question(plan: Plan, acting: Acting) -> tuple[str, str]:
    """The question, and the only answer that goes on."""
    if Permission.DATA_LOSS in plan.required:
        return (
            f"\nThis destroys data for good. Type the project's name ({plan.project}) to go on: ",
            plan.project,
        )
    also = (
        f" This also allows: {', '.join(in_order(names))}."
        if (names := plan.missing - acting.implied)
        else ""
    )
    verb = "Do this" if acting.name == "Apply" else "Remove all this"
    return f"\n{verb}?{also} Type yes to go on: ", "yes"
