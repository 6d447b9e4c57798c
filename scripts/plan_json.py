"""docs/plan-json.md: the JSON of plans and events, from their published schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kvmspec.report.published import events_schema, plan_schema

HEAD = """\
# The JSON of plans

Generated from the schemas (`scripts/generate.py`).

`kvmspec plan --format json` prints a plan; `plan --out FILE` saves the same with `saved` and `digest`, for
`kvmspec apply FILE`. `apply --format json` and `destroy --format json` print an event a line. The schemas are
[plan.schema.json](../schemas/plan.schema.json) and [events.schema.json](../schemas/events.schema.json), which
`kvmspec schema --plan` and `--events` print, too.

Within one `format_version` keys are only added, never renamed or removed. Where the meaning is the same the
names are those of Terraform's plan JSON (`resource_changes`, `change.actions`, `change.before`,
`change.after`, `before_sensitive`, `resource_drift`), so that policies carry over. A secret is `(secret)`
everywhere.

Which guests would be restarted, and why:

```jq
.resource_changes[] | select(.restart != "") | "\\(.address): \\(.restart)"
```

What would cost data:

```jq
[.resource_changes[] | select(.impact == "data-loss") | .address]
```

A policy for conftest: nothing that loses data, and no restart that was not allowed when this was planned.

```rego
package main

deny contains msg if {
  some change in input.resource_changes
  change.impact == "data-loss"
  msg := sprintf("%s would lose data", [change.address])
}

deny contains msg if {
  "restart" in input.required_permissions
  not "restart" in input.granted_permissions
  msg := "restarts were not allowed when this was planned"
}
```
"""


_ANCHORS = {"plan": "a-plan"}
"""Of what has a heading of its own."""


def page() -> str:
    """The whole page."""
    plan, events = plan_schema(), events_schema()
    shapes = events["$defs"] | plan["$defs"]
    lines = [HEAD, "## A plan", "", *_table(plan)]
    for name in _used(plan, shapes):
        lines += _section(name, shapes[name])
    lines += ["", "## Events of apply and destroy"]
    for name in ("PlannedEvent", "StepEvent", "SummaryEvent", "OutcomeData"):
        lines += _section(name, shapes[name])
    return "\n".join(lines) + "\n"


def _section(name: str, shape: dict[str, Any]) -> list[str]:
    return ["", f"### {_title(name)}", "", shape["description"], "", *_table(shape)]


def _used(schema: Any, shapes: dict[str, Any], seen: dict[str, None] | None = None) -> list[str]:
    """The shapes that a schema refers to, in the order in which it does."""
    seen = {} if seen is None else seen
    for reference in _references(schema):
        if reference not in seen:
            seen[reference] = None
            _used(shapes[reference], shapes, seen)
    return list(seen)


def _references(schema: Any) -> Iterator[str]:
    match schema:
        case {"$ref": str(target)}:
            yield target.rpartition("/")[2]
        case dict():
            for key, value in schema.items():
                if key != "$defs":
                    yield from _references(value)
        case list():
            for item in schema:
                yield from _references(item)


def _table(schema: dict[str, Any]) -> Iterator[str]:
    yield "| key | type | |"
    yield "|---|---|---|"
    required = set(schema.get("required", ()))
    for key, value in schema["properties"].items():
        optional = "" if key in required else "Only in saved plans. "
        yield f"| `{key}` | {_type(value)} | {optional}{_cell(value.get('description', ''))} |"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": str(target)}:
            name = _title(target.rpartition("/")[2])
            return f"[{name}](#{_ANCHORS.get(name, name.replace(' ', '-'))})"
        case {"enum": list(values)}:
            return ", ".join(f"`{value}`" for value in values)
        case {"const": value}:
            return f"`{value}`"
        case {"anyOf": list(options)}:
            return " or ".join(map(_type, options))
        case {"type": "array", "items": dict(items)}:
            return f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": dict(items)}:
            return f"map of {_type(items)}"
        case {"type": "object"}:
            return "map"
        case {"type": str(name)}:
            return {"null": "null", "integer": "integer", "number": "number", "boolean": "boolean"}.get(
                name, "text"
            )
        case _:
            return "anything"


def _title(name: str) -> str:
    """`ResourceData` → `resource`, `StepEvent` → `step event`."""
    words = name.removesuffix("Data")
    return words.replace("Event", " event").lower()
