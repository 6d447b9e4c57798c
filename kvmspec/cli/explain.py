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

    docs = load()
    found = find(path, docs) if path is not None else None
    told = [found.doc] if found else [doc for doc in docs.values() if doc.built and "." not in doc.path]
    facts = [(doc, children(doc, docs), later(doc, docs)) for doc in told]
    if as_json:
        from kvmspec.report.explain import field_data
        from kvmspec.report.json import dumps

        data = [field_data(*fact) for fact in facts]
        console.out(dumps(data[0] if found else {"fields": data}))
        return ExitCode.OK
    from kvmspec.report.explain import field_text, root_text

    if found:
        console.out(field_text(*facts[0], name=found.name, style=console.out_style, columns=console.width))
    else:
        unbuilt = later(None, docs)
        console.out(root_text(told, unbuilt, style=console.out_style, columns=console.width))
    return ExitCode.OK
