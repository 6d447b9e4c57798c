"""cloud-init's own JSON Schema of a `#cloud-config`, where its package is installed on this machine.

No package of PyPI's carries it; Debian's, Ubuntu's and Fedora's `cloud-init` do. It is only read: what
stands beside it is Python code of cloud-init's, which is not run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

_PLACES = ("/usr/lib/python3/dist-packages", "/usr/lib/python3*/site-packages")
_FILE = "cloudinit/config/schemas/schema-cloud-config-v1.json"
MOST = 10


@cache
def schema_file() -> Path | None:
    """The schema's file; None where there is none."""
    root = Path("/")
    found = [file for place in _PLACES for file in sorted(root.glob(f"{place[1:]}/{_FILE}"))]
    return found[-1] if found else None


def complaints(config: Mapping[str, Any]) -> list[str]:
    """What the schema says against the data, MOST at most; nothing where there is no schema."""
    validator = _validator()
    if validator is None:
        return []
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.absolute_path)))
    told = dict.fromkeys(_sentence(_innermost(error)) for error in errors)
    return list(told)[:MOST]


@cache
def _validator() -> Any:
    file = schema_file()
    if file is None:
        return None
    import jsonschema

    schema = json.loads(file.read_text())
    return jsonschema.validators.validator_for(schema, jsonschema.Draft4Validator)(schema)


def _innermost(error: Any) -> Any:
    """The error that says most, where several forms were possible."""
    from jsonschema.exceptions import best_match

    return best_match([error]) or error


def _sentence(error: Any) -> str:
    """An error without the value it is about, which may be secret."""
    place = _dotted(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        unknown = ", ".join(f"`{key}`" for key in sorted(error.instance.keys() - known.keys()))
        return f"cloud-init's schema has no {unknown} in {place}"
    wanted = f"{error.validator} {json.dumps(error.validator_value)}"
    short = wanted if len(wanted) <= 120 else error.validator
    return f"{place} does not fit cloud-init's schema: {short}"


def _dotted(path: Iterable[Any]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return f"`{text}`" if text else "the map"
