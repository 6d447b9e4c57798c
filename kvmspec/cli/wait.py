"""`kvmspec wait`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Connect, Debug, Files, NoColor, VarFiles, Variables, Verbose, Vm, make_request
from kvmspec.core.errors import ExitCode, UsageError

Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="How long at the most, such as 90s or 5m; else the manifest's, else 5m.",
        show_default=False,
    ),
]


def wait(
    vm: Vm,
    timeout: Timeout = None,
    files: Files = None,
    connect: Connect = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Wait until a VM can be used: for what its `wait_for` states; without one for an address, and
    for the guest agent where the manifest says `guest_agent: true`."""
    seconds = _seconds(timeout)
    request = make_request(None, files, variables, var_files, connect=connect)
    console, begin = Console.of_process(), time.monotonic()
    from kvmspec.kinds.domain import readiness
    from kvmspec.kinds.domain.wait import action, default, words
    from kvmspec.pipeline import Session

    with Session(request) as session:
        reached = session.reach(vm)
        reached.must_run()
        spec = reached.spec.wait_for or default(reached.spec)
        waiting = action(reached.address, spec, seconds)
        readiness.wait(waiting, reached.host, _once(console))
    met = words(spec) or "it runs"
    console.out(f"{reached.address.short} is ready: {met} ({time.monotonic() - begin:.1f}s)\n")
    return ExitCode.OK


def _once(console: Console) -> Callable[[str], None]:
    """Tells each thing when it is new."""
    told = [""]

    def tell(text: str) -> None:
        if text != told[-1]:
            told.append(text)
            console.err(f"{text}\n")

    return tell


def _seconds(timeout: str | None) -> int | None:
    if timeout is None:
        return None
    from pydantic_core import PydanticCustomError

    from kvmspec.manifest.types import parse_duration

    try:
        return parse_duration(timeout)
    except PydanticCustomError as error:
        raise UsageError(f"--timeout {timeout!r}: {error.message()}") from error
