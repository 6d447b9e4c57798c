"""A plan as a comment on a pull request, in GitHub's Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.report.markdown.alerts import alerts
from kvmspec.report.markdown.escape import PROJECT, code, marker
from kvmspec.report.markdown.fit import Item, Section, fit, size
from kvmspec.report.markdown.remarks import drift, remarks, steps
from kvmspec.report.markdown.tables import hosts
from kvmspec.report.order import Ordered
from kvmspec.report.summary import in_order, refusals, summarise
from kvmspec.report.values import counted

LIMIT = 65_000
"""GitHub takes comments of at most 65,535 characters."""
SMALLEST = 3_000
"""Bytes that the headline and the notice of a cut plan may take."""
_NOTICE = 1_200  # bytes kept for what is said of the things left out


def markdown(plan: Plan, *, limit: int = LIMIT) -> str:
    """The whole comment, ending in a newline, of at most `limit` UTF-8 bytes (so characters, too).

    Where a plan does not fit, what harms nobody goes first, and it says what is missing.
    Raises ValueError for a limit below SMALLEST.
    """
    if limit < SMALLEST:
        raise ValueError(f"a comment of {limit} bytes says nothing; the limit is at least {SMALLEST}")
    ordered = Ordered.of(plan)
    loud = list(alerts(plan, ordered))
    sections = [
        *loud,
        *hosts(plan, ordered),
        drift(plan, ordered),
        *remarks(plan, ordered),
        steps(plan),
    ]
    opening = _opening(plan, ordered)
    room = limit - size(opening)
    kept = fit(sections, room)
    notice = ""
    if any(number < len(section.items) for number, section in zip(kept, sections, strict=True)):
        kept = fit(sections, room - _NOTICE)
        notice = _notice(sections, kept)
    shown = [section.render(number) for number, section in zip(kept, sections, strict=True)]
    shown.insert(len(loud), notice)
    return "\n\n".join(filter(None, [opening, *shown])) + "\n"


def _opening(plan: Plan, ordered: Ordered) -> str:
    about = f"Project {code(plan.project, PROJECT)}, planned {code(plan.created_at, 40)}. {_needs(plan)}"
    return f"{marker(plan.project)}\n\n## kvmspec: {_headline(plan, ordered)}\n\n{about.strip()}"


def _headline(plan: Plan, ordered: Ordered) -> str:
    """What happens, in one line."""
    summary = summarise(plan)
    replaced = sum(ordered.severity[item.address] is Impact.REPLACE for item in ordered.changing)
    parts = [
        "refused" if refusals(plan) else "",
        summary.counts or ("" if plan.unknown or refusals(plan) else "No changes"),
        counted(summary.restart, "restart") if summary.restart else "",
        f"{summary.next_start} put off to the next start" if summary.next_start else "",
        counted(replaced, "replacement") if replaced else "",
        f"data loss: {summary.loss}" if summary.loss else "",
        f"{counted(len(plan.unknown), 'host')} not read" if plan.unknown else "",
    ]
    return " · ".join(filter(None, parts))


def _needs(plan: Plan) -> str:
    if not plan.required:
        return "" if plan.steps or plan.unknown or refusals(plan) else "The hosts match the manifest."
    granted, missing = in_order(plan.required & plan.granted), in_order(plan.missing)
    text = f"**Needs** {code('--allow ' + ','.join(in_order(plan.required)))}"
    if not missing:
        return f"{text} (all granted)"
    return f"{text} (granted: {', '.join(granted)}; missing: {', '.join(missing)})" if granted else text


def _notice(sections: Sequence[Section], kept: Sequence[int]) -> str:
    """What was left out, and where to see it."""
    left: dict[str, list[Item]] = {}
    totals = Counter[str]()
    for section, number in zip(sections, kept, strict=True):
        totals[section.gone] += len(section.items)
        left.setdefault(section.gone, []).extend(section.items[number:])
    lines = [f"> - {_left(gone, items, totals[gone])}" for gone, items in left.items() if gone and items]
    head = "> [!NOTE]\n> The plan is too long for one comment; `kvmspec plan` shows all of it. Left out here:"
    return "\n".join([head, *lines])


def _left(gone: str, items: Sequence[Item], total: int) -> str:
    """`437 of 500 objects: 430 change, 7 create`."""
    labels = Counter(item.label for item in items if item.label)
    kinds = ", ".join(f"{number} {label}" for label, number in labels.most_common())
    text = gone.format(f"{len(items)} of {total}" if len(items) < total else f"all {total}")
    return f"{text}: {kinds}" if kinds else text
