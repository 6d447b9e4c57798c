"""What of a document is shown when it may not grow beyond a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

_MORE = 80  # bytes kept for `… and 437 more` and the blank lines around a section


class Rank(IntEnum):
    """What stays when not all fits: the first of these the longest."""

    ALERT = 0
    DANGER = 1
    DANGER_FIELDS = 2
    DRIFT = 3
    OBJECT = 4
    REMARK = 5
    FIELDS = 6
    STEP = 7


@dataclass(frozen=True)
class Item:
    """A line or some. Of two of the same rank, the one with the greater weight stays longer.

    `write` is only called when its turn comes. `label` says what is missing when it is left out.
    """

    rank: Rank
    write: Callable[[], str]
    weight: int = 0
    label: str = ""

    @cached_property
    def text(self) -> str:
        return self.write()


@dataclass(frozen=True, slots=True)
class Section:
    """Items between a head and a tail. Of several items the later ones are the first to go.

    gone  what {} left out are called (`12 of 30`, `all 30`); empty: they are shown elsewhere, too
    more  how the line begins that says how many are missing
    also  how many there are beyond the items, from the beginning
    """

    items: Sequence[Item]
    head: str
    gone: str = ""
    tail: str = ""
    more: str = ""
    also: int = 0

    def render(self, number: int) -> str:
        """With its first `number` items; empty without any."""
        if not number:
            return ""
        left = len(self.items) - number + self.also
        lines = [self.head, *(item.text for item in self.items[:number])]
        return "\n".join([*lines, *([f"{self.more}… and {left} more"] if left else [])]) + self.tail

    @property
    def frame(self) -> int:
        return size(self.head + self.tail) + _MORE


def size(text: str) -> int:
    """UTF-8 bytes: never fewer than characters, however those are counted."""
    return len(text.encode())


def fit(sections: Iterable[Section], room: int) -> list[int]:
    """How many items of each section are shown within `room` bytes: by rank, until one is too long."""
    frames = list(sections)
    kept = [0] * len(frames)
    for _, _, _, number, item in _queue(frames):
        cost = size(item.text) + 1 + (0 if kept[number] else frames[number].frame)
        if cost > room:
            break
        room -= cost
        kept[number] += 1
    return kept


def _queue(sections: Sequence[Section]) -> list[tuple[Rank, int, int, int, Item]]:
    """Everything, what is to stay first. Of the same rank and weight every section gets its share."""
    found = [
        (item.rank, -item.weight, place, number, item)
        for number, section in enumerate(sections)
        for place, item in enumerate(section.items)
    ]
    return sorted(found, key=lambda entry: entry[:4])
