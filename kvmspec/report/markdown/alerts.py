"""What a reviewer has to see before anything else: GitHub's coloured blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import HostSummary, Plan
from kvmspec.core.problem import Problem
from kvmspec.report.markdown.escape import code, sentence
from kvmspec.report.markdown.fit import Item, Rank, Section
from kvmspec.report.markdown.phrases import field, object_name, problem, some, why
from kvmspec.report.order import Ordered, worst_fields
from kvmspec.report.restart import restarts
from kvmspec.report.summary import refusals, summarise
from kvmspec.report.values import counted

_MOST = 10
"""Objects an alert names; all of them are in the tables."""
_FIRST = 20  # problems that stay whatever else is left out
_URGENT = 9  # before any impact
_DANGERS = {
    Impact.DATA_LOSS: ("CAUTION", ""),  # counted in volumes and bytes
    Impact.REPLACE: ("CAUTION", "replacement"),
    Impact.DELETE: ("WARNING", "deletion"),
    Impact.RESTART: ("WARNING", "restart"),
}


def alerts(plan: Plan, ordered: Ordered) -> Iterator[Section]:
    """Refusals, unread hosts, everything dangerous, warnings."""
    refused = "**Refused.** Nothing will be done on any host until this is settled:"
    yield _problems("CAUTION", refused, refusals(plan), "{} refusals", _URGENT)
    yield _block(
        "WARNING",
        "**Not read.** This plan says nothing about:",
        [Item(Rank.ALERT, partial(_host, host), _URGENT) for host in plan.unknown],
        "{} hosts that were not read",
    )
    told = restarts(plan)
    for impact in _DANGERS:
        yield _danger(impact, plan, ordered, told)
    yield _problems("NOTE", "**Warnings**", plan.warnings, "{} warnings", 0)


def _danger(impact: Impact, plan: Plan, ordered: Ordered, told: Mapping[Address, str]) -> Section:
    """The first objects of one impact, and how many there are."""
    kind, noun = _DANGERS[impact]
    mine = [item for item in ordered.changing if ordered.severity[item.address] is impact]
    head = f"**{counted(len(mine), noun)}**" if noun else f"**Data loss: {summarise(plan).loss}**"
    items = [
        Item(Rank.ALERT, partial(_object, item, plan, impact, told.get(item.address, "")), impact)
        for item in mine[:_MOST]
    ]
    return _block(kind, head, items, "", len(mine) - len(items))


def _object(difference: Difference, plan: Plan, impact: Impact, restart: str) -> str:
    """What happens to one object and why; of a restart, whether it can be avoided."""
    host = f" on {code(difference.address.host)}" if len(plan.hosts) > 1 else ""
    verb = _verb(difference, impact)
    reasons = [_field(change) for change in worst_fields(difference) if change.impact >= Impact.RESTART]
    notes = [sentence(note).removesuffix(".") for note in difference.notes]
    cause = sentence(restart) if restart else some(reasons, 3, "field")
    what = "; ".join(filter(None, [verb, cause, *notes[:3]]))
    return f"{object_name(difference)}{host}" + (f": {what}" if what else "")


def _verb(difference: Difference, impact: Impact) -> str:
    """What happens to the object, where the heading does not say it."""
    if impact is not Impact.DATA_LOSS:
        return ""
    return "deleted" if difference.verb is Verb.DELETE else "replaced"


def _field(change: FieldChange) -> str:
    reason = why(change)
    return field(change) + (f" ({reason})" if reason else "")


def _host(host: HostSummary) -> str:
    hint = f". *Hint*: {sentence(host.hint)}" if host.hint else ""
    return f"{code(host.name)}: {sentence(host.unknown).removesuffix('.')}{hint}"


def _problems(kind: str, head: str, problems: Sequence[Problem], gone: str, weight: int) -> Section:
    items = [
        Item(Rank.ALERT if number < _FIRST else Rank.REMARK, partial(problem, found), weight)
        for number, found in enumerate(problems)
    ]
    return _block(kind, head, items, gone)


def _block(kind: str, head: str, items: Sequence[Item], gone: str, also: int = 0) -> Section:
    """One of GitHub's alerts, with a list."""
    quoted = [Item(item.rank, partial(_quoted, item), item.weight, item.label) for item in items]
    return Section(quoted, f"> [!{kind}]\n> {head}", gone, more="> - ", also=also)


def _quoted(item: Item) -> str:
    return f"> - {item.text}"
