"""What is wrong, where, why, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a manifest. Line and column count from 1; `source` is that line's text."""

    file: str
    line: int
    column: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a user has to put right (or, as a warning, should know).

    path is the manifest path (`vms.web.memory`), hint what to do.
    """

    message: str
    where: Where | None = None
    path: str = ""
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        path = f"{self.path}: " if self.path else ""
        return f"{place}{path}{self.message}"
