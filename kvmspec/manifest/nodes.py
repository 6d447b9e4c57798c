"""The marked JSON Schema as a tree of fields: without references, nulls and definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """One field.

    outer    what is said where the field stands: its meaning, default, examples
    options  what it may be; more than one where there is a short form
    """

    outer: Schema
    options: Sequence[Schema]
    root: Schema

    @property
    def meaning(self) -> str:
        """Of the field; else of what it holds."""
        found = [self.outer, *self.options]
        return next((text for schema in found if (text := schema.get("description", ""))), "")

    @cached_property
    def object(self) -> Schema | None:
        """Where it has fields: as a map, a list's entry, or a map's value."""
        if self.inner is not None:
            return self.inner.object
        return next((option for option in self.options if "properties" in option), None)

    @cached_property
    def inner(self) -> Node | None:
        """What a list or a map by name holds."""
        if any("properties" in option for option in self.options):
            return None
        for option in self.options:
            for schema in (option.get("items"), option.get("additionalProperties"), _values(option)):
                if isinstance(schema, dict):
                    return resolved(schema, self.root)
        return None

    @property
    def is_map(self) -> bool:
        """Whether it is a map by name."""
        return self.inner is not None and not any("items" in option for option in self.options)

    @property
    def has_entries(self) -> bool:
        """Whether it holds objects, in a list or by name."""
        return self.inner is not None and self.object is not None

    @property
    def named(self) -> bool:
        """Whether a name may stand behind its path."""
        return self.has_entries or self.is_map

    @cached_property
    def fields(self) -> Mapping[str, Node]:
        """The fields in it, or in its entries."""
        properties = self.object["properties"] if self.object else {}
        return {name: resolved(schema, self.root) for name, schema in properties.items()}

    @property
    def required(self) -> Sequence[str]:
        schema = self.object or {}
        found: Sequence[str] = schema.get("x-required") or schema.get("required") or ()
        return found

    @property
    def later(self) -> Sequence[str]:
        found: Sequence[str] = (self.object or {}).get("x-later") or ()
        return found

    @property
    def short(self) -> str | None:
        """The field that a bare value in its place, or in an entry's, stands for."""
        found: str | None = (self.object or {}).get("x-short")
        return found

    @property
    def value(self) -> Schema:
        """The schema of a field that holds no others."""
        return self.options[0] if self.options else {}


def resolved(schema: Schema, root: Schema) -> Node:
    """The node of a field's schema."""
    return Node(schema, tuple(_options(schema, root)), root)


def _options(schema: Schema, root: Schema) -> Iterator[Schema]:
    """What a value may be, besides null and a text with a reference."""
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _options(option, root)
    elif "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name != "reference":
            yield from _options(root["$defs"][name], root)
    elif schema.get("type") != "null":
        yield schema


def _values(option: Schema) -> Schema | None:
    """The values of a map whose names follow a pattern."""
    return next(iter(option.get("patternProperties", {}).values()), None)
