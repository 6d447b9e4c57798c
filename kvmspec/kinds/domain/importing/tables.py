"""The tables of elements/, read backwards: how a form (elements/part.py) is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kvmspec.kinds.domain.elements.part import Form, Part
from kvmspec.kinds.domain.importing.leaf import Leaf, number, size, switch, text, there, word

_READ: dict[str, Callable[[Any], Any]] = {
    "text": text,
    "number": number,
    "switch": switch,
    "kib": lambda value: size(number(value) * 1024),
    "size": size,
    "there": there,
}


def leaves(table: Iterable[Part]) -> tuple[Leaf, ...]:
    """What a table finds in canonical data."""
    return tuple(Leaf(part.place, part.field, _reader(part.form), part.usual) for part in table)


def _reader(form: Form) -> Callable[[Any], Any]:
    if form.words:
        return word(**{libvirts: ours for ours, libvirts in form.words.items()})
    return _READ[form.kind]
