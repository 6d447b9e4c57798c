#!/usr/bin/env python3
"""Writes what is generated: schemas/, references in docs/, a part of README.md. `--check` only compares.

.venv/bin/python scripts/generate.py [--check]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import elements
import plan_json
import references
from kvmspec.pipeline import manifest_json_schema
from kvmspec.report.published import events_schema, plan_schema

TOP = Path(__file__).resolve().parents[1]
COMMANDS = (
    "init", "validate", "render", "plan", "apply", "show", "destroy", "status", "wait", "ssh", "console",
    "import", "fmt", "image", "image pull", "image list", "image prune", "graph", "explain", "schema",
    "completion",
)  # fmt: skip


def schema() -> str:
    """The manifest's JSON Schema."""
    return json.dumps(manifest_json_schema(), indent=2, ensure_ascii=False) + "\n"


def plan_schema_text() -> str:
    """The JSON Schema of plans."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def events_schema_text() -> str:
    """The JSON Schema of what apply tells, line by line."""
    return json.dumps(events_schema(), indent=2, ensure_ascii=False) + "\n"


def readme() -> str:
    """README.md with its generated part renewed."""
    text = (TOP / "README.md").read_text()
    before, _, rest = text.partition(_EXIT_CODES)
    _, _, after = rest.partition(_END)
    return "\n".join([before + _EXIT_CODES, *references.exit_codes(), _END + after])


_EXIT_CODES, _END = "<!-- generated: exit codes -->", "<!-- end -->"


def commands() -> str:
    """Every command's --help."""
    parts = ["# Commands\n\nGenerated from `--help` (`scripts/generate.py`).\n"]
    for command in ("", *COMMANDS):
        text = _help(command)
        parts.append(f"## kvmspec {command}".rstrip() + f"\n\n```\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def _help(command: str) -> str:
    arguments = [sys.executable, "-m", "kvmspec", *command.split(), "--help"]
    environment = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(arguments, cwd=TOP, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


GENERATED = {
    "schemas/manifest.schema.json": schema,
    "schemas/plan.schema.json": plan_schema_text,
    "schemas/events.schema.json": events_schema_text,
    "schemas/fields.json": references.fields_json,
    "docs/fields.md": references.fields_page,
    "docs/effects.md": references.effects_page,
    "docs/elements.md": elements.page,
    "docs/plan-json.md": plan_json.page,
    "docs/exit-codes.md": references.exit_codes_page,
    "docs/commands.md": commands,
    "README.md": readme,
}


def stale() -> list[str]:
    """The generated files that are not what the code says."""
    return [
        name
        for name, make in GENERATED.items()
        if not (TOP / name).is_file() or (TOP / name).read_text() != make()
    ]


def main() -> int:
    if "--check" in sys.argv:
        names = stale()
        for name in names:
            print(f"{name} is stale: run scripts/generate.py")
        return 1 if names else 0
    for name, make in GENERATED.items():
        (TOP / name).write_text(make())
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
