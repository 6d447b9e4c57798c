"""What apply and destroy have in common: plan, show, ask, act, report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kvmspec.cli import memory
from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.failures import report_refusal
from kvmspec.cli.interrupts import interrupts
from kvmspec.core.errors import ExitCode, Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Event, Plan, Result

if TYPE_CHECKING:
    from kvmspec.pipeline import Request, Session


@dataclass(frozen=True, slots=True)
class Acting:
    """How to act. `name` is Apply or Destroy; `implied` is what its confirmation always grants."""

    name: str
    yes: bool
    parallelism: int
    as_json: bool
    verbose: bool
    implied: frozenset[Permission] = frozenset()


def act(request: Request, acting: Acting) -> int:
    """Run the whole command; its exit code."""
    from kvmspec.cli.consent import consent
    from kvmspec.pipeline import Session

    console = Console.of_process()
    with Session(request) as session:
        plan = session.plan()
        if not acting.as_json:
            _show(plan, acting, console)
        if plan.refusals or plan.empty:
            _end(plan, None, 0.0, acting, console)
            return worst((plan.unknown, ExitCode.UNREACHABLE), (plan.refusals, ExitCode.REFUSED))
        try:
            granted = consent(plan, acting, console)
            result, seconds = _run(session, granted, acting, console)
        except Refused as refused:
            report_refusal(refused, console)
            _end(plan, None, 0.0, acting, console)
            return worst((plan.unknown, ExitCode.UNREACHABLE), (True, ExitCode.REFUSED))
    _end(granted, result, seconds, acting, console)
    return worst(
        (result.interrupted, ExitCode.INTERRUPTED),
        (plan.unknown or result.unverified, ExitCode.UNREACHABLE),
        (result.failed or result.remaining, ExitCode.FAILED),
    )


def _run(session: Session, plan: Plan, acting: Acting, console: Console) -> tuple[Result, float]:
    from kvmspec.report.progress import progress_line

    def tell(event: Event) -> None:
        if line := progress_line(event, style=console.err_style, starts=console.live):
            console.err(line + "\n")

    memory.release()
    begun = time.monotonic()
    with interrupts() as interrupted:
        result = session.apply(plan, on_event=tell, interrupted=interrupted, parallelism=acting.parallelism)
    return result, time.monotonic() - begun


def _show(plan: Plan, acting: Acting, console: Console) -> None:
    from kvmspec.report.text import plan_text

    nothing = "Nothing to destroy." if acting.name == "Destroy" else None
    console.out(
        plan_text(
            plan,
            style=console.out_style,
            width=console.width,
            verbose=acting.verbose,
            implied=acting.implied,
            nothing=nothing,
        )
    )


def _end(plan: Plan, result: Result | None, seconds: float, acting: Acting, console: Console) -> None:
    """The last words: one JSON document, or the outcome as text."""
    if acting.as_json:
        from kvmspec.report.json import dumps, plan_data, result_data

        outcome: dict[str, Any] = {"result": result_data(result, seconds) if result else None}
        console.out(dumps(plan_data(plan) | outcome))
    elif result:
        from kvmspec.report.outcome import outcome_text

        text = outcome_text(
            plan, result, seconds, name=acting.name, style=console.out_style, width=console.width
        )
        console.out("\n" + text)
