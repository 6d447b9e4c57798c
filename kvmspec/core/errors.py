"""Errors that reach the user, each with the exit code of the command-line contract."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Self

from kvmspec.core.problem import Problem


class ExitCode(IntEnum):
    """What a command ends with, and in `meaning` what that says. Where several apply, the first of
    130, 5, 1, 4, 3 and 2 wins (cli/exits.py)."""

    meaning: str

    OK = 0, "done; with `--detailed-exitcode`, there is nothing to change"
    FAILED = 1, "an error while acting, or while talking to libvirt"
    CHANGES = 2, "`plan --detailed-exitcode`, `fmt --check`: there are changes; nothing else ends with 2"
    INVALID = 3, "the manifest is invalid, or refers to something that is nowhere"
    REFUSED = 4, "refused, and nothing was done on any host: something is not allowed, or not ours"
    UNREACHABLE = 5, "a host could not be reached; the others were served"
    USAGE = 64, "wrong usage of the command line"
    INTERRUPTED = 130, "interrupted; the action under way was finished"

    def __new__(cls, value: int, meaning: str) -> Self:
        """One code with its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code


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


class ImageError(KvmspecError):
    """An image cannot be had, or is none that a disk can be made from. Nothing of it was kept."""


class NotCached(ImageError):
    """An image is not in the cache, and nothing may be fetched (`--offline`)."""
