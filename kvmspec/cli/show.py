"""`kvmspec show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.formats import PLAN_FORMATS, choose, plan_as
from kvmspec.cli.options import Debug, NoColor, PlanFormat, Verbose
from kvmspec.core.errors import ExitCode, KvmspecError

PlanFile = Annotated[
    Path, typer.Argument(metavar="PLANFILE", help="What `plan --out` saved, or `plan --format json` printed.")
]
Summary = Annotated[bool, typer.Option("--summary", help="One line an object.")]


def show(
    file: PlanFile,
    summary: Summary = False,
    output_format: PlanFormat = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show a saved plan again, in any format. Asks no host and reads no manifest."""
    form = choose(output_format, PLAN_FORMATS)
    console = Console.of_process()
    from kvmspec.report.saved import read_shown

    try:
        plan = read_shown(file)
    except OSError as error:
        raise KvmspecError(f"cannot read {file}: {error.strerror}") from error
    console.out(plan_as(plan, form, console, lambda address, path: None, verbose=verbose, brief=summary))
    return ExitCode.OK
