"""Descriptions of fields, for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kvmspec.core.field_doc import FieldDoc
from kvmspec.report.style import Style
from kvmspec.report.values import folded, pad, width

_INDENT = "  "
_NOT_BUILT = (
    "It is part of the format, but this version does not build it: a manifest that has it is refused."
)
_MAX_TYPE = 19
_LABEL = 13
_ROLES = {"live": "good", "restart": "restart", "replace": "danger", "refused": "danger", "delete": "delete"}


def root_text(docs: Sequence[FieldDoc], later: Sequence[str], *, style: Style, columns: int) -> str:
    """The root's keys, each with a line."""
    lines = [style("heading", "A manifest has these keys at its root:"), ""]
    lines += _listing(docs, style, columns)
    lines += _later(later, columns)
    lines += ["", "See kvmspec explain vms, kvmspec explain vms.memory.size, and so on."]
    return "\n".join(lines) + "\n"


def field_text(
    doc: FieldDoc,
    inside: Sequence[FieldDoc],
    later: Sequence[str],
    *,
    name: str = "",
    style: Style,
    columns: int,
) -> str:
    """All that is known of one field. `name` was taken for an object's."""
    lines = [style("heading", doc.path) + (f"   ({name} is taken for a name)" if name else ""), ""]
    if not doc.built:
        return "\n".join([*lines, folded(_INDENT + _NOT_BUILT, columns, _INDENT)]) + "\n"
    lines += [folded(_INDENT + doc.meaning, columns, _INDENT), ""]
    for label, text in _facts(doc):
        role = _role(doc) if label == "a change" else ""
        first, *rest = folded(text, columns - _LABEL - 2, "").split("\n")
        lines.append(f"{_INDENT}{pad(label, _LABEL)}{_painted(first, doc, style) if role else first}")
        lines += [" " * (_LABEL + 2) + line for line in rest]
    lines += ["", f"{_INDENT}Example:", "", *(_INDENT * 2 + line for line in doc.example.splitlines())]
    if inside:
        lines += ["", *_listing(inside, style, columns)]
    if doc.like:
        less = f", but not {', '.join(doc.less)}" if doc.less else ""
        lines += ["", folded(f"{_INDENT}{'And' if inside else 'Has'} every field of {doc.like}{less}: see "
                             f"kvmspec explain {doc.like}.", columns, _INDENT)]  # fmt: skip
    lines += _later(later, columns)
    return "\n".join(lines) + "\n"


def field_data(doc: FieldDoc, inside: Sequence[FieldDoc], later: Sequence[str]) -> dict[str, Any]:
    """The same as plain data; what there is nothing to say of is null."""
    return {
        "path": doc.path,
        "built": doc.built,
        "meaning": doc.meaning or None,
        "type": doc.type or None,
        "required": doc.required,
        "default": doc.default or None,
        "at_creation": doc.creation or None,
        "short_form": doc.short or None,
        "effect": _effect_data(doc),
        "example": doc.example or None,
        "fields": [
            {"path": each.path, "meaning": each.meaning, "type": each.type, "effect": _effect_data(each)}
            for each in inside
        ],
        "like": doc.like or None,
        "not_built": list(later),
    }


def _effect_data(doc: FieldDoc) -> dict[str, str] | None:
    return {"impact": doc.impact, "reason": doc.reason} if doc.impact else None


def _facts(doc: FieldDoc) -> Iterator[tuple[str, str]]:
    """(label, text), without those of which there is nothing to say."""
    yield "type", doc.type
    if doc.required:
        yield "required", "yes"
    if doc.default or not (doc.required or doc.fields or doc.like):
        yield "default", doc.default or "none"
    if doc.creation:
        yield "when new", f"{doc.creation} (set at creation, and left alone afterwards)"
    if doc.short:
        yield "short form", doc.short
    if doc.impact:
        yield "a change", f"{doc.impact}: {doc.reason}" if doc.reason else doc.impact


def _role(doc: FieldDoc) -> str:
    return _ROLES.get(doc.impact.replace(",", "").split(" ")[-1], "dim") if doc.impact else ""


def _painted(line: str, doc: FieldDoc, style: Style) -> str:
    """The line with its impact in the impact's colour."""
    return style(_role(doc), doc.impact) + line[len(doc.impact) :] if line.startswith(doc.impact) else line


def _listing(docs: Sequence[FieldDoc], style: Style, columns: int) -> Iterator[str]:
    """Name, type, cost of a change and meaning, aligned."""
    names = max(5, *(width(doc.name) for doc in docs)) + 2
    types = min(max(4, *(width(doc.brief) for doc in docs)), _MAX_TYPE) + 2
    costs = max(8, *(width(doc.impact) for doc in docs)) + 2 if any(doc.impact for doc in docs) else 0
    head = pad("field", names) + pad("type", types) + pad("a change" if costs else "", costs) + "meaning"
    yield _INDENT + style("dim", head)
    indent = " " * (len(_INDENT) + names + types + costs)
    for doc in docs:
        kind = doc.brief if width(doc.brief) <= types - 2 else _shortened(doc.brief, types - 2)
        cost = style(_role(doc), doc.impact) + " " * (costs - width(doc.impact)) if costs else ""
        start = f"{_INDENT}{style('heading', pad(doc.name, names))}{pad(kind, types)}{cost}"
        text = folded(_first_sentence(doc.meaning), max(columns - len(indent), 30), "").split("\n")
        yield (start + text[0]).rstrip()
        yield from (indent + line for line in text[1:])


def _shortened(brief: str, limit: int) -> str:
    """`none, writeback, …`: as many of the words as there is room for."""
    words = brief.split(", ")
    while len(words) > 1 and width(", ".join(words)) + 3 > limit:
        words.pop()
    return ", ".join(words) + ", …" if len(words) < len(brief.split(", ")) else brief[: limit - 1] + "…"


def _first_sentence(text: str) -> str:
    end = text.find(". ")
    return (text if end < 0 else text[:end]).removesuffix(".")


def _later(names: Sequence[str], columns: int) -> list[str]:
    if not names:
        return []
    text = f"Of the format, but not built in this version: {', '.join(names)}."
    return ["", folded(_INDENT + text, columns, _INDENT)]
