"""The entry: which commands there are, and what an error becomes.

Only the command that is called is imported, so that `--help` stays fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import takewhile
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from kvmspec import __version__
from kvmspec.cli import memory
from kvmspec.core.errors import ExitCode

COMMANDS = {
    "init": "Write a first manifest, and a CI workflow on request.",
    "validate": "Check the manifest, offline; every problem at once.",
    "render": "Show the libvirt XML that would be used, offline.",
    "plan": "Show what apply would do. Reads, never writes.",
    "apply": "Plan, ask, act, and look again; or carry out a saved plan.",
    "show": "Show a saved plan, in any format; asks no host.",
    "destroy": "Remove what the project owns; volumes stay.",
    "status": "Show the VMs: wanted and actual state, addresses.",
    "wait": "Wait until a VM can be used: an address, its agent, ssh, a port.",
    "ssh": "Open a shell in a VM, or run a command there.",
    "console": "Open the serial console of a VM.",
    "import": "Print a manifest of VMs that exist.",
    "fmt": "Put manifests into canonical order and layout; comments stay.",
    "image": "The images of the manifest: pull, list, prune their cache.",
    "graph": "Draw hosts, networks, VMs and volumes, as Mermaid or DOT.",
    "explain": "Explain a field: meaning, type, default, effect of a change, example.",
    "schema": "Print the JSON Schema of the manifest, or of a plan.",
    "completion": "Print the completion script of a shell.",
}
"""Each is a function of that name in the module of that name, or of MODULES; or it is a group."""

MODULES = {"console": "attach", "import": "importing"}
"""Where a command's module cannot have its name."""

FUNCTIONS = {"import": "import_"}
"""Where a command's function cannot have its name."""

GROUPS = {
    "image": {
        "pull": "Fetch images into the cache, and verify them.",
        "list": "List the images of the cache, or of the manifest.",
        "prune": "Remove from the cache what the manifest does not use.",
    },
}
"""The commands of each group: `pull` of `image` is the function `image_pull` in the module `image`."""

_HELP = "Keep the VMs, networks and storage of libvirt hosts as YAML in git describes them."
_ANYWHERE = ("--debug", "--no-color", "-v", "--verbose")
"""Options of every command that may stand before its name, too."""

_UsageError: type[Exception] = typer.BadParameter.__mro__[2]
"""The base of typer's own errors; in click or in typer, depending on typer's version."""


def main() -> NoReturn:
    """Run kvmspec with the process's arguments, and exit."""
    memory.hold()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them takes 30 ms
    code = run(sys.argv[1:])
    memory.leave()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code (cli.md lists them)."""
    if "--no-color" in arguments:
        os.environ["NO_COLOR"] = "1"
    try:
        code = _dispatch(list(arguments))
        return code if isinstance(code, int) else ExitCode.OK
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last line of defence: no traceback reaches a user
        return _failed(error, arguments)


def _dispatch(arguments: list[str]) -> object:
    """Call the command that is named first; without one, answer for kvmspec as a whole.

    A command is built alone: going through a group would import pydantic for each `--help`.
    """
    leading = list(takewhile(_ANYWHERE.__contains__, arguments))
    name, *rest = arguments[len(leading) :] or [""]
    if rest and rest[0] in GROUPS.get(name, ()):
        name = f"{name} {rest.pop(0)}"
    elif name in GROUPS:
        return _call(command(name), rest, f"kvmspec {name}")
    if name.partition(" ")[0] in COMMANDS:
        return _call(command(name), [*leading, *rest], f"kvmspec {name}")
    return _call(_group(_HELP, _root, COMMANDS), arguments, "kvmspec")


def command(name: str) -> Any:
    """One of COMMANDS, or `image pull`, alone, as typer builds it."""
    if name in GROUPS:
        return _group(COMMANDS[name], _of_group, GROUPS[name])
    app = _typer(_HELP)
    app.command(name)(_load(name))
    return get_command(app)


def names() -> list[str]:
    """Every command, those of groups in full after their group."""
    return [full for name in COMMANDS for full in (name, *(f"{name} {sub}" for sub in GROUPS.get(name, ())))]


def summary(name: str) -> str:
    """What one of `names` does, in a line."""
    group, _, sub = name.partition(" ")
    return GROUPS[group][sub] if sub else COMMANDS[group]


def _group(about: str, callback: Callable[..., None], commands: Mapping[str, str]) -> Any:
    """A list of commands, which are not called through it."""
    app = _typer(about)
    app.callback(invoke_without_command=True)(callback)
    for name, text in commands.items():
        app.command(name, short_help=text)(_stand_in)
    return get_command(app)


def _typer(summary: str) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help=summary,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _call(command: Any, arguments: list[str], name: str) -> object:
    return command.main(arguments, prog_name=name, standalone_mode=False)


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"kvmspec {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def _of_group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def _load(name: str) -> Callable[..., int]:
    first = name.partition(" ")[0]
    module = import_module(f"kvmspec.cli.{MODULES.get(first, first)}")
    function: Callable[..., int] = getattr(module, FUNCTIONS.get(name, name.replace(" ", "_")))
    return function


def _stand_in() -> None:
    """A command in the list of commands; the real one is never called through the group."""


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    from kvmspec.cli.console import Console
    from kvmspec.cli.failures import report_failure, report_usage

    if isinstance(error, _UsageError):
        return report_usage(error, Console.of_process())
    return report_failure(error, debug="--debug" in arguments)
