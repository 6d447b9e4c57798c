"""`kvmspec completion`."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Debug, NoColor, Verbose
from kvmspec.cli.shells import SCRIPTS, Command, Option, Value
from kvmspec.core.errors import ExitCode, UsageError
from kvmspec.core.impact import Permission

Shell = Annotated[
    str, typer.Argument(metavar="bash|zsh|fish", help="The shell to complete in.", show_default=False)
]

_CHOICES = re.compile(r"[a-z-]+(\|[a-z-]+)+")
_VALUES = {
    "PATH": Value("files"),
    "PATH|NAME": Value("files"),
    "FILE": Value("files"),
    "DIR": Value("folders"),
    "PERMISSIONS": Value("list", tuple(permission.value for permission in Permission)),
}
"""What completes a value, by what --help calls it."""


def completion(
    shell: Shell, no_color: NoColor = False, verbose: Verbose = False, debug: Debug = False
) -> int:
    """Print the completion script of a shell.

    \b
    bash: kvmspec completion bash > ~/.local/share/bash-completion/completions/kvmspec
    zsh:  kvmspec completion zsh > ~/.zfunc/_kvmspec     (a folder of $fpath)
    fish: kvmspec completion fish > ~/.config/fish/completions/kvmspec.fish
    """
    if shell not in SCRIPTS:
        raise UsageError(f"there is no completion for {shell!r}", hint=f"known: {', '.join(SCRIPTS)}")
    from kvmspec.cli.main import command, names, summary

    commands = [_command(name, summary(name), command(name)) for name in names()]
    Console.of_process().out(SCRIPTS[shell](commands))
    return ExitCode.OK


def _command(name: str, summary: str, built: Any) -> Command:
    """A command as typer has built it."""
    options = [_option(param) for param in built.params if param.opts[0].startswith("-")]
    options.append(Option(("-h", "--help"), "Show this message and exit"))
    if inner := getattr(built, "commands", None):
        return Command(name, summary.rstrip("."), tuple(options), Value("words", tuple(inner)))
    arguments = [_value(param.metavar) for param in built.params if not param.opts[0].startswith("-")]
    return Command(name, summary.rstrip("."), tuple(options), arguments[0] if arguments else None)


def _option(param: Any) -> Option:
    value = None if getattr(param, "is_flag", False) else _value(param.metavar)
    return Option(
        tuple(param.opts), (param.help or "").rstrip("."), value, bool(getattr(param, "multiple", False))
    )


def _value(metavar: str | None) -> Value:
    if metavar and _CHOICES.fullmatch(metavar):
        return Value("words", tuple(metavar.split("|")))
    return _VALUES.get(metavar or "", Value("any"))
