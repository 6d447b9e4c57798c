"""`kvmspec import`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Connect, Debug, NoColor, Verbose
from kvmspec.core.errors import ExitCode, KvmspecError, UsageError

if TYPE_CHECKING:
    from kvmspec.engine.importing import Found

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME|FILE",
        help="VMs of the host, or network/NAME and pool/NAME; with --xml, files.",
        show_default=False,
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every VM of the host that no project owns.")]
Xml = Annotated[
    bool,
    typer.Option(
        "--xml",
        help="Read files with the output of `virsh dumpxml`, `net-dumpxml` or `pool-dumpxml`; asks no host.",
    ),
]
Project = Annotated[
    str,
    typer.Option(
        "--project", metavar="NAME", help="The project the manifest is of; imported when not given."
    ),
]
Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Write kvmspec.yaml and a file a VM into this folder; prints their names.",
        show_default=False,
    ),
]


def import_(
    names: Names = None,
    everything: Everything = False,
    xml: Xml = False,
    split: Split = None,
    project: Project = "imported",
    connect: Connect = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Print a manifest of VMs that exist. It adopts them by their `uuid`, and changes nothing.

    The networks, pools and volumes that they use come along. What no field of the manifest says stands
    under `xml:`. Passwords become secret variables. Comments tell what a person should look at.
    """
    if bool(names) == everything or (xml and (everything or connect)):
        raise UsageError("name VMs or --all, or files with --xml", hint="such as `kvmspec import --all`")
    console = Console.of_process()
    from kvmspec import pipeline

    if xml:
        found = pipeline.imported_files([Path(name) for name in names or ()], project)
    else:
        found = pipeline.imported(names or [], project, connect)
    if split is None:
        console.out(found.text)
    else:
        console.out("".join(f"{file}\n" for file in _write(split, found.files)))
    _tell(found, console)
    if found.problems:
        raise KvmspecError(
            "; ".join(problem.message for problem in found.problems), hint=found.problems[0].hint
        )
    return ExitCode.OK


def _write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write files; none where one of them is there already. Raises KvmspecError."""
    paths = {folder / name: text for name, text in files.items()}
    if there := [str(path) for path in paths if path.exists()]:
        raise KvmspecError(f"{', '.join(there)}: there already", hint="give --split a new folder")
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise KvmspecError(f"cannot write {error.filename}: {error.strerror}") from error
    return list(paths)


def _tell(found: Found, console: Console) -> None:
    """What is left for a person to do."""
    if found.variables:
        console.err("Passwords are in no manifest. Before `kvmspec plan`, set:\n")
        console.err("".join(f"  {variable['env']}\n" for variable in found.variables.values()))
