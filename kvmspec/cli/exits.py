"""Which exit code wins where several apply."""

from __future__ import annotations

from kvmspec.core.errors import ExitCode

_PRECEDENCE = (
    ExitCode.INTERRUPTED,
    ExitCode.UNREACHABLE,
    ExitCode.FAILED,
    ExitCode.REFUSED,
    ExitCode.INVALID,
    ExitCode.CHANGES,
    ExitCode.OK,
)


def worst(*conditions: tuple[object, ExitCode]) -> ExitCode:
    """The code that takes precedence among those whose condition is true; OK when none is."""
    true = {code for condition, code in conditions if condition}
    return next((code for code in _PRECEDENCE if code in true), ExitCode.OK)
