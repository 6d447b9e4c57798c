"""`kvmspec status`."""

from __future__ import annotations

from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.options import (
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
)
from kvmspec.core.errors import ExitCode


def status(
    paths: Paths = None,
    files: Files = None,
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
    """Show the VMs: wanted and actual state, addresses, pending restarts, drift."""
    as_json = is_json(output_format)
    request = make_request(paths, files, variables, var_files, connect=connect, hosts=hosts, targets=targets)
    console = Console.of_process()
    from kvmspec.pipeline import Session

    with Session(request) as session:
        rows = session.status()
    if as_json:
        from kvmspec.report.json import dumps, status_data

        console.out(dumps(status_data(rows)))
    else:
        from kvmspec.report.status import status_text

        console.out(status_text(rows, style=console.out_style))
    return worst((any(row.actual == "unknown" for row in rows), ExitCode.UNREACHABLE))
