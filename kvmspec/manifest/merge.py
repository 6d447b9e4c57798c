"""Deep merging of defaults, profiles and objects, and the way back: where a merged value was written.

Maps merge key by key; anything else replaces. Two lists, `disks` and `networks`, merge by their
entries' `name`: the base's named entries come first, in its order, each merged with the overriding
entry of that name; then the overriding list's other entries. The base's entries without a name are
dropped, for nothing says which of them is meant. An empty list, like `none` and `false`, replaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from kvmspec.manifest.deferred import actual
from kvmspec.manifest.model import Model
from kvmspec.manifest.section import Path

BY_NAME = frozenset({"disks", "networks"})
Models = tuple[type[BaseModel], ...]
Map = Mapping[str, Any]


@cache
def inner(models: Models, key: str) -> Models:
    """A field's models: those of `cpus: Cpus | None`, or of the entries of `disks: list[Disk]`."""
    fields = [
        info
        for model in models
        for name, info in model.model_fields.items()
        if key in (name, info.alias or name)
    ]
    return tuple(model for info in fields for model in _models_in(info.annotation))


def all_inner(model: type[BaseModel]) -> Models:
    """The models of all fields. It imports those that are deferred."""
    return tuple(found for name in model.model_fields for found in inner((model,), name))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    annotation = actual(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def short_field(models: Models) -> str | None:
    """The field that a bare value stands for, where the models have one."""
    return next(
        (model.short for model in models if issubclass(model, Model) and model.short is not None), None
    )


def merge(base: Map, over: Map, models: Models, by_name: frozenset[str] = BY_NAME) -> dict[str, Any]:
    """`over` laid on `base`; neither is changed, unmerged values are shared. `models` validate the result."""
    result = dict(base)
    for key, value in over.items():
        if key in base:
            value = _combine(base[key], value, inner(models, key), key in by_name)
        result[key] = value
    return result


def _combine(base: Any, over: Any, models: Models, by_name: bool) -> Any:
    if by_name and over and isinstance(base, list) and isinstance(over, list):
        return _merge_named(base, over, models)
    base, over = expand(base, over, models), expand(over, base, models)
    if isinstance(base, dict) and isinstance(over, dict):
        return merge(base, over, models, frozenset())
    return over


def expand(value: Any, other: Any, models: Models) -> Any:
    """A short form as its map, when it is to merge with a map: `2` as `{count: 2}`."""
    if isinstance(value, dict) or not isinstance(other, dict) or _is_nothing(value):
        return value
    short = short_field(models)
    return value if short is None else {short: value}


def _is_nothing(value: Any) -> bool:
    return value is None or value is False or value == "none" or value == []


def name_of(entry: Any) -> str | None:
    """The name of a list's entry, if it has one."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _merge_named(base: Sequence[Any], over: Sequence[Any], models: Models) -> list[Any]:
    result = [entry for entry in base if name_of(entry) is not None]
    places = {name_of(entry): index for index, entry in enumerate(result)}
    for entry in over:
        name = name_of(entry)
        if name is not None and name in places:
            result[places[name]] = merge(result[places[name]], entry, models, frozenset())
        else:
            result.append(entry)
    return result


class Layer(NamedTuple):
    """One of the values that were merged: where it is written, and what it is."""

    path: Path
    value: Any


def written_at(layers: Sequence[Layer], rest: Path, models: Models) -> Path:
    """Where the merged value at `rest` is written, or else its nearest ancestor. Uppermost layer first."""
    live = list(layers)
    for depth, step in enumerate(rest):
        named = depth == 1 and rest[0] in BY_NAME
        deeper = _entry(live, step, models, named) if isinstance(step, int) else _field(live, step, models)
        if not deeper:
            break
        live = deeper
        models = models if isinstance(step, int) else inner(models, step)
    return live[0].path


def _field(live: Sequence[Layer], step: str, models: Models) -> list[Layer]:
    """The layers that say something of one field; a plain value hides what is below it."""
    found = []
    for layer in live:
        if isinstance(layer.value, dict):
            if step in layer.value:
                found.append(Layer((*layer.path, step), layer.value[step]))
        elif _is_nothing(layer.value) or (short := short_field(models)) is None:
            break
        elif short == step:
            found.append(layer)
    return found


def _entry(live: Sequence[Layer], step: int, models: Models, by_name: bool) -> list[Layer]:
    """The layers that say something of one entry of a list."""
    lists: list[Layer] = []
    for layer in live:
        if not isinstance(layer.value, list):
            break
        lists.append(layer)
        if not by_name or not layer.value:
            break
    if not lists:
        return []
    merged: Sequence[Any] = lists[-1].value
    for layer in reversed(lists[:-1]):
        merged = _merge_named(merged, layer.value, models)
    if step >= len(merged):
        return []
    name = name_of(merged[step])
    if name is None or not by_name:
        nth = sum(name_of(entry) is None for entry in merged[:step]) if by_name else step
        own = [i for i, entry in enumerate(lists[0].value) if not by_name or name_of(entry) is None]
        return [Layer((*lists[0].path, own[nth]), lists[0].value[own[nth]])] if nth < len(own) else []
    return [
        Layer((*layer.path, index), entry)
        for layer in lists
        for index, entry in enumerate(layer.value)
        if name_of(entry) == name
    ]
