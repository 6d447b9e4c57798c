"""The field tables, read backwards: canonical data of libvirt's → the manifest's own words.

A table is a tuple of leaves. What no leaf takes, and what a model refuses, is not lost: it is left over
(parts.py, left.py), so a converter may be as narrow as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kvmspec.canon.compare import get, put
from kvmspec.kinds.domain import places
from kvmspec.kinds.ports import show_burst, show_rate
from kvmspec.manifest.types import format_size

Path = tuple[str, ...]
Data = dict[str, Any]


class Unsaid(Exception):
    """A value that the manifest has no word for."""


def text(value: Any) -> str:
    """As it is. Raises Unsaid on what is no text."""
    if not isinstance(value, str):
        raise Unsaid
    return value


def number(value: Any) -> int:
    """`"2"` → 2"""
    return int(text(value))


def size(value: Any) -> str:
    """Bytes, in the largest unit that is exact."""
    return format_size(int(value))


def seconds(value: Any) -> str:
    """`"60"` → `1m`"""
    amount = number(value)
    for unit, factor in (("h", 3600), ("m", 60)):
        if amount and amount % factor == 0:
            return f"{amount // factor}{unit}"
    return f"{amount}s"


def rate(value: Any) -> str:
    """libvirt's kilobytes a second."""
    return show_rate(number(value))


def burst(value: Any) -> str:
    """libvirt's KiB."""
    return show_burst(number(value))


def there(value: Any) -> bool:
    """An element that says all by being there. Raises Unsaid where it says more."""
    if value != {}:
        raise Unsaid
    return True


def word(**words: Any) -> Callable[[Any], Any]:
    """One of libvirt's words → the manifest's. Raises Unsaid on another."""

    def translate(value: Any) -> Any:
        if not isinstance(value, str) or value not in words:
            raise Unsaid
        return words[value]

    return translate


switch = word(on=True, off=False, yes=True, no=False)


class Leaf(NamedTuple):
    """A place in canonical data, written `driver/@cache`, and the field it becomes, written `limits.total`.

    `usual` is the value that the manifest need not state: it is created with that anyway.
    """

    place: str
    field: str
    value: Callable[[Any], Any] = text
    usual: Any = None

    @property
    def path(self) -> Path:
        return tuple(self.place.split("/"))


def said(data: Mapping[str, Any], table: Iterable[Leaf]) -> Data:
    """What a table finds in canonical data, as fields."""
    found: Data = {}
    for leaf in table:
        value = get(data, leaf.path)
        if value is None:
            continue
        try:
            word_for = leaf.value(value)
        except (Unsaid, ValueError, TypeError):
            continue
        if word_for != leaf.usual:
            put(found, tuple(leaf.field.split(".")), word_for)
    return found


PLACES = tuple(Leaf(*row) for row in places.PLACES)
"""What every device may say besides: where it is, and how it is called."""
