"""The published JSON Schemas (draft 2020-12) of what kvmspec prints, made of report/shape.py."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from kvmspec.report import shape

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def plan_schema() -> dict[str, Any]:
    """Of `plan --format json` and of saved plans."""
    return _published(TypeAdapter(shape.PlanData), "A kvmspec plan")


def events_schema() -> dict[str, Any]:
    """Of each line of `apply --format json` and `destroy --format json`."""
    return _published(TypeAdapter(shape.EventData), "One line of what kvmspec apply tells")


def _published(adapter: TypeAdapter[Any], title: str) -> dict[str, Any]:
    return {"$schema": DRAFT, **_without_titles(adapter.json_schema()), "title": title}


def _without_titles(schema: Any) -> Any:
    """Without the titles that only repeat the keys."""
    match schema:
        case dict():
            return {
                key: _without_titles(value)
                for key, value in schema.items()
                if not (key == "title" and isinstance(value, str))
            }
        case list():
            return [_without_titles(item) for item in schema]
        case _:
            return schema
