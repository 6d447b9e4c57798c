"""Texts of libvirt's that are to stand in a manifest."""

from __future__ import annotations

from typing import Any, NamedTuple


class Named(NamedTuple):
    """An object as a manifest has it."""

    name: str
    entry: dict[str, Any]


def literal(value: Any) -> Any:
    """Data in which every dollar is doubled, since it means itself and no variable."""
    if isinstance(value, dict):
        return {key: literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [literal(inner) for inner in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
