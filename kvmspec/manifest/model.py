"""The base of every model of the manifest."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

Reference = tuple[str, str]
"""(kind, name) of an object another one refers to, e.g. ("network", "front")."""


def _make_bools_strict(schema: Any, *, inner: bool = False) -> None:
    """Mark every bool of one model's schema strict; models inside it have done so themselves."""
    if isinstance(schema, list | tuple):
        for part in schema:
            _make_bools_strict(part, inner=inner)
    elif isinstance(schema, dict) and not (inner and schema.get("type") == "model"):
        if schema.get("type") == "bool":
            schema["strict"] = True
        for key, part in schema.items():
            if key != "metadata":
                _make_bools_strict(part, inner=inner or schema.get("type") == "model")


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The docstring under each field of a model, inherited ones included, read from the source."""
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base not in (object, BaseModel, Model):
            docs |= _own_docs(base)
    return docs


def _own_docs(model: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    docs = {}
    for field, text in itertools.pairwise(getattr(body, "body", ())):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            docs[field.target.id] = inspect.cleandoc(str(text.value.value))
    return docs


class Model(BaseModel):
    """Strict: unknown keys are errors; what a later version will know is refused by name.

    short     the field that a bare scalar or list stands for (`cpus: 2` is `cpus: {count: 2}`)
    later     fields of the format that this version does not build yet
    examples  values a manifest may have here, as written there; they show most of the fields
    least     the fields without which an example of another field would not be valid; none: the first of the
              examples with the field is shown as a whole
    along     the same for one field alone: those that go with it. `a.b`: an example with `b` inside `a` is
              shown as a whole
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    short: ClassVar[str | None] = None
    later: ClassVar[frozenset[str]] = frozenset()
    examples: ClassVar[Sequence[Any]] = ()
    least: ClassVar[frozenset[str]] = frozenset()
    along: ClassVar[Mapping[str, Sequence[str]]] = {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """YAML 1.2 knows only true and false; pydantic would take "yes", "on" and 1 for true as well."""
        schema = handler(source)
        _make_bools_strict(schema)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Fields are described by the docstrings under them. pydantic's own switch for this reads
        the source whenever a class is made, which costs every command 0.1 s. `x-` keys are for the
        field reference (manifest/reference.py); the schema that is shown has none."""
        made = handler(schema)
        target = handler.resolve_ref_schema(made)
        for name, text in field_docs(cls).items():
            shown = cls.model_fields[name].alias or name if name in cls.model_fields else name
            target.get("properties", {}).get(shown, {}).setdefault("description", text)
        if cls.examples:
            target["examples"] = list(cls.examples)
        target |= {"x-short": cls.short, "x-later": sorted(cls.later), "x-least": sorted(cls.least)}
        target["x-along"] = {name: list(others) for name, others in cls.along.items()}
        return made

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return {cls.short: data} if cls.short is not None and data is not None else data
        if cls.later and not cls.later.isdisjoint(data):
            name = next(key for key in data if key in cls.later)
            raise PydanticCustomError(
                "not_built",
                "`{field}` is part of the format, but this version does not support it yet",
                {"field": name},
            )
        return data

    def references(self) -> Iterable[Reference]:
        """The objects this one cannot do without; it is placed where they are needed."""
        return ()
