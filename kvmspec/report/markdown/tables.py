"""A table a host, worst first, and below it every field, folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import HostSummary, Plan
from kvmspec.report.fold import alike, ranges
from kvmspec.report.markdown.escape import code, row, sentence
from kvmspec.report.markdown.fit import Item, Rank, Section
from kvmspec.report.markdown.phrases import cost, field, object_name, path, some, why
from kvmspec.report.order import Ordered, worst_fields
from kvmspec.report.rows import sign_of
from kvmspec.report.values import before_after, counted

_FEW = 3  # fields in an object's row
_MANY = 50  # fields of one object below the table
_WIDE = 200  # characters of a value below the table

_LABELS = {
    Impact.DATA_LOSS: "data loss",
    Impact.REPLACE: "replace",
    Impact.DELETE: "delete",
    Impact.RESTART: "restart",
    Impact.NEXT_START: "next start",
}


def hosts(plan: Plan, ordered: Ordered) -> Iterator[Section]:
    """Two sections a host: its objects, their fields."""
    known = {host.name: host for host in plan.hosts}
    mine: dict[str, list[Difference]] = {name: [] for name in known}
    for item in ordered.changing:
        mine.setdefault(item.address.host, []).append(item)
    for name, differences in mine.items():
        if differences:
            yield _objects(known.get(name, HostSummary(name, "")), differences, ordered)
            yield _fields(differences, ordered)


def _objects(host: HostSummary, differences: Sequence[Difference], ordered: Ordered) -> Section:
    uri = f" ({code(host.uri)})" if host.uri else ""
    head = [f"### {code(host.name)}{uri}", "", row(["Action", "Object", "Costs", "What"]), row(["---"] * 4)]
    items = []
    for shown, rest in _alike(differences, ordered):
        rows = [partial(_object, item, ordered) for item in shown]
        rows += [partial(_same, rest)] if rest else []
        severity, rank = ordered.severity[shown[0].address], _rank(shown[0], ordered)
        label = _LABELS.get(severity, _verb(shown[0]))
        items += [Item(rank, write, severity, label) for write in rows]
    return Section(items, "\n".join(head), "{} rows of objects", more="\n")


def _rank(difference: Difference, ordered: Ordered) -> Rank:
    return Rank.DANGER if ordered.dangerous(difference) else Rank.OBJECT


def _alike(
    differences: Sequence[Difference], ordered: Ordered
) -> Iterator[tuple[Sequence[Difference], Sequence[Difference]]]:
    """What is dangerous, one by one; of the rest many to which the same happens are a few and names."""
    dangerous = [item for item in differences if ordered.dangerous(item)]
    yield from (([item], ()) for item in dangerous)
    yield from alike([item for item in differences if not ordered.dangerous(item)])


def _same(rest: Sequence[Difference]) -> str:
    """The row of the objects to which the same happens as to those above."""
    names = ", ".join(map(code, ranges(item.address.leaf for item in rest)))
    return row(["", f"… and {len(rest)} more", "", f"likewise: {names}"])


def _object(difference: Difference, ordered: Ordered) -> str:
    action = f"{code(sign_of(difference)[0])}\N{NO-BREAK SPACE}{_verb(difference)}"  # keeps both on a line
    severity = ordered.severity[difference.address]
    fields = some([field(change) for change in worst_fields(difference)], _FEW, "field")
    notes = [sentence(note).removesuffix(".") for note in difference.notes]
    what = "; ".join(filter(None, [_label(difference), fields, *notes[:_FEW]]))
    return row([action, object_name(difference), "" if _said(difference, severity) else cost(severity), what])


def _verb(difference: Difference) -> str:
    return "change" if difference.verb is Verb.UPDATE else difference.verb.value


def _said(difference: Difference, severity: Impact) -> bool:
    """Whether the action says already what it costs."""
    return difference.verb is Verb.DELETE and severity is Impact.DELETE


def _label(difference: Difference) -> str:
    """What the kind says of the object; of a volume its name says it."""
    return sentence(difference.label) if difference.address.kind != "volume" else ""


def _fields(differences: Sequence[Difference], ordered: Ordered) -> Section:
    groups = list(_alike(differences, ordered))
    changed = [item for shown, _ in groups for item in shown if worst_fields(item)]
    same = sum(len(rest) for shown, rest in groups if worst_fields(shown[0]))
    number = sum(len(item.changes) for item in changed)
    also = f"; {same} more likewise" if same else ""
    head = [
        f"<details><summary>{counted(number, 'field')} of {counted(len(changed), 'object')}{also}</summary>",
        "",
        row(["Object", "Field", "Before", "After", "Costs", "Why"]),
        row(["---"] * 6),
    ]
    items = [
        Item(
            Rank.DANGER_FIELDS if ordered.dangerous(item) else Rank.FIELDS,
            partial(_object_fields, item),
            ordered.severity[item.address],
        )
        for item in changed
    ]
    return Section(items, "\n".join(head), "the fields of {} objects", tail="\n\n</details>", more="\n")


def _object_fields(difference: Difference) -> str:
    changes = worst_fields(difference)
    lines = [_field(change, object_name(difference)) for change in changes[:_MANY]]
    if len(changes) > _MANY:
        more = f"… and {counted(len(changes) - _MANY, 'more field')}"
        lines.append(row([object_name(difference), more, "", "", "", ""]))
    return "\n".join(lines)


def _field(change: FieldChange, name: str) -> str:
    before, after = before_after(change, _WIDE)
    reason = "; ".join(filter(None, [why(change), "changed outside kvmspec" if change.drift else ""]))
    return row([name, path(change), code(before), code(after), cost(change.impact), reason])
