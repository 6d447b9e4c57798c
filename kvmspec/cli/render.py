"""`kvmspec render`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from kvmspec.cli.console import Console
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
from kvmspec.core.errors import ExitCode, KvmspecError, UsageError
from kvmspec.core.status import Rendered

Expanded = Annotated[bool, typer.Option("--expanded", help="The manifest after all merging, as YAML.")]
Directory = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Write DIR/KIND/NAME.xml.", show_default=False),
]


def render(
    paths: Paths = None,
    files: Files = None,
    expanded: Expanded = False,
    directory: Directory = None,
    connect: Connect = None,
    hosts: Hosts = None,
    targets: Targets = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show the libvirt XML that would be used, offline. Secrets stay hidden."""
    if expanded and directory:
        raise UsageError("--expanded prints to stdout and takes no -o")
    request = make_request(paths, files, variables, var_files, connect=connect, hosts=hosts, targets=targets)
    console = Console.of_process()
    from kvmspec import pipeline

    if expanded:
        import yaml

        data = pipeline.expanded(request)
        console.out(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=False))
        return ExitCode.OK
    from kvmspec.manifest.secrets import masked

    documents = [replace(item, xml=masked(item.xml)) for item in pipeline.render(request)]
    if directory:
        _write(documents, directory, console)
    else:
        console.out("\n".join(f"<!-- {_comment(item)} -->\n{item.xml.rstrip()}\n" for item in documents))
    return ExitCode.OK


def _comment(item: Rendered) -> str:
    """A comment must not contain two hyphens in a row."""
    return f"{item.kind}/{item.name}".replace("--", "-\\-")


def _write(documents: Sequence[Rendered], directory: Path, console: Console) -> None:
    for item in documents:
        file = directory / item.kind / f"{item.name}.xml"
        if not file.resolve().is_relative_to(directory.resolve()):
            raise KvmspecError(f"{item.kind}/{item.name} would be written outside {directory}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(item.xml.rstrip() + "\n", encoding="utf-8")
        except OSError as error:
            raise KvmspecError(f"cannot write {file}: {error.strerror}") from error
    console.err(f"{len(documents)} files written to {directory}\n")
