"""`kvmspec validate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.formats import choose
from kvmspec.cli.options import (
    Connect,
    Debug,
    Files,
    NoColor,
    Paths,
    VarFiles,
    Variables,
    Verbose,
    make_request,
)
from kvmspec.core.errors import ExitCode, ManifestError
from kvmspec.core.problem import Problem

if TYPE_CHECKING:
    from kvmspec.manifest.section import Manifest

ValidateFormat = Annotated[
    str, typer.Option("--format", metavar="text|json|github", help="How to print what was found.")
]
_PLURALS = {"vm": ("VM", "VMs")}


def validate(
    paths: Paths = None,
    files: Files = None,
    connect: Connect = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    output_format: ValidateFormat = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Check the manifest, offline. Every problem is shown at once, with its place and what to do."""
    form = choose(output_format, ("text", "json", "github"))
    request = make_request(paths, files, variables, var_files, connect=connect)
    console = Console.of_process()
    from kvmspec import pipeline
    from kvmspec.report.problems import problems_text

    try:
        manifest = pipeline.load(request)
    except ManifestError as error:
        if form == "text":
            raise
        console.out(_machine(error.problems, form, valid=False))
        return ExitCode.INVALID
    warnings = (*manifest.warnings, *pipeline.advice(manifest))
    if form != "text":
        console.out(_machine(warnings, form, valid=True))
    else:
        console.err(problems_text(warnings, style=console.err_style))
        console.out(_success(manifest))
    return ExitCode.OK


def _machine(problems: Sequence[Problem], form: str, *, valid: bool) -> str:
    if form == "github":
        from kvmspec.report.github import problem_annotations

        return problem_annotations(problems)
    from kvmspec.report.json import dumps, problems_data

    return dumps({"valid": valid, "problems": problems_data(problems)})


def _success(manifest: Manifest) -> str:
    """`OK: 3 objects (1 network, 2 VMs)`."""
    kinds: dict[str, int] = {}
    for item in manifest.items:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    parts = [
        f"{number} {_PLURALS.get(kind, (kind, f'{kind}s'))[number != 1]}" for kind, number in kinds.items()
    ]
    total = len(manifest.items)
    listing = f" ({', '.join(parts)})" if parts else ""
    return f"OK: {total} object{'s' if total != 1 else ''}{listing}\n"
