"""`kvmspec graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.options import (
    Connect,
    Debug,
    Files,
    Hosts,
    NoColor,
    Paths,
    Targets,
    VarFiles,
    Variables,
    Verbose,
    make_request,
)
from kvmspec.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from kvmspec.core.plan import Plan
    from kvmspec.core.topology import Topology
    from kvmspec.pipeline import Request

_FORMATS = ("mermaid", "dot")

GraphFormat = Annotated[str, typer.Option("--format", metavar="mermaid|dot", help="What to print.")]
WithPlan = Annotated[bool, typer.Option("--plan", help="Ask the hosts, and mark what apply would change.")]
Fold = Annotated[
    int,
    typer.Option(
        "--fold",
        min=0,
        metavar="N",
        help="Draw more than N VMs of one `count` as one, where alike; 0: never.",
    ),
]


def graph(
    paths: Paths = None,
    files: Files = None,
    output_format: GraphFormat = "mermaid",
    plan: WithPlan = False,
    fold: Fold = 12,
    connect: Connect = None,
    hosts: Hosts = None,
    targets: Targets = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Draw the hosts, networks, VMs, volumes and pools, and what refers to what; offline, unless --plan.

    Mermaid is what GitHub and GitLab draw in Markdown. For a file: kvmspec graph --format dot | dot -Tsvg
    """
    if output_format not in _FORMATS:
        raise UsageError(f"--format {output_format} is unknown", hint="use mermaid or dot")
    request = make_request(paths, files, variables, var_files, connect=connect, hosts=hosts, targets=targets)
    console = Console.of_process()
    topology = _topology(request, plan)
    from kvmspec.report.graph.source import source

    text, notes = source(topology, output_format, fold)
    console.out(text)
    console.err("".join(f"note: {note}\n" for note in notes))
    if topology.plan is None:
        return ExitCode.OK
    return _planned(topology.plan, console)


def _planned(plan: Plan, console: Console) -> ExitCode:
    """Why the picture shows no more of the plan, and the exit code that `plan` has."""
    from kvmspec.report.problems import error_text

    for host in plan.unknown:
        console.err(error_text(f"{host.name}: {host.unknown}", host.hint, style=console.err_style))
    for problem in plan.refusals:
        console.err(error_text(f"refused: {problem}", problem.hint, style=console.err_style))
    return worst((plan.unknown, ExitCode.UNREACHABLE), (plan.refusals, ExitCode.REFUSED))


def _topology(request: Request, with_plan: bool) -> Topology:
    from kvmspec import pipeline

    if not with_plan:
        return pipeline.topology(request)
    with pipeline.Session(request) as session:
        return session.topology()
