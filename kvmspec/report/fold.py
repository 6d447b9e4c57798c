"""Long lists, folded without leaving a name out."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence

from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact

FEW = 10
"""So many objects to which the same happens are all shown."""
_SHOWN = 3
_NUMBER = re.compile(r"(\d+)")


def alike(differences: Sequence[Difference]) -> Iterator[tuple[list[Difference], list[Difference]]]:
    """The objects in their order: (those to show, those that are only named). Where the same happens
    to many, the first few are shown at the place of the first one."""
    groups: dict[Hashable, list[Difference]] = {}
    for item in differences:
        groups.setdefault(_signature(item), []).append(item)
    for item in differences:
        group = groups[_signature(item)]
        if len(group) <= FEW:
            yield [item], []
        elif item is group[0]:
            yield group[:_SHOWN], group[_SHOWN:]


def _signature(item: Difference) -> Hashable:
    """Equal for objects that a reviewer need not see one by one: what is dangerous never is."""
    if item.impact > Impact.LIVE or item.refusals or item.verb is Verb.DELETE:
        return item.address
    pool = item.address.name.rpartition("/")[0] if item.address.kind == "volume" else ""
    return item.address.kind, pool, item.verb, item.label, item.notes, repr(item.changes)


def ranges(names: Iterable[str]) -> list[str]:
    """`web-1`, `web-2`, `web-3` as `web-1 … web-3`; every name is one of the ranges or in one."""
    runs: list[list[str]] = []
    for name in sorted(names, key=_natural):
        step = _counts(runs[-1][-1], name) if runs else None
        if step is not None and (len(runs[-1]) < 2 or step == _counts(*runs[-1][-2:])):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [text for run in runs for text in (run if len(run) < 3 else [f"{run[0]} … {run[-1]}"])]


def _natural(name: str) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in _NUMBER.split(name) if part)


def _counts(one: str, other: str) -> int | None:
    """Which part of the name counts, where nothing else differs and it does by 1:
    web-9-root.qcow2, web-10-root.qcow2."""
    parts, others = _NUMBER.split(one), _NUMBER.split(other)
    if len(parts) != len(others):
        return None
    different = [place for place, pair in enumerate(zip(parts, others, strict=True)) if pair[0] != pair[1]]
    if len(different) != 1 or not _next(parts[different[0]], others[different[0]]):
        return None
    return different[0]


def _next(one: str, other: str) -> bool:
    """`09`, `10`; not `9`, `010`."""
    return one.isdecimal() and other.isdecimal() and str(int(one) + 1).zfill(len(one)) == other


def shortened(lines: Sequence[str], limit: int = 10) -> list[str]:
    """A list of remarks, cut where it is much longer than a reader can use."""
    if len(lines) <= limit + 2:
        return list(lines)
    return [*lines[:limit], f"  … and {len(lines) - limit} more; -v shows them all"]
