"""What apply and destroy have in common: plan, show, ask, act, report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvmspec.cli import memory
from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.interrupts import interrupts
from kvmspec.cli.telling import JsonTeller, Teller, TextTeller
from kvmspec.core.basis import Basis
from kvmspec.core.errors import ExitCode, KvmspecError, Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Plan, Result

if TYPE_CHECKING:
    from kvmspec.pipeline import Request, Session


@dataclass(frozen=True, slots=True)
class Acting:
    """How to act. `name` is Apply or Destroy; `implied` is what its confirmation always grants;
    `allowed` is what --allow gives beyond what the plan was made with."""

    name: str
    yes: bool
    parallelism: int
    as_json: bool
    verbose: bool
    implied: frozenset[Permission] = frozenset()
    allowed: frozenset[Permission] = frozenset()

    def teller(self, *, saved: bool = False) -> Teller:
        """Whom to tell, as `--format` asks; `saved`: of a saved plan."""
        console = Console.of_process()
        if self.as_json:
            return JsonTeller(console)
        return TextTeller(console, self.name, self.verbose, self.implied, saved)


def act(request: Request, acting: Acting, saved: tuple[Plan, Basis] | None = None) -> int:
    """Run the whole command; its exit code. With a saved plan that one is carried out, or nothing."""
    from kvmspec.pipeline import Session

    told = acting.teller(saved=saved is not None)
    try:
        return _act(Session(request), acting, told, saved)
    except KvmspecError as error:  # before anything was done: the last line all the same
        told.end(None, None, 0.0, error.exit_code)
        raise
    except KeyboardInterrupt:
        told.end(None, None, 0.0, ExitCode.INTERRUPTED)
        raise


def _act(session: Session, acting: Acting, told: Teller, saved: tuple[Plan, Basis] | None) -> int:
    with session:
        plan = session.plan()
        try:
            if saved is not None:
                _hold_against(saved, plan, session)
            told.planned(plan)
            if plan.refusals or plan.empty:
                code = worst((plan.unknown, ExitCode.UNREACHABLE), (plan.refusals, ExitCode.REFUSED))
                told.end(plan, None, 0.0, code)
                return code
            plan, result, seconds = _consent_and_run(session, plan, acting, told)
        except Refused as refused:
            told.refused(refused)
            code = worst((plan.unknown, ExitCode.UNREACHABLE), (True, ExitCode.REFUSED))
            told.end(plan, None, 0.0, code)
            return code
    code = worst(
        (result.interrupted, ExitCode.INTERRUPTED),
        (plan.unknown or result.unverified, ExitCode.UNREACHABLE),
        (result.failed or result.remaining, ExitCode.FAILED),
    )
    told.end(plan, result, seconds, code)
    return worst((True, code), (told.console.lost, ExitCode.FAILED))


def _hold_against(saved: tuple[Plan, Basis], plan: Plan, session: Session) -> None:
    """Raises Refused where the saved plan is not what would be done now."""
    for address in session.hold_against(*saved, plan):
        Console.of_process().err(f"Note: {address} changed since, which has no bearing on this plan.\n")


def _consent_and_run(
    session: Session, plan: Plan, acting: Acting, told: Teller
) -> tuple[Plan, Result, float]:
    from kvmspec.cli.consent import consent

    granted = consent(plan, acting, Console.of_process())
    memory.release()
    told.console = told.console.while_acting()
    begun = time.monotonic()
    with interrupts() as interrupted:
        result = session.apply(
            granted, on_event=told.event, interrupted=interrupted, parallelism=acting.parallelism
        )
    return granted, result, time.monotonic() - begun
