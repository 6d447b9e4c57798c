"""A plan in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kvmspec.core.plan import Plan
from kvmspec.report.effects import DATA_LOSS, NEXT_START, REFUSED, RESTART
from kvmspec.report.summary import summarise
from kvmspec.report.topology import UNREAD
from kvmspec.report.values import about, counted


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the headline; key is that of an effect where it is worth a colour."""

    text: str
    key: str = ""


def headline(plan: Plan) -> Iterator[Part]:
    """The plan in one line."""
    summary = summarise(plan)
    counts = {
        "create": summary.create,
        "adopt": summary.adopt,
        "change": summary.change,
        "delete": summary.delete,
    }
    refused = bool(plan.refusals or any(item.refusals for item in plan.differences))
    if refused:
        yield Part("Refused", REFUSED.key)
    planned = [f"{number} to {verb}" for verb, number in counts.items() if number]
    if planned:
        yield Part(", ".join(planned))
    elif not refused:
        yield Part(_nothing(plan))
    if summary.restart:
        yield Part(counted(summary.restart, "restart"), RESTART.key)
    if summary.next_start:
        yield Part(f"{summary.next_start} put off to the next start", NEXT_START.key)
    if summary.lost:
        noun = "volume" if all(address.kind == "volume" for address in summary.lost) else "object"
        size = f" ({about(summary.lost_bytes)})" if summary.lost_bytes else ""
        yield Part(f"data loss: {counted(len(summary.lost), noun)}{size}", DATA_LOSS.key)
    if plan.unknown and len(plan.unknown) < len(plan.hosts):
        yield Part(f"{counted(len(plan.unknown), 'host')} not read", UNREAD.key)


def _nothing(plan: Plan) -> str:
    if not plan.unknown:
        return "No changes. The hosts match the manifest."
    if len(plan.unknown) < len(plan.hosts):
        return "No changes on the hosts that could be read"
    return "No host could be read; nothing is planned."
