"""`kvmspec explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Debug, Format, NoColor, Verbose, is_json
from kvmspec.core.errors import ExitCode

Path = Annotated[
    str | None,
    typer.Argument(
        metavar="FIELD.PATH",
        help="Such as vms, vms.memory.size or vms.web.disks.root.cache; default: the root.",
        show_default=False,
    ),
]


def explain(
    path: Path = None,
    output_format: Format = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Explain a field of the manifest: its meaning, type and default, what changing it costs a running
    guest, and an example."""
    as_json = is_json(output_format)
    console = Console.of_process()
    from kvmspec.manifest.find import children, find, later, load
    from kvmspec.report.explain import field_data, field_text, root_text
    from kvmspec.report.json import dumps

    docs = load()
    if path is None:
        roots = [doc for doc in docs.values() if "." not in doc.path and doc.built]
        if as_json:
            console.out(dumps({"fields": [field_data(d, children(d, docs), later(d, docs)) for d in roots]}))
        else:
            console.out(root_text(roots, later(None, docs), style=console.out_style, columns=console.width))
        return ExitCode.OK
    found = find(path, docs)
    inside, unbuilt = children(found.doc, docs), later(found.doc, docs)
    if as_json:
        console.out(dumps(field_data(found.doc, inside, unbuilt)))
    else:
        console.out(
            field_text(
                found.doc, inside, unbuilt, name=found.name, style=console.out_style, columns=console.width
            )
        )
    return ExitCode.OK
