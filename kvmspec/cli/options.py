"""Options that several commands share, and the request they make up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.formats import TEXT_AND_JSON, choose
from kvmspec.core.errors import UsageError
from kvmspec.core.impact import Permission

if TYPE_CHECKING:
    from kvmspec.pipeline import Request

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Manifest files or directories; default: this directory.",
        show_default=False,
    ),
]
PathsOrPlan = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH|PLANFILE",
        help="Manifest files or directories, default: this directory; or a saved plan.",
        show_default=False,
    ),
]
Vm = Annotated[
    str,
    typer.Argument(
        metavar="VM", help="A VM of the manifest, such as web-1 or hv1/web-1.", show_default=False
    ),
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "-f", "--file", metavar="PATH", help="A manifest file or directory; repeatable.", show_default=False
    ),
]
Connect = Annotated[
    str | None,
    typer.Option(
        "--connect",
        metavar="URI",
        help="The libvirt host, when the manifest names none.",
        show_default=False,
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host", metavar="NAME|LABEL=VALUE", help="Only these hosts; repeatable.", show_default=False
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="KIND/NAME",
        help="Only these objects and what they need, such as vm/web-1; repeatable.",
        show_default=False,
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Set a variable; repeatable.", show_default=False),
]
VarFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--var-file", metavar="FILE", help="Read variables from a YAML file; repeatable.", show_default=False
    ),
]
Replace = Annotated[
    list[str] | None,
    typer.Option(
        "--replace",
        metavar="vm/NAME/DISK",
        help="Make this disk anew from its image, its data lost; repeatable.",
        show_default=False,
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch no image; take what the cache has.")]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="PERMISSIONS",
        help="Allow restart, delete, replace, data-loss (comma-separated).",
        show_default=False,
    ),
]
NoRestart = Annotated[
    bool,
    typer.Option(
        "--no-restart",
        help="Restart no VM: what needs that is defined, and takes effect at its next start.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Parallelism = Annotated[
    int,
    typer.Option("--parallelism", min=1, max=64, metavar="N", help="Actions at a time on each host."),
]
LockTimeout = Annotated[
    str,
    typer.Option(
        "--lock-timeout",
        metavar="DURATION",
        help="How long to wait for another apply on a host, such as 30s or 5m; 0s: not at all.",
    ),
]
Format = Annotated[str, typer.Option("--format", metavar="text|json", help="How to print the result.")]
PlanFormat = Annotated[
    str,
    typer.Option("--format", metavar="text|json|markdown|html|github", help="How to print the plan."),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour, not even on a terminal.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

_DISK = re.compile(r"vm/[^/\s]+/[^/\s]+")
_TARGET = re.compile(r"(vm|network|pool|volume|image)/\S+")


def make_request(
    paths: list[Path] | None,
    files: list[Path] | None,
    variables: list[str] | None,
    var_files: list[Path] | None,
    *,
    connect: str | None = None,
    hosts: list[str] | None = None,
    targets: list[str] | None = None,
    granted: Iterable[Permission] = (),
    destroy: bool = False,
    replaced: list[str] | None = None,
    offline: bool = False,
    no_restart: bool = False,
) -> Request:
    """What the options ask for. Raises UsageError."""
    from kvmspec.pipeline import Request

    return Request(
        paths=(*(paths or ()), *(files or ())) or (Path(),),
        variables=assignments(variables or ()),
        var_files=tuple(var_files or ()),
        connect=connect,
        hosts=tuple(hosts or ()),
        targets=_targets(targets or ()),
        granted=frozenset(granted),
        destroy=destroy,
        replaced=_disks(replaced or ()),
        offline=offline,
        no_restart=no_restart,
    )


def permissions(words: Iterable[str] | None) -> frozenset[Permission]:
    """`--allow restart,delete`, repeatable. Raises UsageError."""
    names = [name.strip() for word in words or () for name in word.split(",") if name.strip()]
    known = {permission.value: permission for permission in Permission}
    for name in names:
        if name not in known:
            raise UsageError(f"--allow does not know {name!r}", hint=f"it takes {', '.join(known)}")
    return frozenset(known[name] for name in names)


def seconds(word: str, option: str) -> int:
    """A duration of the manifest's, such as 30s or 5m. Raises UsageError."""
    from kvmspec.manifest.types import parse_duration

    try:
        return parse_duration(word)
    except ValueError as error:
        raise UsageError(f"{option} {word!r}: {error}") from error


def is_json(value: str) -> bool:
    """Whether `--format` asks for JSON. Raises UsageError for what is not offered."""
    return choose(value, TEXT_AND_JSON) == "json"


def assignments(words: Iterable[str]) -> dict[str, str]:
    """`--var NAME=VALUE`, repeatable. Raises UsageError."""
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {word!r} is not of the form NAME=VALUE")
        pairs[name] = value
    return pairs


def _disks(words: Iterable[str]) -> tuple[str, ...]:
    for word in words:
        if not _DISK.fullmatch(word):
            raise UsageError(
                f"--replace {word!r} names no disk", hint="write vm/NAME/DISK, such as vm/web-1/root"
            )
    return tuple(words)


def _targets(words: Iterable[str]) -> tuple[str, ...]:
    for word in words:
        if not _TARGET.fullmatch(word):
            raise UsageError(
                f"--target {word!r} names no object",
                hint="write kind/name, such as vm/web-1, network/front, pool/vms or volume/vms/data.qcow2",
            )
    return tuple(words)
