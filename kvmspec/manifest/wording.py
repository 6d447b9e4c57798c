"""Types, defaults and short forms of the manifest, in words."""

from __future__ import annotations

from kvmspec.manifest.examples import Examples, flow
from kvmspec.manifest.nodes import Node, Schema

_SIMPLE = {
    "boolean": ("true, false", "true or false"),
    "integer": ("number", "a whole number"),
    "number": ("number", "a number"),
    "string": ("text", "text"),
}


def brief(node: Node) -> str:
    """Its type in a word or two."""
    if node.inner is not None:
        return f"map of {_plural(node.inner)}" if node.is_map else f"list of {_plural(node.inner)}"
    if node.object is not None:
        return "map"
    value = node.value
    if options := _options(value):
        return ", ".join(options)
    return _named(value)[0]


def full(node: Node, fields: str = "the fields below") -> str:
    """Its type as a sentence would say it; `fields` are those of an object in it."""
    if node.inner is not None:
        inner = node.inner
        if inner.object is not None:
            short = _short_type(inner)
            return ("a map by name" if node.is_map else "a list") + f"; each entry has {fields}{short}"
        return f"a map; each value is {full(inner)}" if node.is_map else f"a list of {_plural(inner)}"
    if node.object is not None:
        return f"a map with {fields}{_short_type(node)}"
    return _value(node.value)


def default(node: Node) -> str:
    """What holds when it is not given, as the manifest would say it; empty where that is nothing."""
    value = node.outer.get("default")
    return "" if value in (None, [], {}) or node.object is not None else flow(value)


def short(name: str, node: Node, examples: Examples) -> str:
    """`cpus: 2 is cpus: {count: 2}`."""
    field = node.short
    if field is None:
        return ""
    value = examples.short_value(node, field)
    one, other = flow(value), flow({field: value})
    if node.inner is None:
        return f"{name}: {one} is {name}: {other}"
    if node.is_map:
        return f"{examples.name(node)}: {one} is {examples.name(node)}: {other}"
    return f"{name}: [{one}] is {name}: [{other}]"


def _short_type(node: Node) -> str:
    return f", or is its `{node.short}` alone" if node.short else ""


def _value(value: Schema) -> str:
    if options := _options(value):
        return _one_of(options)
    words = _named(value)[1]
    low, high = value.get("minimum"), value.get("maximum")
    least, most = value.get("minLength"), value.get("maxLength")
    if low is not None and high is not None:
        words += f", {low} to {high}"
    if most is not None:
        words += f" of {least or 0} to {most} characters"
    return words


def _named(value: Schema) -> tuple[str, str]:
    """(brief, full)."""
    if "x-type" in value:
        first, second = value["x-type"]
        return first, second
    kind = value.get("type", "")
    return _SIMPLE.get(kind if isinstance(kind, str) else "", ("any", "any value"))


def _options(value: Schema) -> list[str]:
    """The few values it may have."""
    listed = value.get("enum") or ([value["const"]] if "const" in value else [])
    return [str(option) for option in listed]


def _one_of(options: list[str]) -> str:
    if len(options) == 1:
        return f"{options[0]}, so far nothing else"
    return f"{', '.join(options[:-1])} or {options[-1]}"


def _plural(node: Node) -> str:
    """What a list or a map holds: `names`, `texts`; `entries` where they are maps."""
    if node.object is not None:
        return "entries"
    if node.inner is not None:
        return "lists" if not node.is_map else "maps"
    if options := _options(node.value):
        return _one_of(options)
    word = brief(node)
    return f"{word}{'es' if word.endswith('s') else 's'}"
