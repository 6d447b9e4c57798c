"""`kvmspec plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.formats import PLAN_FORMATS, TEXT_AND_JSON, choose, drift_as, plan_as
from kvmspec.cli.options import (
    Allow,
    Connect,
    Debug,
    Files,
    Hosts,
    NoColor,
    NoRestart,
    Offline,
    Paths,
    PlanFormat,
    Replace,
    Targets,
    VarFiles,
    Variables,
    Verbose,
    make_request,
    permissions,
)
from kvmspec.core.errors import ExitCode, KvmspecError, UsageError
from kvmspec.core.plan import Plan

if TYPE_CHECKING:
    from kvmspec.pipeline import Session

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Save the plan, for `kvmspec apply FILE`.", show_default=False
    ),
]
DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit 2 when there is something to do, 0 when not.")
]
Summary = Annotated[bool, typer.Option("--summary", help="One line an object.")]
RefreshOnly = Annotated[bool, typer.Option("--refresh-only", help="Only what was changed outside kvmspec.")]


def plan(
    paths: Paths = None,
    files: Files = None,
    out: Out = None,
    detailed_exitcode: DetailedExitcode = False,
    summary: Summary = False,
    refresh_only: RefreshOnly = False,
    allow: Allow = None,
    connect: Connect = None,
    hosts: Hosts = None,
    targets: Targets = None,
    replace_disks: Replace = None,
    no_restart: NoRestart = False,
    offline: Offline = False,
    variables: Variables = None,
    var_files: VarFiles = None,
    output_format: PlanFormat = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show what apply would do, and what it costs running guests. Reads, never writes."""
    form = choose(output_format, TEXT_AND_JSON if refresh_only else PLAN_FORMATS)
    if refresh_only and (out or summary):
        raise UsageError("--refresh-only shows drift, which is no plan: it takes no --out and no --summary")
    request = make_request(
        paths,
        files,
        variables,
        var_files,
        connect=connect,
        hosts=hosts,
        targets=targets,
        replaced=replace_disks,
        offline=offline,
        no_restart=no_restart,
        granted=permissions(allow),
    )
    console = Console.of_process()
    from kvmspec.pipeline import Session

    with Session(request) as session:
        plan = session.plan()
        if refresh_only:
            return _drift(plan, session, form, console, detailed_exitcode)
        console.out(plan_as(plan, form, console, session.locate, verbose=verbose, brief=summary))
        if out is not None:
            _save(plan, session, out, console)
    return worst(
        (plan.unknown, ExitCode.UNREACHABLE),
        (plan.refusals, ExitCode.REFUSED),
        (detailed_exitcode and not plan.empty, ExitCode.CHANGES),
    )


def _drift(plan: Plan, session: Session, form: str, console: Console, detailed_exitcode: bool) -> int:
    """Show what was changed outside kvmspec, and nothing else; the exit code."""
    console.out(drift_as(plan, form, console, session))
    drifted = any(item.drift for item in plan.differences)
    return worst((plan.unknown, ExitCode.UNREACHABLE), (detailed_exitcode and drifted, ExitCode.CHANGES))


def _save(plan: Plan, session: Session, out: Path, console: Console) -> None:
    from kvmspec.cli.files import write_private
    from kvmspec.report.saved import is_saved, saved_text

    if plan.refusals:
        console.err(f"Not saved to {out}: what is refused cannot be applied.\n")
        return
    if out.is_file() and out.stat().st_size and not is_saved(out):
        raise KvmspecError(
            f"cannot save to {out}: it is there and is no saved plan", hint="name another file"
        )
    if out.suffix in (".yaml", ".yml"):
        raise UsageError(f"--out {out} would be read as a manifest", hint="name it plan.kvmplan.json, say")
    basis = session.basis(plan)
    write_private(out, saved_text(plan, basis))
    again = "".join(f" --var {name}=…" for name in session.request.variables if name not in basis.variables)
    console.err(f"Saved to {out}; carry out just this with: kvmspec apply {out}{again}\n")
