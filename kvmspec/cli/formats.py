"""A plan in the form that `--format` names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kvmspec.cli.console import Console
from kvmspec.core.address import Address
from kvmspec.core.errors import UsageError
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Where

if TYPE_CHECKING:
    from kvmspec.pipeline import Session

Locate = Callable[[Address, str], Where | None]

TEXT_AND_JSON = ("text", "json")
PLAN_FORMATS = ("text", "json", "markdown", "html", "github")


def choose(value: str, offered: Sequence[str]) -> str:
    """The format asked for. Raises UsageError for one that is not offered."""
    if value not in offered:
        *others, last = offered
        raise UsageError(f"--format {value} is unknown", hint=f"use {', '.join(others)} or {last}")
    return value


def plan_as(
    plan: Plan, form: str, console: Console, locate: Locate, *, verbose: bool = False, brief: bool = False
) -> str:
    """The plan as stdout gets it. `locate` finds an object's place in the manifest."""
    match form:
        case "json":
            from kvmspec.report.json import dumps, plan_data

            return dumps(plan_data(plan))
        case "markdown":
            from kvmspec.report.markdown import markdown

            return markdown(plan)
        case "html":
            from kvmspec.report.html import page

            return page(plan)
        case "github":
            from kvmspec.report.github import plan_annotations

            return plan_annotations(plan, locate)
        case _:
            from kvmspec.report.text import plan_text

            style, width = console.out_style, console.width
            return plan_text(plan, style=style, width=width, verbose=verbose, brief=brief)


def drift_as(plan: Plan, form: str, console: Console, session: Session) -> str:
    """The drift alone, for `plan --refresh-only`."""
    from kvmspec.report.drift import drift_only, drift_text

    if form == "text":
        return drift_text(plan, style=console.out_style, width=console.width)
    return plan_as(drift_only(plan), form, console, session.locate)
