"""`kvmspec init`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Debug, NoColor, Verbose
from kvmspec.core.errors import ExitCode, KvmspecError, UsageError

Directory = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="Where to; made if it is not there.", show_default="this directory"),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project", metavar="NAME", help="The project; default: the folder's name.", show_default=False
    ),
]
Ci = Annotated[
    str | None,
    typer.Option(
        "--ci",
        metavar="github|gitlab",
        help="Also a workflow: plan on a pull request, apply that plan on merge.",
        show_default=False,
    ),
]
CiOnly = Annotated[
    bool, typer.Option("--ci-only", help="Only the workflow, for a manifest that is there already.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there already.")]


def init(
    directory: Directory = Path(),
    project: Project = None,
    ci: Ci = None,
    ci_only: CiOnly = False,
    force: Force = False,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Write a first manifest with comments, its JSON Schema for editors, and a .gitignore.

    With --ci also the workflow that plans on a pull request and applies that very plan on merge.
    """
    from kvmspec import starter

    if ci is not None and ci not in starter.WORKFLOWS:
        raise UsageError(f"--ci does not know {ci!r}", hint=f"it takes {', '.join(starter.WORKFLOWS)}")
    if ci_only and ci is None:
        raise UsageError("--ci-only goes with --ci")
    console = Console.of_process()
    name = None if ci_only else _checked(project) or starter.project_name(directory)
    try:
        written = starter.starter(directory, name, ci).write(force=force)
    except OSError as error:
        raise KvmspecError(f"cannot write {error.filename or directory}: {error.strerror}") from error
    console.out("".join(f"{file}\n" for file in written))
    console.err(_next(directory, written, ci))
    return ExitCode.OK


def _checked(project: str | None) -> str | None:
    """The name, if it is one that a manifest may have and YAML reads as text. Raises UsageError."""
    from pydantic_core import PydanticCustomError

    from kvmspec.manifest.scalars import resolve
    from kvmspec.manifest.types import parse_name

    if project is None:
        return None
    try:
        parse_name(project)
    except PydanticCustomError as error:
        raise UsageError(f"--project {project!r}: {error.message()}") from None
    if not isinstance(resolve(project), str):
        raise UsageError(f"--project {project!r} reads as a number or a word of YAML", hint="add a letter")
    return project


def _next(directory: Path, written: list[Path], ci: str | None) -> str:
    where = "" if directory == Path() else f" {quote(str(directory))}"
    lines = ["", "Read kvmspec.yaml, then:"]
    lines += [f"  kvmspec {command}{where}" for command in ("validate", "plan", "apply")]
    if ci:
        workflow = next(file for file in written if file.suffix == ".yml")
        lines += ["", f"The head of {workflow} says what to set up before the first review."]
    if others := _others(directory, written):
        lines += ["", f"kvmspec reads a folder as a whole, and there is also {others}."]
        lines += ["Keep manifests in a folder of their own, or name the file: kvmspec plan kvmspec.yaml"]
    return "\n".join(lines) + "\n"


def _others(directory: Path, written: list[Path]) -> Path | None:
    """Another YAML file that would be read as part of the manifest."""
    from kvmspec.manifest.problems import Problems
    from kvmspec.manifest.sources import find_files

    return next(
        (
            file
            for file in find_files([directory], Problems())
            if file not in written and file.name != "kvmspec.yaml"
        ),
        None,
    )
