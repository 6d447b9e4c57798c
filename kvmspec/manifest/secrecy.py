"""Where secrets may stand: finds tokens that ended up elsewhere, and hides literal secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from kvmspec.manifest.merge import Models, all_inner
from kvmspec.manifest.secrets import has_token, is_token
from kvmspec.manifest.section import Path
from kvmspec.manifest.types import SecretMark, TokenMark

MISPLACED = "a secret may only be used in a field that is kept secret"


@cache
def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields of `model` that are typed Secret, alone or in a list, a map or a union."""
    return _marked_fields(model, SecretMark)


@cache
def token_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields of `model` in which a token may stand: Secret ones, and texts that may hold secrets."""
    return secret_fields(model) | _marked_fields(model, TokenMark)


def _marked_fields(model: type[BaseModel], mark: type) -> frozenset[str]:
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if any(isinstance(each, mark) for each in info.metadata) or _marked(info.annotation, mark)
    )


def _marked(annotation: Any, mark: type) -> bool:
    marks = getattr(annotation, "__metadata__", ())
    return any(isinstance(each, mark) for each in marks) or any(
        _marked(each, mark) for each in get_args(annotation)
    )


def secret_keys(models: Models) -> frozenset[str]:
    """The names of all Secret fields in `models` and the models inside them."""
    return _names(models, secret_fields)


def token_keys(models: Models) -> frozenset[str]:
    """The names of all fields, there and inside them, in which a token may stand."""
    return _names(models, token_fields)


def _names(models: Models, fields: Callable[[type[BaseModel]], frozenset[str]]) -> frozenset[str]:
    names, todo, seen = set[str](), list(models), set[type[BaseModel]]()
    while todo:
        model = todo.pop()
        if model not in seen:
            seen.add(model)
            names |= fields(model)
            todo += all_inner(model)
    return frozenset(names)


def token_paths(data: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all texts in plain `data` that hold a token."""
    if isinstance(data, str):
        if has_token(data):
            yield path
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from token_paths(value, (*path, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from token_paths(value, (*path, index))


def misplaced(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths in a validated model where a token stands in a field that may not hold one."""
    if isinstance(value, BaseModel):
        allowed = token_fields(type(value))
        for name in type(value).model_fields:
            if name not in allowed:
                yield from misplaced(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from misplaced(child, (*path, key))
    elif isinstance(value, list | tuple | set | frozenset):
        for index, child in enumerate(value):
            yield from misplaced(child, (*path, index))
    elif has_token(value):
        yield path


def conceal(data: Any, value: Any) -> Any:
    """`data` with the tokens that the validated `value` has in their places; `data` itself without any."""
    if isinstance(data, dict):
        pairs: Iterable[tuple[Any, Any]] = ((key, _field(value, key)) for key in data)
        new = {key: conceal(data[key], child) for key, child in pairs}
        return new if any(new[key] is not data[key] for key in data) else data
    if isinstance(data, list) and isinstance(value, list | tuple) and len(data) == len(value):
        entries = [conceal(*pair) for pair in zip(data, value, strict=True)]
        return entries if any(a is not b for a, b in zip(entries, data, strict=True)) else data
    if isinstance(value, BaseModel):  # written in its short form
        short = getattr(type(value), "short", None)
        return conceal(data, getattr(value, short)) if short else data
    return value if is_token(value) and not is_token(data) else data


def _field(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    if not isinstance(value, BaseModel):
        return None
    fields = type(value).model_fields
    name = key if key in fields else next((n for n, info in fields.items() if info.alias == key), "")
    return getattr(value, name, None)
