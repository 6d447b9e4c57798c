"""`kvmspec validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmspec.cli.console import Console
from kvmspec.cli.options import (
    Connect,
    Debug,
    Files,
    Format,
    NoColor,
    Paths,
    VarFiles,
    Variables,
    Verbose,
    is_json,
    make_request,
)
from kvmspec.core.errors import ExitCode, ManifestError

if TYPE_CHECKING:
    from kvmspec.manifest.section import Manifest

_PLURALS = {"vm": ("VM", "VMs")}


def validate(
    paths: Paths = None,
    files: Files = None,
    connect: Connect = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    output_format: Format = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Check the manifest, offline. Every problem is shown at once, with its place and what to do."""
    as_json = is_json(output_format)
    request = make_request(paths, files, variables, var_files, connect=connect)
    console = Console.of_process()
    from kvmspec import pipeline
    from kvmspec.report.json import dumps, problems_data
    from kvmspec.report.problems import problems_text

    try:
        manifest = pipeline.load(request)
    except ManifestError as error:
        if not as_json:
            raise
        console.out(dumps({"valid": False, "problems": problems_data(error.problems)}))
        return ExitCode.INVALID
    if as_json:
        console.out(dumps({"valid": True, "problems": problems_data(manifest.warnings)}))
    else:
        console.err(problems_text(manifest.warnings, style=console.err_style))
        console.out(_success(manifest))
    return ExitCode.OK


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
