"""Errors on stderr, each with its exit code: the one place where they end."""

from __future__ import annotations

import sys

from kvmspec.cli.console import Console
from kvmspec.core.errors import ExitCode, KvmspecError, ManifestError, Refused
from kvmspec.report.problems import error_text, problems_text


def report_failure(error: Exception, *, debug: bool) -> int:
    """Show an error in the user's terms; the exit code. The traceback is for `--debug`."""
    if debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    console = Console.of_process()
    match error:
        case ManifestError():
            console.err(problems_text(error.problems, style=console.err_style))
        case Refused():
            report_refusal(error, console)
        case KvmspecError():
            console.err(error_text(error.message, error.hint, style=console.err_style))
        case OSError():
            console.err(error_text(str(error), style=console.err_style))
            return ExitCode.FAILED
        case _:
            console.err(_internal(error, debug, console))
            return ExitCode.FAILED
    return error.exit_code


def report_usage(error: Exception, console: Console) -> int:
    """A command line that typer does not understand."""
    message = str(getattr(error, "format_message", lambda: error)())
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "kvmspec"
    console.err(error_text(message, f"see {command} --help", style=console.err_style))
    return ExitCode.USAGE


def report_refusal(refused: Refused, console: Console) -> None:
    """Every reason why nothing was done, and that nothing was done."""
    for problem in refused.problems:
        console.err(error_text(f"refused: {problem}", problem.hint, style=console.err_style))
    hint = f"  hint: {refused.hint}\n" if refused.hint else ""
    console.err(f"{hint}Nothing was done.\n")


def _internal(error: Exception, debug: bool, console: Console) -> str:
    hint = "please report it" if debug else "run with --debug for the traceback, and please report it"
    return error_text(f"internal error: {type(error).__name__}: {error}", hint, style=console.err_style)
