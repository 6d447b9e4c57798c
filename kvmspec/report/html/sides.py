"""Both sides of a change, ready to be set beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kvmspec.core.change import Difference, FieldChange
from kvmspec.report.values import SECRET, before_after, clean, full

LIMIT = 2000
"""Longest value shown, in characters."""

Marked = tuple[str, str, str]
"""A text in three parts; the middle one is what differs from the other side."""

_HIDDEN = "kvmspec-secret-0000000000000000"
"""Shows as `(secret)` without quotes, as a secret's token does."""

_WORDS = re.compile(r"\w+|\W")


def marked(change: FieldChange) -> tuple[Marked, Marked]:
    """Both values of a field, with what they do not have in common in the middle."""
    before, after = before_after(change, LIMIT)
    one, other = _WORDS.findall(before), _WORDS.findall(after)
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    return _split(one, start, end), _split(other, start, end)


def whole(difference: Difference) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The whole object before and after as lines that read like YAML; empty where the kind gives none,
    or no more than the fields that change."""
    told = {change.path for change in difference.changes}
    if told and told.issuperset([*_leaves(difference.before), *_leaves(difference.after)]):
        return (), ()
    hidden = [change for change in difference.changes if change.sensitive]
    before, after = _covered(difference.before, hidden), _covered(difference.after, hidden)
    return tuple(_lines(before)), tuple(_lines(after))


def _leaves(data: Any, path: str = "") -> Iterator[str]:
    """The dotted paths of all values that are no maps."""
    if isinstance(data, Mapping):
        for key, item in data.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif data is not None or path:
        yield path


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _split(words: Sequence[str], start: int, end: int) -> Marked:
    stop = len(words) - end
    return "".join(words[:start]), "".join(words[start:stop]), "".join(words[stop:])


def _covered(data: Any, hidden: Sequence[FieldChange]) -> Any:
    """`data` without what sensitive changes are about: known by its place and by its value."""
    values = [value for change in hidden for value in (change.before, change.after) if value is not None]
    for change in hidden:
        data = _without(data, change.path.replace("[", ".").replace("]", ""))
    return _without_values(data, [*values, SECRET])


def _without(data: Any, path: str, top: bool = True) -> Any:
    """Hide what is at the dotted path; where it cannot be followed to its end, all from there on."""
    if not path or not (top or isinstance(data, Mapping)):
        return None if data is None else _HIDDEN
    if not isinstance(data, Mapping):
        return data
    leading = [key for key in data if f"{path}.".startswith(f"{key}.")]
    if not leading and not top:
        return _HIDDEN
    hidden = {key: _without(data[key], path[len(str(key)) + 1 :], False) for key in leading}
    return {**data, **hidden}


def _without_values(data: Any, values: Sequence[Any]) -> Any:
    match data:
        case Mapping():
            return {key: _without_values(item, values) for key, item in data.items()}
        case list() | tuple():
            return [_without_values(item, values) for item in data]
        case _:
            return _HIDDEN if data in values else data


def _lines(data: Any, indent: str = "") -> Iterator[str]:
    match data:
        case None:
            return
        case Mapping():
            for key, item in data.items():
                yield from _entry(f"{indent}{clean(str(key))}:", item, indent)
        case list() | tuple():
            for item in data:
                first, *others = list(_lines(item, "")) or [full(item)]
                yield f"{indent}- {first}"
                yield from (f"{indent}  {line}" for line in others)
        case _:
            yield indent + full(data)


def _entry(key: str, item: Any, indent: str) -> Iterator[str]:
    if _nests(item):
        yield key
        yield from _lines(item, indent + "  ")
    else:
        yield f"{key} {full(item)}"


def _nests(item: Any) -> bool:
    if isinstance(item, Mapping):
        return bool(item)
    return isinstance(item, list | tuple) and any(isinstance(each, Mapping | list | tuple) for each in item)
