"""Sets of CPUs, or of NUMA nodes, as libvirt writes them: `0-3,^2` is `0-1,3`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError

from kvmspec.manifest.types import words

_PART = re.compile(r"\^?\d{1,4}|\d{1,4}-\d{1,4}")


def parse_cpu_set(value: Any) -> str:
    """`0-3,^2` in libvirt's own words, so that equal sets are equal texts. Raises PydanticCustomError
    (`cpu_set`)."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    if not parts or not all(_PART.fullmatch(part) for part in parts):
        raise PydanticCustomError("cpu_set", 'expected numbers as "0-3,^2": 0 to 3 without 2')
    chosen: set[int] = set()
    for part in parts:
        chosen = chosen - _span(part[1:]) if part.startswith("^") else chosen | _span(part)
    if not chosen:
        raise PydanticCustomError("cpu_set", "there is no number in this set")
    return format_set(chosen)


def _span(part: str) -> set[int]:
    first, _, last = part.partition("-")
    if int(last or first) < int(first):
        raise PydanticCustomError("cpu_set", "a range goes from the smaller number to the larger one")
    return set(range(int(first), int(last or first) + 1))


def format_set(numbers: set[int]) -> str:
    """{0, 1, 3} → `0-1,3`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)


def numbers(cpu_set: str) -> set[int]:
    """`0-1,3` → {0, 1, 3}; of a CpuSet."""
    return set().union(*(_span(part) for part in cpu_set.split(",")))


class ByNumber:
    """The keys of a map by number, in the JSON Schema."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"propertyNames": {"pattern": r"^\d{1,4}$", "examples": ["0", "1"]}}


CpuSet = Annotated[
    str,
    BeforeValidator(parse_cpu_set),
    words(
        {"type": ["string", "integer"], "pattern": r"^[\d,^ -]+$", "examples": ["2-3"]},
        "numbers",
        'numbers of the host\'s CPUs or nodes, such as "0-3,^2"',
    ),
]
