"""`xml:` of networks, pools and volumes: what libvirt knows and no field says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from kvmspec.canon.compare import Path, get, leaves
from kvmspec.canon.read import read
from kvmspec.manifest.types import Text


def mergeable(root: str) -> Callable[[str], str]:
    """A check of pieces of that element's XML. It raises PydanticCustomError (`xml`) with what is wrong and
    where."""

    def check(value: str) -> str:
        from kvmspec.canon.fragment import givens, problems  # lxml: only where there is a fragment

        if found := problems(value, root) or givens(value):
            raise PydanticCustomError("xml", "{problem}", {"problem": "; ".join(found)})
        return value

    return check


NetworkFragment = Annotated[Text, AfterValidator(mergeable("network"))]
PoolFragment = Annotated[Text, AfterValidator(mergeable("pool"))]
VolumeFragment = Annotated[Text, AfterValidator(mergeable("volume"))]
"""Pieces of an object's XML (canon/fragment.py). Raise PydanticCustomError (`xml`) with what is wrong."""


def merged(xml: str, fragment: str | None) -> str:
    """The XML with the fragment in it."""
    if not fragment:
        return xml
    from kvmspec.canon.fragment import merge

    return merge(xml, fragment)


def taken_away(xml: str, fragment: str | None) -> list[Path]:
    """Canonical paths of what a definition has, and a fragment takes away (`k:remove`)."""
    if not fragment or "remove" not in fragment:
        return []
    left = read(merged(xml, fragment))
    return [path for path, _ in leaves(read(xml)) if get(left, path) is None]


def has_metadata(xml: str, fragment: str | None) -> bool:
    """Whether a definition has the metadata that a fragment states; canonical data has none of others."""
    if not fragment or "<metadata" not in fragment:
        return True
    from kvmspec.canon.fragment import leftover, merge
    from kvmspec.canon.trees import lxml, parse

    root = parse(fragment)
    for child in list(root):
        if child.tag != "metadata":
            root.remove(child)
    return leftover(merge(xml, str(lxml().tostring(root, encoding="unicode"))), xml) == ""
