"""docs/elements.md: what each field becomes in libvirt's XML.

Found by rendering: a manifest with the field, and the same without it, differ in these elements.
"""

from __future__ import annotations

import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kvmspec import pipeline
from kvmspec.core.errors import KvmspecError
from kvmspec.core.field_doc import FieldDoc
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.find import load
from tests.support.around import ENVIRON, stand, the_rest

Pairs = Counter[tuple[str, str]]
_MOST = 4
"""Elements that are listed of one field."""
_HEAD = (
    "# Fields and libvirt's elements",
    "",
    "Generated (`scripts/generate.py`) by rendering each field's example with it and without it: the",
    "elements and `@attributes` that differ, from the root of the object's XML. What is kvmspec's own is not",
    "listed.",
)


def page() -> str:
    """The whole page, by section. It takes a minute."""
    return "\n".join(_lines(row)) + "\n"


def _lines(row_of: Callable[[FieldDoc, Path], str]) -> list[str]:
    docs = [doc for doc in load().values() if doc.built and doc.example and not doc.fields]
    lines = [*_HEAD]
    with tempfile.TemporaryDirectory() as folder:
        stand(Path(folder))
        for section in SECTIONS:
            own = [doc for doc in docs if doc.path.startswith(f"{section.key}.")]
            rows = [found for doc in own if (found := row_of(doc, Path(folder)))]
            if rows:
                lines += ["", f"## {section.key}", "", "| field | libvirt |", "|---|---|", *rows]
    return lines


def stale(text: str, every: int) -> list[str]:
    """Of every so many rows those that are not in the page as they should be."""
    docs = [doc for doc in load().values() if doc.built and doc.example and not doc.fields]
    keys = tuple(f"{section.key}." for section in SECTIONS)
    with tempfile.TemporaryDirectory() as folder:
        stand(Path(folder))
        rows = [row(doc, Path(folder)) for doc in docs[::every] if doc.path.startswith(keys)]
    known = set(text.splitlines())
    return [found for found in rows if found and found not in known]


def row(doc: FieldDoc, folder: Path) -> str:
    """The line of one field; empty where it is kvmspec's own."""
    found = elements(doc, folder)
    shown = [f"`{path}`" for path in found[:_MOST]]
    return f"| `{doc.path}` | {', '.join(shown)}{' …' if len(found) > _MOST else ''} |" if found else ""


def elements(doc: FieldDoc, folder: Path) -> list[str]:
    """The paths that a field changes, in the order of the XML; none of one that says how many there are."""
    data = yaml.safe_load(doc.example)
    having = rendered(data, folder)
    path = _place(data, doc.path.split("."))
    while having is not None and len(path) > 2:
        without = rendered(_without(data, path), folder)
        if without is not None:
            found = list(dict.fromkeys(where for where, _ in having - without))
            return [] if any(where.count("/") == 1 and where.endswith("/name") for where in found) else found
        path = path[:-1]
    return []


def rendered(data: dict[str, Any], folder: Path) -> Pairs | None:
    """What the XML of a manifest says; None where it is not valid."""
    rest = the_rest(data)
    both = rest | data
    for key in rest.keys() & data.keys():
        both[key] = {**rest[key], **data[key]} if isinstance(rest[key], dict) else data[key]
    file = folder / "kvmspec.yaml"
    file.write_text(yaml.safe_dump(both, sort_keys=False))
    try:
        found = pipeline.render(pipeline.Request((file,), environ=ENVIRON | {"HOME": str(folder)}))
    except KvmspecError:
        return None
    pairs: Pairs = Counter()
    for one in found:
        pairs.update(said(ET.fromstring(one.xml)))
    return pairs


def said(node: ET.Element, above: str = "") -> Iterator[tuple[str, str]]:
    """Each attribute, text and empty element, with its path."""
    tag = node.tag.rpartition("}")[2]
    path = f"{above}/{tag}" if above else tag
    if tag == "metadata":
        return
    yield from ((f"{path}/@{name.rpartition('}')[2]}", value) for name, value in node.items())
    text = (node.text or "").strip()
    if text or (not len(node) and not node.attrib):
        yield path, text
    for child in node:
        yield from said(child, path)


def _place(data: Any, names: list[str]) -> tuple[Any, ...]:
    """Where a field is in its example: objects have names, lists positions."""
    found: list[Any] = []
    for name in names:
        while data and (isinstance(data, list) or (isinstance(data, dict) and name not in data)):
            found.append(_holding(data, name))
            data = data[found[-1]]
        if not isinstance(data, dict) or name not in data:
            break
        found.append(name)
        data = data[name]
    return tuple(found)


def _holding(entries: Any, name: str) -> Any:
    """The entry of a list, or of a map by name, that has the field; else the first."""
    steps = list(range(len(entries))) if isinstance(entries, list) else list(entries)
    having = (n for n in steps if isinstance(entries[n], dict) and name in entries[n])
    return next(having, steps[0])


def _without(data: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(data, list):
        inner = [] if len(path) == 1 else [_without(data[path[0]], path[1:])]
        return [*data[: path[0]], *inner, *data[path[0] + 1 :]]
    if len(path) == 1:
        return {key: value for key, value in data.items() if key != path[0]}
    return {**data, path[0]: _without(data[path[0]], path[1:])}
