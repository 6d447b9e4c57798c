"""pydantic's errors in the manifest's words: one for each mistake, at the path the user wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pydantic_core import ErrorDetails

from kvmspec.manifest.section import Path

_MAP, _LIST, _TEXT = "expected a map", "expected a list", "expected text; put it in quotes"
_INT, _NUMBER, _BOOL = "expected a whole number", "expected a number", "expected true or false"
SENTENCES = {
    "missing": "`{name}` is required",
    "extra_forbidden": "unknown key `{name}`",
    "model_type": _MAP, "dict_type": _MAP, "mapping_type": _MAP,
    "list_type": _LIST, "tuple_type": _LIST, "set_type": _LIST, "frozen_set_type": _LIST,
    "string_type": _TEXT,
    "int_type": _INT, "int_parsing": _INT, "int_from_float": _INT,
    "int_parsing_size": "this number is too large",
    "float_type": _NUMBER, "float_parsing": _NUMBER, "finite_number": _NUMBER,
    "bool_type": _BOOL, "bool_parsing": _BOOL,
    "greater_than": "must be above {gt}", "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}", "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "expected {expected}", "enum": "expected {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must look like {pattern}",
    "too_short": "needs at least {min_length} entries", "too_long": "may have at most {max_length} entries",
    "union_tag_invalid": "{discriminator} must be one of {expected_tags}",
    "union_tag_not_found": "{discriminator} is required",
    "none_required": "must not have a value",
    "value_error": "{error}", "assertion_error": "{error}",
}  # fmt: skip
"""pydantic's error type → sentence; a type that is not here speaks for itself (the custom ones)."""

SHAPES = frozenset(
    {
        "model_type",
        "dict_type",
        "mapping_type",
        "list_type",
        "tuple_type",
        "set_type",
        "string_type",
        "none_required",
        "bool_type",
        "bool_parsing",
        "int_type",
        "int_parsing",
        "int_from_float",
        "float_type",
        "float_parsing",
        "is_instance_of",
    }
)
"""Errors that say that the value is of another sort altogether."""

ABSENCES = frozenset({"missing", "required", "union_tag_not_found"})
"""Errors that a profile may have, for the VM may say what is missing. `required` is for kinds' own."""


class Mistake(NamedTuple):
    """One error at a path below the object. `name`: the missing or unknown key, at the path's end."""

    path: Path
    kind: str
    message: str
    name: str = ""
    input: Any = None
    options: tuple[str, ...] = ()


class _Raw(NamedTuple):
    rest: Path
    error: ErrorDetails


def mistakes(errors: Iterable[ErrorDetails], data: Any) -> list[Mistake]:
    """pydantic's `errors` about `data`, with one answer for each union."""
    return _collapse([_Raw(error["loc"], error) for error in errors], data, ())


def _collapse(errors: Sequence[_Raw], data: Any, path: Path) -> list[Mistake]:
    """Follow the errors' steps: those that are in the data, and those that are pydantic's own labels."""
    found: list[Mistake] = []
    steps: dict[str | int, list[_Raw]] = {}
    labels: dict[str | int, list[_Raw]] = {}
    for raw in errors:
        if not raw.rest or (len(raw.rest) == 1 and raw.error["type"] == "missing"):
            found.append(_mistake(raw, path))
        else:
            group = steps if _has(data, raw.rest[0]) else labels
            group.setdefault(raw.rest[0], []).append(_Raw(raw.rest[1:], raw.error))
    for step, group_errors in steps.items():
        found += _collapse(group_errors, data[step if isinstance(data, list) else str(step)], (*path, step))
    branches = [_collapse(group, data, path) for group in labels.values()]
    return found + (_choose(branches, path) if branches else [])


def _has(data: Any, step: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def _choose(branches: list[list[Mistake]], path: Path) -> list[Mistake]:
    """The union's member that was most likely meant, or all that were possible in one sentence."""
    fitting = [branch for branch in branches if not any(m.path == path and m.kind in SHAPES for m in branch)]
    if len(branches) == 1:
        return branches[0]
    if len(fitting) == 1 and not all(
        m.path == path and m.message.startswith("expected ") for m in fitting[0]
    ):
        return fitting[0]
    fitting = fitting if len(fitting) > 1 else []
    here = [m for branch in (fitting or branches) for m in branch if m.path == path]
    if (fitting and len(here) < sum(map(len, fitting))) or any(m.name for m in here):
        return min(fitting or branches, key=_misfit)
    custom = [m for m in here if m.kind not in SENTENCES]
    if custom and not all(m.message.startswith("expected ") for m in here):
        return custom[:1]
    words = dict.fromkeys(m.message.removeprefix("expected ").partition(";")[0] for m in here)
    options = tuple(option for m in here for option in m.options)
    if any(not m.message.startswith("expected ") for m in here):
        return here[:1]
    return [here[0]._replace(message="expected " + " or ".join(words), options=options)]


def _misfit(branch: list[Mistake]) -> tuple[int, int, int]:
    """How little the data fit a member: unknown keys weigh most, then missing ones."""
    kinds = [mistake.kind for mistake in branch]
    return kinds.count("extra_forbidden"), kinds.count("missing"), len(kinds)


def _mistake(raw: _Raw, path: Path) -> Mistake:
    error = raw.error
    kind = error["type"]
    name = str(raw.rest[0]) if raw.rest else str(path[-1]) if kind == "extra_forbidden" and path else ""
    values = {**error.get("ctx", {}), "name": name}
    if kind == "not_built" and isinstance(error.get("input"), dict):  # a key; else it is about a value
        name = str(values.get("field", ""))
    values["expected"] = str(values.get("expected", "")).replace("'", "`")
    values["expected_tags"] = str(values.get("expected_tags", "")).replace("'", "`")
    values["discriminator"] = str(values.get("discriminator", "")).replace("'", "`")
    sentence = SENTENCES.get(kind)
    message = sentence.format_map(values) if sentence else error["msg"]
    return Mistake(path, kind, message, name, error.get("input"), _options(error))


def _options(error: ErrorDetails) -> tuple[str, ...]:
    """What a literal could have been, for a hint."""
    words = str(error.get("ctx", {}).get("expected", "") or error.get("ctx", {}).get("expected_tags", ""))
    return tuple(part for part in words.split("'")[1::2])


Filter = Callable[[Mistake], bool]


def absent_in_part(mistake: Mistake) -> bool:
    """Whether a profile or defaults may have this mistake, being only a part of an object."""
    if mistake.kind in ABSENCES:
        return True
    whole = isinstance(mistake.input, dict) and mistake.kind != "not_built"
    return whole and (mistake.kind not in SENTENCES or mistake.kind in ("value_error", "assertion_error"))
