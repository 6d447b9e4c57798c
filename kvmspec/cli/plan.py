"""`kvmspec plan`."""

from __future__ import annotations

from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.options import (
    Allow,
    Connect,
    Debug,
    Files,
    Format,
    Hosts,
    NoColor,
    Paths,
    Targets,
    VarFiles,
    Variables,
    Verbose,
    is_json,
    make_request,
    permissions,
)
from kvmspec.core.errors import ExitCode

DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit 2 when there is something to do, 0 when not.")
]


def plan(
    paths: Paths = None,
    files: Files = None,
    detailed_exitcode: DetailedExitcode = False,
    allow: Allow = None,
    connect: Connect = None,
    hosts: Hosts = None,
    targets: Targets = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    output_format: Format = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show what apply would do, and what it costs running guests. Reads, never writes."""
    as_json = is_json(output_format)
    request = make_request(
        paths,
        files,
        variables,
        var_files,
        connect=connect,
        hosts=hosts,
        targets=targets,
        granted=permissions(allow),
    )
    console = Console.of_process()
    from kvmspec.pipeline import Session

    with Session(request) as session:
        plan = session.plan()
    if as_json:
        from kvmspec.report.json import dumps, plan_data

        console.out(dumps(plan_data(plan)))
    else:
        from kvmspec.report.text import plan_text

        console.out(plan_text(plan, style=console.out_style, width=console.width, verbose=verbose))
    return worst(
        (plan.unknown, ExitCode.UNREACHABLE),
        (plan.refusals, ExitCode.REFUSED),
        (detailed_exitcode and not plan.empty, ExitCode.CHANGES),
    )
