#!/usr/bin/env python3
"""Writes what is generated: schemas/, docs/effects.md, docs/commands.md. `--check` only compares.

.venv/bin/python scripts/generate.py [--check]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import fields as domain
from kvmspec.kinds.network import fields as network
from kvmspec.pipeline import manifest_json_schema
from kvmspec.report.published import events_schema, plan_schema

TOP = Path(__file__).resolve().parents[1]
COMMANDS = (
    "init", "validate", "render", "plan", "apply", "show", "destroy", "status", "fmt", "schema", "completion",
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


def effects() -> str:
    """What changing each field costs a running guest or network, from the field tables."""
    lines = [
        "# What a change costs",
        "",
        "Generated from the field tables (`scripts/generate.py`). Of a stopped VM or network every change",
        "is free; `replace` stays `replace`. What is not here, or only libvirt knows, takes a restart.",
        "",
        "| field | while it runs | why |",
        "|---|---|---|",
    ]
    rows = [*_domain_rows(), *_network_rows()]
    lines += [f"| `{path}` | {impact} | {why} |" for path, impact, why in dict.fromkeys(rows)]
    lines += [
        "| `vms.*.disks.{key}.size` | live | grows through the running guest; never shrinks |",
        "| `vms.*.state` | restart | to `stopped`: the guest is asked to shut down |",
        "| `volumes.*.size` | live | grows, through the guest that runs on it; never shrinks |",
        "| `pools.*.path` | refused | the volumes would be left behind |",
    ]
    return "\n".join(lines) + "\n"


_CONDITIONAL = {
    domain.vcpus: (
        "live, or restart",
        "live up to the maximum it booted with; taking one away needs a restart",
    ),
    domain.memory: ("live, or restart", "live up to the maximum it booted with, by the memory balloon"),
    domain.machine: ("restart, or replace", "another family changes every PCI address"),
}


def _domain_rows() -> Iterator[tuple[str, str, str]]:
    for row in domain.FIELDS[:-1]:
        path = f"vms.*.{row.manifest}"
        if row.rule in _CONDITIONAL:
            yield path, *_CONDITIONAL[row.rule]
        else:
            impact, reason, _ = row.rule(None, None, domain.Guest())
            yield path, impact.label, reason


def _network_rows() -> Iterator[tuple[str, str, str]]:
    for name, row in network.FIELDS.items():
        if name != "other":
            path = f"networks.*.{row.path.replace('{}', '{key}')}"
            yield path, row.impact.label, row.reason if row.impact >= Impact.RESTART else ""


def commands() -> str:
    """Every command's --help."""
    parts = ["# Commands\n\nGenerated from `--help` (`scripts/generate.py`).\n"]
    for command in ("", *COMMANDS):
        text = _help(command)
        parts.append(f"## kvmspec {command}".rstrip() + f"\n\n```\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def _help(command: str) -> str:
    arguments = [sys.executable, "-m", "kvmspec", *([command] if command else []), "--help"]
    environment = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(arguments, cwd=TOP, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


GENERATED = {
    "schemas/manifest.schema.json": schema,
    "schemas/plan.schema.json": plan_schema_text,
    "schemas/events.schema.json": events_schema_text,
    "docs/effects.md": effects,
    "docs/commands.md": commands,
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
