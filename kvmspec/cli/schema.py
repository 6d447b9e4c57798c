"""`kvmspec schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Debug, NoColor, Verbose
from kvmspec.core.errors import ExitCode, KvmspecError, UsageError

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write to FILE instead of stdout.", show_default=False),
]


PlanSchema = Annotated[
    bool, typer.Option("--plan", help="Of `plan --format json` and of saved plans instead.")
]
EventsSchema = Annotated[
    bool, typer.Option("--events", help="Of each line of `apply --format json` instead.")
]


def schema(
    plan: PlanSchema = False,
    events: EventsSchema = False,
    out: Out = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Print the JSON Schema of the manifest, for editors and checks."""
    if plan and events:
        raise UsageError("--plan and --events are two schemas: ask for one")
    from kvmspec.report.json import dumps

    text = dumps(_schema(plan, events))
    if out is None:
        Console.of_process().out(text)
        return ExitCode.OK
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise KvmspecError(f"cannot write {out}: {error.strerror}") from error
    return ExitCode.OK


def _schema(plan: bool, events: bool) -> dict[str, Any]:
    if plan or events:
        from kvmspec.report.published import events_schema, plan_schema

        return plan_schema() if plan else events_schema()
    from kvmspec.pipeline import manifest_json_schema

    return manifest_json_schema()
