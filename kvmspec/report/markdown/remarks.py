"""What there is to know beside the changes, folded, and the steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.plan import Plan, Step
from kvmspec.report.markdown.escape import row, sentence
from kvmspec.report.markdown.fit import Item, Rank, Section
from kvmspec.report.markdown.phrases import address_name, field, some
from kvmspec.report.order import Ordered
from kvmspec.report.values import counted

_FIELDS = 10  # of one object
_OPEN = 5
"""Objects up to which drift is not folded: it was somebody's deed, and it is undone."""


def drift(plan: Plan, ordered: Ordered) -> Section:
    """Fields that were changed outside kvmspec, and are changed back."""
    found = [item for item in ordered.differences if item.drift]
    summary = f"Drift: {counted(len(found), 'object')} changed outside kvmspec, put back by this plan"
    items = [Item(Rank.DRIFT, partial(_changes, plan, item.address, item.drift)) for item in found]
    return _folded(summary, items, "drift of {} objects", len(found) <= _OPEN)


def remarks(plan: Plan, ordered: Ordered) -> Iterator[Section]:
    """Restarts that are due, things that are not ours, notes on what stays as it is."""
    every = ordered.differences
    pending = [
        Item(Rank.REMARK, partial(_changes, plan, item.address, item.pending))
        for item in every
        if item.pending
    ]
    yield _folded(f"Pending restarts: {len(pending)}", pending, "{} pending restarts", len(pending) <= _OPEN)
    foreign = list(_sentences(plan, every, "unmanaged"))
    yield _folded(f"Not ours, left alone: {len(foreign)}", foreign, "{} things that are not ours")
    notes = list(_sentences(plan, [item for item in every if item.verb is Verb.NO_OP], "notes"))
    yield _folded(f"Notes: {len(notes)}", notes, "{} notes")


def steps(plan: Plan) -> Section:
    """What apply does, in order."""
    head = [
        f"<details><summary>{counted(len(plan.steps), 'step')}, in order</summary>",
        "",
        row(["Step", "Object", "Does", "After"]),
        row(["---"] * 4),
    ]
    items = [Item(Rank.STEP, partial(_step, plan, step)) for step in plan.steps]
    return Section(items, "\n".join(head), "{} steps", tail="\n\n</details>", more="\n")


def _step(plan: Plan, step: Step) -> str:
    after = some([str(number) for number in sorted(step.after)], 10, "step")
    return row([str(step.number), address_name(plan, step.action.address), sentence(step.text), after])


def _sentences(plan: Plan, differences: Sequence[Difference], name: str) -> Iterator[Item]:
    for item in differences:
        for text in getattr(item, name):
            yield Item(Rank.REMARK, partial(_sentence, plan, item.address, text))


def _sentence(plan: Plan, address: Address, text: str) -> str:
    for name in (str(address), address.short):  # many say themselves whom they are about
        if text.startswith((f"{name} ", f"{name}: ")):
            text = text.removeprefix(name).removeprefix(":")
            break
    return f"- {address_name(plan, address)}: {sentence(text)}"


def _changes(plan: Plan, address: Address, changes: Sequence[FieldChange]) -> str:
    return f"- {address_name(plan, address)}: {some([field(c) for c in changes], _FIELDS, 'field')}"


def _folded(summary: str, items: Sequence[Item], gone: str, opened: bool = False) -> Section:
    head = f"<details{' open' if opened else ''}><summary>{summary}</summary>\n"
    return Section(items, head, gone, tail="\n\n</details>", more="- ")
