"""The documents that are generated from tables of kvmspec: fields, effects, exit codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvmspec.core.errors import ExitCode
from kvmspec.core.field_doc import FieldDoc
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.find import children, later, to_json
from kvmspec.manifest.reference import field_docs

_MAX_TYPE = 52
NOTE = "Generated (`scripts/generate.py`)."


def fields_json() -> str:
    """schemas/fields.json, which `explain` reads."""
    return to_json(field_docs(SECTIONS))


def fields_page() -> str:
    """docs/fields.md: every field of the manifest, by section."""
    docs = {doc.path: doc for doc in field_docs(SECTIONS)}
    roots = [doc for doc in docs.values() if doc.built and "." not in doc.path]
    lines = [
        "# Fields of the manifest",
        "",
        f"{NOTE} `kvmspec explain vms.disks.cache` says the same of one field, with an example.",
        "",
        "*At creation* is what a new object gets where the field is not given; afterwards it keeps it.",
        "*A change* is what changing a field costs a running guest, or a running network;",
        "[effects](effects.md) has the reasons.",
        "",
        *_table([doc for doc in roots if not doc.fields and not doc.named]),
    ]
    for doc in roots:
        if doc.fields or doc.named:
            lines += _part(doc, docs, "##")
    unbuilt = later(None, docs)
    if unbuilt:
        lines += ["", f"Of the format, but not built in this version: {_codes(unbuilt)}."]
    return "\n".join(lines) + "\n"


def effects_page() -> str:
    """docs/effects.md: what changing each field costs, and why."""
    effects = {effect.path: effect for section in SECTIONS for effect in section.effects()}
    order = [doc.path for doc in field_docs(SECTIONS) if doc.path in effects]
    unknown = effects.keys() - set(order)
    assert not unknown, f"effects of what is no field: {unknown}"
    lines = [
        "# What a change costs",
        "",
        f"{NOTE} Of a stopped VM or network every change is free; `replace` stays `replace`, and `refused`",
        "stays `refused`. What is said of a field holds for those in it. What is not here, or only libvirt",
        "knows, takes a restart.",
        "",
        "| field | while it runs | why |",
        "|---|---|---|",
        *(f"| `{path}` | {effects[path].impact} | {_cell(effects[path].reason)} |" for path in order),
    ]
    return "\n".join(lines) + "\n"


def exit_codes_page() -> str:
    """docs/exit-codes.md."""
    last = "Where several apply, the first of 130, 5, 1, 4, 3 and 2 is taken."
    return "\n".join(["# Exit codes", "", NOTE, "", *exit_codes(), "", last]) + "\n"


def exit_codes() -> list[str]:
    """The lines of a table."""
    return [
        "| code | meaning |",
        "|---|---|",
        *(f"| {code.value} | {_cell(code.meaning)} |" for code in ExitCode),
    ]


def _part(doc: FieldDoc, docs: dict[str, FieldDoc], heading: str) -> Iterator[str]:
    """A section, or an object with fields: what it is, an example, its fields, what is in them."""
    yield from ("", f"{heading} {doc.path}", "", f"{doc.meaning} {_sentence(doc.type)}")
    if doc.short:
        one, other = doc.short.split(" is ", 1)
        yield f"`{one}` is short for `{other}`."
    if heading == "##":
        yield from ("", "```yaml", doc.example.rstrip(), "```")
    inside = children(doc, docs)
    if inside:
        yield from ("", *_table(inside))
    if doc.like:
        less = f", but not {_codes(doc.less)}" if doc.less else ""
        link = f"[{doc.like}](#{_anchor(doc.like)})"
        yield from ("", f"{'And' if inside else 'Has'} every field of {link}{less}.")
    if unbuilt := later(doc, docs):
        yield from ("", f"Of the format, but not built in this version: {_codes(unbuilt)}.")
    for each in inside:
        if each.fields:
            yield from _part(each, docs, "###")


def _table(docs: Sequence[FieldDoc]) -> Iterator[str]:
    """Without the columns that none of the fields has anything in."""
    columns = {
        "field": [f"`{doc.name}`" + (" (required)" if doc.required else "") for doc in docs],
        "meaning": [doc.meaning for doc in docs],
        "type": list(map(_type, docs)),
        "default": [doc.default for doc in docs],
        "at creation": [doc.creation for doc in docs],
        "a change": [doc.impact for doc in docs],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    yield f"| {' | '.join(shown)} |"
    yield "|" + "---|" * len(shown)
    for row in zip(*shown.values(), strict=True):
        yield f"| {' | '.join(map(_cell, row))} |"


def _type(doc: FieldDoc) -> str:
    """In full where that is short; of what has fields, the way there."""
    if doc.like:
        return f"fields of [{doc.like}](#{_anchor(doc.like)})" + (
            f" but {_codes(doc.less)}" if doc.less else ""
        )
    if doc.fields:
        return f"[{doc.brief}](#{_anchor(doc.path)})"
    return doc.type if len(doc.type) <= _MAX_TYPE else doc.brief


def _anchor(path: str) -> str:
    """GitHub's name of the heading."""
    return path.replace(".", "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
