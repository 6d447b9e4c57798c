"""The objects and fields of one host, in aligned columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.report.fold import alike, ranges
from kvmspec.report.style import Style
from kvmspec.report.values import LIMIT, arrow, before_after, clean, cut, folded, pad, prose, width

_FIELD_INDENT = " " * 6
_MAX_NAME, _MAX_VALUE = 44, 40
_MIN_PATH, _MAX_PATH = 15, 32

_SIGNS = {
    Verb.CREATE: ("+", "create"),
    Verb.UPDATE: ("~", "update"),
    Verb.DELETE: ("-", "delete"),
    Verb.ADOPT: ("=", "adopt"),
    Verb.NO_OP: (" ", ""),
}
_RESTART = ("!", "restart")

_CHANGE = {
    Impact.NONE: "change",
    Impact.LIVE: "change while running",
    Impact.NEXT_START: "change, takes effect at its next start",
    Impact.RESTART: "change, takes effect after a restart",
    Impact.DELETE: "change",
    Impact.REPLACE: "change, a part of it is replaced",
    Impact.DATA_LOSS: "replace",
}
_ROLES = {
    Impact.NONE: "dim",
    Impact.LIVE: "good",
    Impact.NEXT_START: "restart",
    Impact.RESTART: "restart",
    Impact.DELETE: "delete",
    Impact.REPLACE: "danger",
    Impact.DATA_LOSS: "danger",
}


def block(
    differences: Sequence[Difference],
    style: Style,
    columns: int,
    restarts: Mapping[Address, str] = MappingProxyType({}),
    *,
    folding: bool = False,
) -> Iterator[str]:
    """One line an object, followed by what a restart has to say, its notes and its fields. With
    `folding`, objects to which the same happens are shown as a few and the names of the rest."""
    name_width = _column([title(item) for item in differences], _MAX_NAME)
    for shown, rest in alike(differences) if folding else [(differences, ())]:
        for item in shown:
            yield from _object(item, name_width, style, columns, restarts.get(item.address, ""))
            yield from _table(_fields(item), style, columns)
        if rest:
            names = ", ".join(ranges(clean(item.address.leaf) for item in rest))
            text = f"… and {len(rest)} more likewise: {names}"
            yield style("dim", folded(f"    {text}", columns, _FIELD_INDENT))


def brief(differences: Sequence[Difference], style: Style, columns: int) -> Iterator[str]:
    """One line an object: its sign, its name, what it costs and which fields."""
    names = [clean(item.address.short) for item in differences]
    costs = [_verdict(item) for item in differences]
    widths = _column(names, _MAX_NAME), _column(costs, _MAX_NAME)
    for item, name, cost in zip(differences, names, costs, strict=True):
        sign, role = sign_of(item)
        line = f"{pad(name, widths[0])}  {pad(cost, widths[1])}  "
        paths = ", ".join(clean(change.path) for change in _fields(item))
        yield f"  {style(role, sign)} {line}{cut(paths, max(columns - width(line) - 4, 20))}".rstrip()


def _verdict(difference: Difference) -> str:
    """`create`, `live`, `restart`, `delete, DATA LOSS`."""
    match difference.verb:
        case Verb.UPDATE:
            return {Impact.NONE: "change", Impact.DATA_LOSS: "DATA LOSS"}.get(
                difference.impact, difference.impact.label
            )
        case verb:
            return f"{verb.value}, DATA LOSS" if difference.impact is Impact.DATA_LOSS else verb.value


def title(difference: Difference) -> str:
    """`vm/web-1`; a volume with its pool and size: `volume/scratch (vms, 10GiB)`."""
    address = difference.address
    if address.kind != "volume":
        return clean(address.short)
    pool, label = address.name.rpartition("/")[0], difference.label
    parts = [label] if not pool or label.split(",")[0].strip() == pool else filter(None, [pool, label])
    about = ", ".join(parts)
    return clean(f"volume/{address.leaf}" + (f" ({about})" if about else ""))


def sign_of(difference: Difference) -> tuple[str, str]:
    """The sign in front of an object (`+ ~ ! - =`), and the role of its colour."""
    return _RESTART if _interrupts(difference) else _SIGNS[difference.verb]


def _fields(difference: Difference) -> Sequence[FieldChange]:
    return difference.changes if difference.verb in (Verb.UPDATE, Verb.ADOPT) else ()


def _object(
    difference: Difference, name_width: int, style: Style, columns: int, restart: str
) -> Iterator[str]:
    sign, role = sign_of(difference)
    name, phrase = title(difference), _phrase(difference)
    loss = "   " + style("danger", "DATA LOSS") if difference.impact is Impact.DATA_LOSS else ""
    start = f"  {style(role, sign)} {pad(name, name_width)}  {phrase}"
    notes = [prose(note) for note in difference.notes]
    used = 6 + max(width(name), name_width) + len(phrase) + (12 if loss else 0)
    if len(notes) == 1 and not restart and used + len(notes[0]) <= columns:
        yield f"{start}; {notes[0].removesuffix('.')}{loss}"
        return
    yield f"{start}{loss}"
    if restart:
        yield style("restart", folded(_FIELD_INDENT + restart, columns, _FIELD_INDENT + "  "))
    for note in notes:
        yield style("dim", folded(_FIELD_INDENT + note, columns, _FIELD_INDENT + "  "))


def _interrupts(difference: Difference) -> bool:
    return difference.verb in (Verb.UPDATE, Verb.ADOPT) and difference.impact >= Impact.NEXT_START


def _phrase(difference: Difference) -> str:
    match difference.verb:
        case Verb.UPDATE if difference.label and difference.address.kind != "volume":
            return clean(difference.label)
        case Verb.UPDATE if difference.impact is Impact.RESTART and difference.address.kind != "vm":
            return f"change, restarts the {difference.address.kind}"
        case Verb.UPDATE:
            return _CHANGE[difference.impact]
        case Verb.ADOPT if difference.changes:
            return f"adopt, {_CHANGE[difference.impact]}"
        case verb:
            label = difference.label if difference.address.kind != "volume" else ""
            return f"{verb.value} ({clean(label)})" if label else verb.value


def _table(changes: Sequence[FieldChange], style: Style, columns: int) -> Iterator[str]:
    """The fields of one object: path, both values, what it costs and why."""
    path_width = max(_column([clean(change.path) for change in changes], _MAX_PATH), _MIN_PATH)
    value_width = _column([arrow(change) for change in changes], _MAX_VALUE)
    for change in changes:
        start = f"{_FIELD_INDENT}{pad(clean(change.path), path_width)}  "
        room = max(columns - width(start), 20)
        cost, role = _cost(change), _ROLES[change.impact]
        value = arrow(change)
        if max(width(value), value_width) + 2 + width(cost) <= room:
            yield f"{start}{pad(value, value_width)}  {style(role, cost)}".rstrip()
        else:
            yield from _tall(change, start, room, style)


def _tall(change: FieldChange, start: str, room: int, style: Style) -> Iterator[str]:
    """A field that does not fit on one line."""
    indent = " " * width(start)
    if width(value := arrow(change)) <= room:
        yield start + value
    else:
        before, after = before_after(change, min(LIMIT, room))
        yield start + before
        yield f"{indent[:-2]}→ {after}"
    for line in folded(_cost(change), room, "").splitlines():
        yield indent + style(_ROLES[change.impact], line)


def _cost(change: FieldChange) -> str:
    reason = prose(change.reason)
    match change.impact:
        case Impact.NONE:
            return f"({reason})" if reason else ""
        case Impact.LIVE:
            return f"live ({reason})" if reason else "live"
        case Impact.NEXT_START:
            return f"next start: {reason}" if reason else "next start"
        case Impact.DATA_LOSS:
            return f"DATA LOSS: {reason}" if reason else "DATA LOSS"
        case impact:
            return f"{impact.label}: {reason}" if reason else impact.label


def _column(texts: Sequence[str], limit: int) -> int:
    """The width of a column: its widest text that is not an outlier."""
    return max(
        (columns for text in texts if (columns := width(text)) <= limit), default=limit if texts else 0
    )
