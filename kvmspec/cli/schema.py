"""`kvmspec schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Debug, NoColor, Verbose
from kvmspec.core.errors import ExitCode, KvmspecError

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write to FILE instead of stdout.", show_default=False),
]


def schema(out: Out = None, no_color: NoColor = False, verbose: Verbose = False, debug: Debug = False) -> int:
    """Print the JSON Schema of the manifest, for editors and checks."""
    from kvmspec.pipeline import manifest_json_schema
    from kvmspec.report.json import dumps

    text = dumps(manifest_json_schema())
    if out is None:
        Console.of_process().out(text)
        return ExitCode.OK
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise KvmspecError(f"cannot write {out}: {error.strerror}") from error
    return ExitCode.OK
