"""A draft of a small object proved by rendering it: what comes out otherwise than it was is taken back out,
and what no field says is left over as a fragment."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any, TypeVar

from kvmspec.canon.compare import uncovered
from kvmspec.canon.fragment import leftover
from kvmspec.canon.read import read
from kvmspec.kinds.importing.accept import Data, Place, accepted, without
from kvmspec.manifest.model import Model

M = TypeVar("M", bound=Model)
_DRAWN = re.compile(r"ns\d+")
_KEPT = frozenset({"uuid"})


def parsed(xml: str) -> ET.Element:
    """The tree of `xml`; what is made of it again has the prefixes it has: ElementTree draws others. Raises
    xml.etree.ElementTree.ParseError."""
    for _, space in ET.iterparse(StringIO(xml), events=["start-ns"]):
        prefix, uri = map(str, space)
        if prefix and not _DRAWN.fullmatch(prefix):
            ET.register_namespace(prefix, uri)
    return ET.fromstring(xml)


def proved(
    draft: Data, original: ET.Element, model: type[M], render: Callable[[M], str]
) -> tuple[Data, M, str]:
    """The most of a draft that renders back exactly, the model of it, and the fragment that restores the
    rest ("" where nothing is left over). Raises ValueError where nothing can be made of it."""
    wanted = read(original)

    def wrong(spec: M) -> int:
        return len(list(uncovered(read(render(spec)), wanted)))

    draft, spec = accepted(draft, model)
    while (count := wrong(spec)) and (less := _less(draft, model, wrong, count)):
        draft, spec = less
    return draft, spec, leftover(ET.tostring(original, encoding="unicode"), render(spec))


def _less(draft: Data, model: type[M], wrong: Callable[[M], int], count: int) -> tuple[Data, M] | None:
    """The draft without the smallest part that makes it less wrong."""
    for place in sorted(_places(draft), key=len, reverse=True):
        if place[0] in _KEPT:
            continue
        try:
            spec = model.model_validate(trial := without(draft, place))
        except ValueError:
            continue
        if wrong(spec) < count:
            return trial, spec
    return None


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Everything that could go, in its order."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in inner:
        yield (*place, step)
        yield from _places(child, (*place, step))
