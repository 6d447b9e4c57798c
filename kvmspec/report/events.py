"""What happens during apply, one JSON object a line: for log shippers and bots."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from kvmspec.core.plan import Event, Outcome, Plan, Result
from kvmspec.core.problem import Problem
from kvmspec.report.json import plan_data, problems_data, with_fields
from kvmspec.report.values import redacted

if TYPE_CHECKING:
    from kvmspec.report.shape import (
        EventData,
        OutcomeData,
        PlannedEvent,
        StepEvent,
        SummaryEvent,
        WaitingEvent,
    )

_NOTHING = Result(())


def line(event: EventData) -> str:
    """An event as one line, with its newline."""
    return json.dumps(event, ensure_ascii=False) + "\n"


def planned(plan: Plan) -> PlannedEvent:
    """The first event: the plan; once more where it is another after waiting."""
    return {"type": "planned", "time": _now(), "plan": plan_data(plan)}


def waiting(host: str, holder: str, left: float) -> WaitingEvent:
    """Another apply holds a host, and is waited for; `left` seconds at the most."""
    return {
        "type": "waiting",
        "time": _now(),
        "host": host,
        "holder": redacted(holder),
        "seconds_left": round(left, 3),
    }


def step(event: Event) -> StepEvent:
    """A step that started, said something, or ended."""
    data = {
        "type": event.what,
        "time": _now(),
        "number": event.step.number,
        "address": str(event.step.action.address),
        "subject": str(event.step.subject),
        "text": redacted(event.step.text),
        "seconds": round(event.seconds, 3),
        "error": redacted(event.error),
        "hint": redacted(event.hint),
        "note": redacted(event.note),
    }
    return cast("StepEvent", data)


def summary(
    result: Result | None, seconds: float, exit_code: int, refused: Sequence[Problem] = ()
) -> SummaryEvent:
    """The last event. Without a result nothing was done."""
    found = result or _NOTHING
    return {
        "type": "summary",
        "time": _now(),
        "ok": exit_code == 0,
        "exit_code": exit_code,
        "seconds": round(seconds, 3),
        "interrupted": found.interrupted,
        "counts": dict(Counter(outcome.status.value for outcome in found.outcomes)),
        "outcomes": [_outcome(outcome) for outcome in found.outcomes],
        "remaining": [with_fields(item.address, item.changes) for item in found.remaining],
        "unverified": list(found.unverified),
        "refused": problems_data(refused),
    }


def _outcome(outcome: Outcome) -> OutcomeData:
    return {
        "number": outcome.step.number,
        "address": str(outcome.step.action.address),
        "text": redacted(outcome.step.text),
        "status": outcome.status.value,
        "seconds": round(outcome.seconds, 3),
        "error": redacted(outcome.error),
        "hint": redacted(outcome.hint),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
