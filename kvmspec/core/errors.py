"""Errors that reach the user, each with the exit code of the command-line contract."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from kvmspec.core.problem import Problem


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    CHANGES = 2
    INVALID = 3
    REFUSED = 4
    UNREACHABLE = 5
    USAGE = 64
    INTERRUPTED = 130


class KvmspecError(Exception):
    """Base of all errors meant for the user: a message, an optional hint, an exit code."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ManifestError(KvmspecError):
    """The manifest is invalid, or refers to something that is nowhere. Carries every problem found."""

    exit_code = ExitCode.INVALID

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the manifest")
        self.problems = tuple(problems)


class Refused(KvmspecError):
    """Nothing was done, on any host, because something is not allowed."""

    exit_code = ExitCode.REFUSED

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__("; ".join(problem.message for problem in problems), hint=hint)
        self.problems = tuple(problems)


class UsageError(KvmspecError):
    """The command line makes no sense."""

    exit_code = ExitCode.USAGE


class HostUnreachable(KvmspecError):
    """A host could not be connected to. `message` says why, `hint` what to do."""

    exit_code = ExitCode.UNREACHABLE


class LibvirtFailure(KvmspecError):
    """libvirt refused or failed an operation; the message carries its own words.

    code is virErrorNumber (see libvirt's virterror.h).
    """

    def __init__(self, message: str, *, code: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Absent(LibvirtFailure):
    """libvirt says for certain that the object does not exist (VIR_ERR_NO_DOMAIN and its kin)."""
