"""What apply and destroy have in common: plan, show, ask, act, report."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kvmspec.cli import memory
from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.interrupts import interrupts
from kvmspec.cli.telling import JsonTeller, Teller, TextTeller
from kvmspec.core.basis import Basis
from kvmspec.core.errors import ExitCode, Interruption, KvmspecError, Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Plan, Result

if TYPE_CHECKING:
    from kvmspec.pipeline import Request, Session


@dataclass(frozen=True, slots=True)
class Acting:
    """How to act. `name` is Apply or Destroy; `implied` is what its confirmation always grants;
    `allowed` is what --allow gives beyond what the plan was made with; `patience` the seconds for which
    another apply is waited for."""

    name: str
    yes: bool
    parallelism: int
    as_json: bool
    verbose: bool
    implied: frozenset[Permission] = frozenset()
    allowed: frozenset[Permission] = frozenset()
    patience: int = 0

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
    result, seconds = None, 0.0
    with session:
        plan = session.plan()
        try:
            if saved is not None:
                _hold_against(saved, plan, session)
            granted = _granted(plan, acting, told)
            if granted:
                _lock(session, granted, acting, told)
            if granted and acting.patience and saved is None:
                plan, granted = _planned_again(session, granted, acting, told)
            if granted:
                plan = granted
                result, seconds = _run(session, granted, acting, told)
        except Refused as refused:
            told.refused(refused)
            code = worst((plan.unknown, ExitCode.UNREACHABLE), (True, ExitCode.REFUSED))
            told.end(plan, None, 0.0, code)
            return code
    code = _code(plan, result)
    told.end(plan, result, seconds, code)
    return worst((True, code), (result and told.console.lost, ExitCode.FAILED))


def _code(plan: Plan, result: Result | None) -> ExitCode:
    """The exit code; without a result nothing was to be done, or nothing may be."""
    if result is None:
        return worst((plan.unknown, ExitCode.UNREACHABLE), (plan.refusals, ExitCode.REFUSED))
    return worst(
        (result.interrupted, ExitCode.INTERRUPTED),
        (plan.unknown or result.unverified, ExitCode.UNREACHABLE),
        (result.failed or result.remaining, ExitCode.FAILED),
    )


def _hold_against(saved: tuple[Plan, Basis], plan: Plan, session: Session) -> None:
    """Raises Refused where the saved plan is not what would be done now."""
    for address in session.hold_against(*saved, plan):
        Console.of_process().err(f"Note: {address} changed since, which has no bearing on this plan.\n")


def _granted(plan: Plan, acting: Acting, told: Teller) -> Plan | None:
    """The plan with what is allowed; None where there is nothing to do, or nothing may be done.

    Raises Refused when a permission is missing.
    """
    from kvmspec.cli.consent import consent

    told.planned(plan)
    return None if plan.refusals or plan.empty else consent(plan, acting, Console.of_process())


def _lock(session: Session, plan: Plan, acting: Acting, told: Teller) -> None:
    """Take the locks of the plan's hosts. A signal ends the waiting at once.

    Raises Refused, Interruption.
    """
    from kvmspec.adapters.libvirt.lock import Patience

    with interrupts(quietly=True) as interrupted:
        session.lock(plan, Patience(acting.patience, told.waiting, interrupted))
    if interrupted.is_set():
        raise Interruption("interrupted; nothing was done")


def _planned_again(session: Session, granted: Plan, acting: Acting, told: Teller) -> tuple[Plan, Plan | None]:
    """The plan as it is now that nobody else applies, and the same with what is allowed: it is shown and
    asked for again only where it is another. Raises Refused.

    Also where nobody had to be waited for: the other may have ended between the plan and the lock.
    """
    from kvmspec.engine.plan import still_to_do

    plan = session.plan()
    same = still_to_do(granted, plan) and still_to_do(plan, granted) and not plan.refusals
    if same and plan.required <= granted.granted:
        return plan, replace(plan, granted=granted.granted)
    return plan, _granted(plan, acting, told)


def _run(session: Session, granted: Plan, acting: Acting, told: Teller) -> tuple[Result, float]:
    memory.release()
    told.console = told.console.while_acting()
    begun = time.monotonic()
    with interrupts() as interrupted:
        result = session.apply(
            granted, on_event=told.event, interrupted=interrupted, parallelism=acting.parallelism
        )
    return result, time.monotonic() - begun
