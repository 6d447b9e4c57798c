"""`kvmspec image pull`, `image list` and `image prune`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.options import (
    Connect,
    Debug,
    Files,
    Format,
    Hosts,
    NoColor,
    Paths,
    VarFiles,
    Variables,
    Verbose,
    Yes,
    is_json,
    make_request,
)
from kvmspec.core.errors import ExitCode, ImageError, KvmspecError, Refused, UsageError
from kvmspec.core.problem import Problem

if TYPE_CHECKING:
    from kvmspec.images.facts import Entry
    from kvmspec.images.library import Library
    from kvmspec.images.source import ImageSource
    from kvmspec.pipeline import Request

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH|NAME",
        help="A manifest file or directory, default: this directory; after it names of images, default: all.",
        show_default=False,
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; fail where something is missing.")]
Bases = Annotated[bool, typer.Option("--bases", help="On the hosts: bases that nothing rests on.")]
All = Annotated[bool, typer.Option("--all", help="Everything, whatever the manifest uses.")]


def image_pull(
    words: Words = None,
    files: Files = None,
    offline: Offline = False,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Fetch images into the cache, as their sources have them now, and verify them.

    A download that is interrupted is resumed the next time.
    """
    paths, names = _split(words or [], files)
    chosen = _chosen(_sources(paths, files, variables, var_files), names)
    console = Console.of_process()
    library = _library(offline=offline)
    failed = [source for source in chosen if not _pulled(library, source, console)]
    return ExitCode.FAILED if failed else ExitCode.OK


def image_list(
    paths: Paths = None,
    files: Files = None,
    output_format: Format = "text",
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """List the images of the cache; with a PATH, those of the manifest, in the cache or not."""
    as_json = is_json(output_format)
    entries = _library().entries()
    if paths or files:
        entries = _of_manifest(_sources(paths, files, variables, var_files), entries)
    console = Console.of_process()
    from kvmspec.report.images import images_data, images_text

    if as_json:
        from kvmspec.report.json import dumps

        console.out(dumps(images_data(entries)))
    else:
        console.out(images_text(entries, style=console.out_style))
    return ExitCode.OK


def image_prune(
    paths: Paths = None,
    files: Files = None,
    everything: All = False,
    bases: Bases = False,
    yes: Yes = False,
    connect: Connect = None,
    hosts: Hosts = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Remove from the cache what no image of the manifest uses; what is on hosts stays.

    The cache is the user's: other manifests fetch again what is removed here. With --bases it is the
    other way round: on the manifest's hosts, the bases that no volume, VM or snapshot rests on go.
    """
    if bases:
        request = make_request(paths, files, variables, var_files, connect=connect, hosts=hosts, offline=True)
        return _prune_bases(request, everything=everything, yes=yes)
    library = _library()
    keep = []
    if not everything:
        keep = [library.identity(source) for source in _sources(paths, files, variables, var_files)]
    from kvmspec.report.images import freed_text

    try:
        gone = library.prune([identity for identity in keep if identity])
    except OSError as error:
        raise KvmspecError(f"cannot remove {error.filename}: {error.strerror}") from error
    Console.of_process().out(freed_text(gone))
    return ExitCode.OK


def _prune_bases(request: Request, *, everything: bool, yes: bool) -> int:
    from threading import Event

    from kvmspec.pipeline import Session
    from kvmspec.report.images import bases_text, pruned_text

    console = Console.of_process()
    with Session(request) as session:
        found = session.bases(everything=everything)
        console.out(bases_text(found))
        unread = (any(not item.pool for item in found.unread), ExitCode.UNREACHABLE)
        if not found.going:
            return worst(unread)
        if not yes and not console.asks:
            why = "--yes was not given, and standard input is not a terminal"
            raise Refused([Problem(why)], hint="to go on: --yes")
        if not yes and console.answer("Delete them? Only `yes` does: ") != "yes":
            raise Refused([Problem("the answer was not `yes`")])
        results = session.prune(found.going, everything=everything, interrupted=Event())
    console.out(pruned_text(results))
    return worst(unread, (any(result.problem for result in results), ExitCode.FAILED))


def _library(*, offline: bool = False) -> Library:
    from kvmspec import resources
    from kvmspec.images.library import Library

    return Library(resources.cache_folder("images"), offline=offline, environ=os.environ)


def _sources(
    paths: list[Path] | None,
    files: list[Path] | None,
    variables: list[str] | None,
    var_files: list[Path] | None,
) -> list[ImageSource]:
    """The images of the manifest. Raises ManifestError."""
    request = make_request(paths, files, variables, var_files)
    from kvmspec import pipeline
    from kvmspec.kinds.image.source import source_of

    manifest = pipeline.load(request)
    return [source_of(item, manifest) for item in manifest.of("image")]


def _split(words: Sequence[str], files: list[Path] | None) -> tuple[list[Path], list[str]]:
    """The first word is a PATH where there is such a file or folder, and none is given by -f."""
    if words and not files and Path(words[0]).exists():
        return [Path(words[0])], list(words[1:])
    return [], list(words)


def _chosen(sources: Sequence[ImageSource], names: Sequence[str]) -> list[ImageSource]:
    """The images of these names, all of them without one. Raises UsageError."""
    known = {source.name: source for source in sources}
    for name in names:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"the manifest has no image {name!r}, and there is no such file", hint=has)
    return [known[name] for name in dict.fromkeys(names)] or list(sources)


def _pulled(library: Library, source: ImageSource, console: Console) -> bool:
    """Whether an image is there now; if not, why is told."""
    from kvmspec.report.problems import error_text
    from kvmspec.report.values import about, clean

    try:
        image = library.pull(source, _telling(console))
    except ImageError as error:
        console.err(_clear(console) + error_text(error.message, error.hint, style=console.err_style))
        return False
    console.err(_clear(console))
    sees = f", {about(image.capacity)} for a guest" if image.capacity != image.size else ""
    console.out(
        f"{clean(source.name)}: {image.format}, {about(image.size)}{sees}  {clean(str(image.path))}\n"
    )
    return True


def _telling(console: Console) -> Callable[[str], None]:
    """What takes a line of progress: on a terminal the last one stays in sight, else only results are
    told."""
    from kvmspec.report.values import cut, prose

    def tell(text: str) -> None:
        if console.live and text.endswith("…"):
            console.err(_clear(console) + console.err_style("dim", cut(prose(text), console.width - 1)))

    return tell


def _clear(console: Console) -> str:
    return "\r\x1b[K" if console.live else ""


def _of_manifest(sources: Sequence[ImageSource], entries: Sequence[Entry]) -> list[Entry]:
    """A row for each image of the manifest: from the cache, a file of this machine, or absent."""
    from kvmspec.images.facts import Entry

    library, known = _library(), {entry.identity: entry for entry in entries}
    rows = []
    for source in sources:
        identity = library.identity(source) or ""
        absent = Entry(identity, source.name, source.shown, "absent", "", 0, 0, "", 0.0)
        local = source.file
        if local is not None and local.is_file() and identity not in known:
            absent = absent._replace(state="local", size=local.stat().st_size)
        rows.append(known.get(identity, absent)._replace(name=source.name, source=source.shown))
    return rows
