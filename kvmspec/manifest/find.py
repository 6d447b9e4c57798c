"""Finds the description of a field by the path a person types. Reads a file and no model, to be fast."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from kvmspec import resources
from kvmspec.core.errors import UsageError
from kvmspec.core.field_doc import FieldDoc

FILE = "fields.json"
_NOTHING = FieldDoc("")
_ALIKE = 0.75
"""How much a word must be like a field's name to be taken for a misspelt one and not for a name."""

Docs = Mapping[str, FieldDoc]


@dataclass(frozen=True, slots=True)
class Found:
    """A description; `name` is the last word, where it was taken for the name of an object."""

    doc: FieldDoc
    name: str = ""


def to_json(docs: Iterable[FieldDoc]) -> str:
    """The descriptions as a file; what is empty is left out."""
    data = [
        {key: value for key, value in asdict(doc).items() if value != getattr(_NOTHING, key)} for doc in docs
    ]
    return json.dumps({"fields": data}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> dict[str, FieldDoc]:
    """The descriptions by path, in the order of the file."""
    tuples = {field.name for field in fields(FieldDoc) if str(field.type).startswith("tuple")}
    found = {}
    for entry in json.loads(text)["fields"]:
        values: dict[str, Any] = {key: tuple(v) if key in tuples else v for key, v in entry.items()}
        found[entry["path"]] = FieldDoc(**values)
    return found


def load() -> dict[str, FieldDoc]:
    """The descriptions that come with this version. Raises OSError in a broken installation."""
    return from_json((resources.folder("schemas") / FILE).read_text(encoding="utf-8"))


def find(typed: str, docs: Docs) -> Found:
    """The field that `vms.memory.size` means, or `vms.web.memory.size`, or `vms.web.disks[0].size`; or
    `memory.size`, as plans show it.

    Raises UsageError, with the nearest path there is.
    """
    words = [word for word in re.split(r"[.\[\]]+", typed.strip()) if word]
    found = _find(words, docs)
    if found is not None and found.doc.built:
        return found
    inside = list(_in_sections(words, docs))
    if len(inside) > 1 and found is None:
        paths = [each.doc.path for each in inside]
        raise UsageError(f"`{typed}` may mean several fields", hint=f"say which: {', '.join(paths)}")
    found = inside[0] if len(inside) == 1 else found
    if found is None:
        raise _unknown(typed, words, docs)
    return found


def children(doc: FieldDoc, docs: Docs) -> list[FieldDoc]:
    """The fields in it that this version builds; what is `like` another section's is not repeated."""
    return [docs[path] for path in doc.fields]


def later(doc: FieldDoc | None, docs: Docs) -> list[str]:
    """Names of the fields in it, or at the root, that the format has and this version does not build."""
    start = f"{doc.path}." if doc else ""
    unbuilt = [path.removeprefix(start) for path, d in docs.items() if not d.built and path.startswith(start)]
    return sorted(name for name in unbuilt if "." not in name)


def _find(words: list[str], docs: Docs) -> Found | None:
    if not words or words[0] not in docs:
        return None
    return next(_walk(docs[words[0]], words[1:], docs, in_entry=False), None)


def _in_sections(words: list[str], docs: Docs) -> Iterator[Found]:
    """The readings of a path that lacks its section and the object's name."""
    for section in docs.values():
        if section.named and "." not in section.path and words and words[0] in _inside(section, docs):
            found = _find([section.path, *words], docs)
            if found is not None and found.doc.built and not section.like:
                yield found


def _walk(doc: FieldDoc, words: list[str], docs: Docs, *, in_entry: bool) -> Iterator[Found]:
    """Every reading of the words behind `doc`: as a field first, then as a name."""
    if not words:
        yield Found(doc)
        return
    inside = _inside(doc, docs)
    if words[0] in inside:
        yield from _walk(inside[words[0]], words[1:], docs, in_entry=False)
    if not doc.named or in_entry or words[0] in doc.less:
        return
    if not inside:
        yield Found(doc, ".".join(words))  # a map of plain values; a name may have dots, as addresses have
    elif len(words) > 1:
        yield from _walk(doc, words[1:], docs, in_entry=True)
    elif not get_close_matches(words[0], inside, n=1, cutoff=_ALIKE):
        yield Found(doc, words[0])


def _inside(doc: FieldDoc, docs: Docs) -> dict[str, FieldDoc]:
    """The fields in it by name: its own, built or not, and those of the one it is like, which cost what it
    costs itself."""
    found = {}
    if doc.like:
        found = {n: d for n, d in _inside(docs[doc.like], docs).items() if n not in doc.less}
    start = f"{doc.path}."
    own = [d for path, d in docs.items() if path.startswith(start) and "." not in path[len(start) :]]
    inside = found | {d.name: d for d in own}
    if doc.impact and (doc.like or doc != docs[doc.path]):
        return {n: replace(d, impact=doc.impact, reason=doc.reason) for n, d in inside.items()}
    return inside


def _unknown(typed: str, words: list[str], docs: Docs) -> UsageError:
    """What was not found, with what is there instead."""
    message = f"`{typed}` is no field of the manifest"
    length = next((n for n in range(len(words), 0, -1) if _find(words[:n], docs)), 0)
    found = _find(words[:length], docs)
    names = _inside(found.doc, docs) if found else {d.path: d for d in docs.values() if "." not in d.path}
    wrong = words[length] if length < len(words) else words[-1] if words else ""
    where = f"in `{found.doc.path}`" if found else "at the root"
    if found and found.name:
        wrong = found.name
    if near := get_close_matches(wrong, names, n=1):
        return UsageError(message, hint=f"did you mean `{names[near[0]].path}`?")
    if near := get_close_matches(typed, docs, n=1):
        return UsageError(message, hint=f"did you mean `{near[0]}`?")
    return UsageError(message, hint=f"{where} there are: {', '.join(names)}" if names else "it has no fields")
