"""Long forms → the short ones that a person would write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from kvmspec.manifest.deferred import actual
from kvmspec.manifest.model import Model


def shortened(model: type[Model], data: Mapping[str, Any]) -> Any:
    """`{count: 2}` of a model whose short form is `count` → `2`, inner models first."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    found = {name: _inside(fields[name].annotation, value) for name, value in data.items()}
    if model.short is not None and found.keys() == {model.short}:
        return found[model.short]
    return found


def _inside(annotation: Any, value: Any) -> Any:
    annotation = actual(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return shortened(annotation, value) if isinstance(value, Mapping) else value
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple and isinstance(value, list):
        return [_inside(arguments[0], entry) for entry in value]
    if get_origin(annotation) is dict and isinstance(value, Mapping):
        return {key: _inside(arguments[1], entry) for key, entry in value.items()}
    for argument in arguments:
        if (made := _inside(argument, value)) != value:
            return made
    return value
