"""What the fields of an object have to do with each other, told all at once and each at its place."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc = tuple[str | int, ...]
Broken = tuple[Loc, str, str]
"""(path below the object, kind of error: `rule`, or `required` for what is not there, message)"""


def enforce(what: str, broken: Iterable[Broken]) -> None:
    """Raise pydantic's ValidationError of all broken rules, if there are any."""
    if found := [_details(*each) for each in broken]:
        raise ValidationError.from_exception_data(what, found)


def _details(loc: Loc, kind: str, message: str) -> InitErrorDetails:
    # an empty map as input says that other fields have a part in it (see translate.absent_in_part)
    error = PydanticCustomError("rule", "{text}", {"text": message})
    if kind == "required":
        error = PydanticCustomError("required", "{text}", {"text": message})
    return InitErrorDetails(type=error, loc=loc, input={})
