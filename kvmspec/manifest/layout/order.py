"""The order of keys: that of the models' fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from kvmspec.manifest.deferred import actual
from kvmspec.manifest.placement import HostSpec
from kvmspec.manifest.roots import ENTRIES
from kvmspec.manifest.section import Section
from kvmspec.manifest.variables import VariableSpec

ROOT = (
    "kvmspec", "project", "id", "variables", "hosts", "defaults", "networks", "pools", "secrets", "images",
    "volumes", "profiles", "vms", "moved", "released", "removed",
)  # fmt: skip
HEAD = frozenset(ROOT[:3])
"""Root keys of one line."""

_OWNED = {True: ("profile", "extends", "host", "count"), False: ("hosts",)}
"""The loader's own keys of an object, with profiles (VMs) and without."""


@dataclass(frozen=True)
class Shape:
    """What a map's keys are: in this order, or (`ordered` empty) names, which stay as they are.

    inner  the shape of what a key leads to, through lists too
    each   the shape of what any other key leads to
    """

    ordered: Mapping[str, int] = field(default_factory=dict)
    inner: Mapping[str, Shape] = field(default_factory=dict)
    each: Shape | None = None

    def below(self, key: str) -> Shape:
        """The shape of what `key` leads to."""
        return self.inner.get(key) or self.each or ANY

    def sorted(self, keys: Sequence[str]) -> list[int]:
        """The places of `keys` in their canonical order. Merge keys come first, unknown ones last."""
        if not self.ordered:
            return list(range(len(keys)))
        last = len(self.ordered)
        return sorted(
            range(len(keys)), key=lambda i: -1 if keys[i] == "<<" else self.ordered.get(keys[i], last)
        )


ANY = Shape()


def root_shape(sections: Sequence[Section]) -> Shape:
    """The shape of a whole manifest with these sections."""
    objects = {section.key: model_shape(section.spec, _OWNED[section.profiles]) for section in sections}
    inner = {key: Shape(each=shape) for key, shape in objects.items()}
    inner["variables"] = Shape(each=model_shape(VariableSpec))
    inner["hosts"] = Shape(each=model_shape(HostSpec))
    inner["defaults"] = _ordered(("host", *ROOT), objects)
    inner |= {name: model_shape(entry) for name, entry in ENTRIES.items()}
    for section in sections:
        if section.profiles:
            inner["profiles"] = inner[section.key]
    return _ordered(ROOT, inner)


def model_shape(model: type[BaseModel], before: Iterable[str] = ()) -> Shape:
    """The shape of a model's map, `before` being keys that are not the model's."""
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    return _ordered((*before, *fields), {name: _shape(kind) for name, kind in fields.items()})


def _ordered(keys: Iterable[str], inner: Mapping[str, Shape]) -> Shape:
    return Shape({key: rank for rank, key in enumerate(keys)}, inner)


def _shape(annotation: Any) -> Shape:
    """The shape of a field's maps; of the first of its alternatives that has one."""
    annotation = actual(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return model_shape(annotation)
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return Shape(each=_shape(arguments[1]))
    shapes = (_shape(argument) for argument in arguments if argument not in (NoneType, ...))
    return next((shape for shape in shapes if shape is not ANY), ANY)
