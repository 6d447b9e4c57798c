"""What apply and destroy tell while they work: text for people, a JSON event a line for machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from kvmspec.cli.console import Console
from kvmspec.cli.failures import report_refusal
from kvmspec.core.errors import ExitCode, Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Event, Plan, Result


class Teller(Protocol):
    """Who is told what happens, in this order."""

    console: Console

    def planned(self, plan: Plan) -> None: ...

    def event(self, event: Event) -> None:
        """A step started, said something or ended. May be called from several threads."""
        ...

    def waiting(self, host: str, holder: str, left: float) -> None:
        """Another apply has the host; it is waited for, `left` seconds at the most."""
        ...

    def refused(self, refused: Refused) -> None: ...

    def end(self, plan: Plan | None, result: Result | None, seconds: float, code: ExitCode) -> None:
        """The last words. Without a result nothing was done."""
        ...


@dataclass
class TextTeller:
    """Plan and outcome on stdout, progress on stderr. `name` is Apply or Destroy; `saved` says that
    a saved plan is carried out."""

    console: Console
    name: str
    verbose: bool
    implied: frozenset[Permission] = frozenset()
    saved: bool = False

    def planned(self, plan: Plan) -> None:
        from kvmspec.report.text import plan_text

        nothing = "Nothing to destroy." if self.name == "Destroy" else None
        style, width = self.console.out_style, self.console.width
        text = plan_text(
            plan, style=style, width=width, verbose=self.verbose, implied=self.implied, nothing=nothing
        )
        self.console.out(text)

    def event(self, event: Event) -> None:
        from kvmspec.report.progress import progress_line

        if line := progress_line(event, style=self.console.err_style, starts=self.console.live):
            self.console.err(line + "\n")

    def waiting(self, host: str, holder: str, left: float) -> None:
        from kvmspec.report.progress import waiting_line

        self.console.err(waiting_line(host, holder, left, style=self.console.err_style) + "\n")

    def refused(self, refused: Refused) -> None:
        report_refusal(refused, self.console)

    def end(self, plan: Plan | None, result: Result | None, seconds: float, code: ExitCode) -> None:
        if plan is None or result is None:
            return
        from kvmspec.report.outcome import outcome_text

        style, width = self.console.out_style, self.console.width
        text = outcome_text(plan, result, seconds, name=self.name, saved=self.saved, style=style, width=width)
        self.console.out("\n" + text)


@dataclass
class JsonTeller:
    """One JSON object a line on stdout (schemas/events.schema.json); the last one is the summary."""

    console: Console
    refusals: list[Refused] = field(default_factory=list)
    guard: Lock = field(default_factory=Lock)

    def planned(self, plan: Plan) -> None:
        from kvmspec.report import events

        self._line(events.line(events.planned(plan)))

    def event(self, event: Event) -> None:
        from kvmspec.report import events

        self._line(events.line(events.step(event)))

    def waiting(self, host: str, holder: str, left: float) -> None:
        from kvmspec.report import events

        self._line(events.line(events.waiting(host, holder, left)))

    def refused(self, refused: Refused) -> None:
        self.refusals.append(refused)
        report_refusal(refused, self.console)

    def end(self, plan: Plan | None, result: Result | None, seconds: float, code: ExitCode) -> None:
        from kvmspec.report import events

        problems = [problem for refused in self.refusals for problem in refused.problems]
        problems += plan.refusals if plan and not result else ()
        self._line(events.line(events.summary(result, seconds, code, list(dict.fromkeys(problems)))))

    def _line(self, text: str) -> None:
        with self.guard:
            self.console.out(text)
