"""Examples of each field: lines that a manifest may have, made from those the models carry."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import yaml

from kvmspec.manifest.nodes import Node, Schema

_ANY = object()


class Examples:
    """Finds, or puts together, an example of each field of a marked schema."""

    def __init__(self, schema: Schema) -> None:
        self._root = Node(schema, (schema,), schema)

    def text(self, path: Sequence[str]) -> str:
        """Lines with the field at `path`, from the root of a manifest on."""
        return block(self.tree(path))

    def tree(self, path: Sequence[str]) -> dict[str, Any]:
        """The same as data."""
        name, *rest = path
        return {name: self._entry(self._root.fields[name], rest)}

    def name(self, node: Node) -> str:
        """What the first object of a map by name is called."""
        return _names(node)[0]

    def short_value(self, node: Node, field: str) -> Any:
        """A value of the field that the short form stands for."""
        found = next((each for each in _own(node.inner or node) if not isinstance(each, dict)), _ANY)
        return self._value(node.fields[field]) if found is _ANY else found

    def _entry(self, node: Node, rest: Sequence[str]) -> Any:
        """A value for `node` that shows the field `rest` below it, or the node itself."""
        if not rest:
            return self._value(node)
        if node.inner is None:
            return self._around(node, rest)[1]
        position, inside = self._around(node.inner, rest)
        return {_names(node)[position]: inside} if node.is_map else [inside]

    def _around(self, node: Node, rest: Sequence[str]) -> tuple[int, dict[str, Any]]:
        """An object with the field and with what it cannot do without; which of its model's examples
        it is made from."""
        field, model = rest[0], node.object or {}
        if len(rest) > 1 and f"{rest[0]}.{rest[1]}" in (model.get("x-along") or {}):
            return self._whole(node, rest)
        along = {*(model.get("x-along") or {}).get(field, ())}
        least = {*(model.get("x-least") or ())}
        maps = [(number, each) for number, each in enumerate(_own(node)) if isinstance(each, dict)]
        having = [(number, each) for number, each in maps if {field, *along} <= {*each}]
        having = having or [(number, each) for number, each in maps if along and along <= {*each}]
        having = having or [(number, each) for number, each in maps if field in each]
        position, example = (having or maps or [(0, {})])[0]
        kept = {*example} & ({*least, *along, field} if least else {*example})
        shown = {key: value for key, value in example.items() if key in kept}
        shown |= {name: self._value(node.fields[name]) for name in along if name not in shown}
        if len(rest) > 1 or field not in shown or node.fields[field].object is not None:
            shown[field] = self._entry(node.fields[field], rest[1:])
        return position, _ordered(shown, node)

    def _whole(self, node: Node, rest: Sequence[str]) -> tuple[int, dict[str, Any]]:
        """The model's example that has an inner field among others it cannot do without, with all of them."""
        field, inner = rest[0], rest[1]
        having = (
            (n, each)
            for n, each in enumerate(_own(node))
            if isinstance(each, dict) and any(inner in entry for entry in _entries(each.get(field)))
        )
        position, example = next(having)
        shown = {**example, field: copy(example[field])}
        if len(rest) > 2 and isinstance(shown[field], dict):
            shown[field][inner] = self._entry(node.fields[field].fields[inner], rest[2:])
        return position, _ordered(shown, node)

    def _value(self, node: Node) -> Any:
        """An example of the whole field."""
        if "examples" in node.outer:
            return _ordered(node.outer["examples"][0], node)
        if node.inner is not None:
            values = [_ordered(value, node.inner) for value in _own(node.inner)] or [self._value(node.inner)]
            return dict(zip(_names(node), values, strict=False)) if node.is_map else values
        if node.object is not None:
            examples = [example for example in _own(node) if isinstance(example, dict)]
            return _ordered(examples[0], node)
        return _plain(node)


def _names(node: Node) -> list[str]:
    """What the objects of a map by name are called."""
    return [name for option in node.options for name in option.get("propertyNames", {}).get("examples", ())]


def _ordered(value: Any, node: Node) -> Any:
    """The keys of an example in the order of the fields; pydantic sorts them."""
    if isinstance(value, list) and node.inner is not None:
        return [_ordered(entry, node.inner) for entry in value]
    if not isinstance(value, dict):
        return value
    if node.is_map and node.inner is not None:
        return {name: _ordered(entry, node.inner) for name, entry in value.items()}
    if not node.fields:  # a map of whatever keys
        return value
    order = list(node.fields)
    return {key: _ordered(value[key], node.fields[key]) for key in sorted(value, key=order.index)}


def _entries(value: Any) -> Sequence[Any]:
    """The objects that a field's example holds: itself, or each of a list or a map."""
    if isinstance(value, dict):
        return [value, *_entries([*value.values()])]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def _own(node: Node) -> Sequence[Any]:
    """The examples that a node's model carries."""
    found: Sequence[Any] = (node.object or {}).get("examples") or ()
    return found


def _plain(node: Node) -> Any:
    """A value of a field that holds no others: not the default, which nobody needs to write."""
    value = node.value
    if value.get("examples"):
        return value["examples"][0]
    if "const" in value:
        return value["const"]
    if "enum" in value:
        others = [option for option in value["enum"] if option != node.outer.get("default")]
        return (others or value["enum"])[0]
    return {"boolean": True, "integer": value.get("minimum", 1)}.get(str(value.get("type")), "text")


class _Dumper(yaml.SafeDumper):
    """Entries of lists are indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def block(value: Any) -> str:
    """YAML as it stands in a manifest."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text


def flow(value: Any) -> str:
    """YAML on one line."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1000
    )
    return text.removesuffix("\n").removesuffix("\n...")
