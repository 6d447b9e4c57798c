"""A draft made to fit its models: what they refuse is taken out, as little of it as possible."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from pydantic import ValidationError

from kvmspec.manifest.model import Model

Data = dict[str, Any]
Place = tuple[Any, ...]
M = TypeVar("M", bound=Model)
_NEVER = frozenset({"uuid", "state", "preset"})
_KINDS = {"VmSpec": "no VM", "NetworkSpec": "no network", "PoolSpec": "no pool"}


def accepted(draft: Data, model: type[M]) -> tuple[Data, M]:
    """The draft without what the model refuses, and the model of it. Raises ValueError where nothing is left
    that makes one."""
    while True:
        try:
            return draft, model.model_validate(draft)
        except ValidationError as error:
            before = draft
            for problem in error.errors(include_url=False, include_context=False, include_input=False):
                draft = _without_refused(draft, _place(draft, problem["loc"]), model)
            if draft == before:
                what = _KINDS.get(model.__name__, "nothing")
                raise ValueError(f"{what} can be made of it: {_words(error)}") from None


def _words(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(": ".join(filter(None, (".".join(map(str, p["loc"])), p["msg"]))) for p in problems)


def _place(draft: Data, loc: Place) -> Place:
    """Where in the draft a problem is: pydantic's own words for alternatives are no part of a place."""
    place: list[Any] = []
    inner: Any = draft
    for step in loc:
        if (isinstance(inner, dict) and step in inner) or (isinstance(inner, list) and isinstance(step, int)):
            if isinstance(inner, list) and step >= len(inner):
                break
            inner = inner[step]
            place.append(step)
    return tuple(place)


def _without_refused(draft: Data, place: Place, model: type[Model]) -> Data:
    """Without what stands at a place; of a map whose parts do not go together, without as few as do."""
    value = at(draft, place)
    if isinstance(value, dict) and len(value) > 1:
        for name in reversed(list(value)):
            trial = without(draft, (*place, name))
            if name not in _NEVER and not _refuses(trial, place, model):
                return trial
        if place:
            for name in value:  # more than one of them is too much: with the one that can stand alone
                trial = deepcopy(draft)
                holder = at(trial, place[:-1])
                holder[place[-1]] = {name: value[name]}
                if not _refuses(trial, place, model):
                    return trial
    return without(draft, place) if place else draft


def _refuses(draft: Data, place: Place, model: type[Model]) -> bool:
    try:
        model.model_validate(draft)
    except ValidationError as error:
        places = [_place(draft, problem["loc"]) for problem in error.errors(include_url=False)]
        return any(found[: len(place)] == place for found in places)
    return False


def at(draft: Any, place: Place) -> Any:
    """What stands there; None where there is nothing."""
    for step in place:
        try:
            draft = draft[step]
        except (KeyError, IndexError, TypeError):
            return None
    return draft


def without(draft: Data, place: Place) -> Data:
    """A copy without what stands there, and without what is empty then."""
    copy = deepcopy(draft)
    holders: list[Any] = [copy]
    for step in place[:-1]:
        holders.append(holders[-1][step])
    del holders[-1][place[-1]]
    for holder, step in zip(reversed(holders[:-1]), reversed(place[:-1]), strict=True):
        if holder[step] in ({}, []):
            del holder[step]
    return copy
