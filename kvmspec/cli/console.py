"""Standard output and standard error: data to one, the rest to the other."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TextIO

from kvmspec.report.style import Style

_ASCII = str.maketrans({"→": "->", "…": "...", "×": "x"})
_WIDTH, _NARROWEST, _WIDEST = 100, 60, 140


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command prints to, and how: colour only on a terminal and without NO_COLOR."""

    out_style: Style
    err_style: Style
    width: int
    asks: bool
    live: bool
    lost: list[str] | None = None

    @classmethod
    def of_process(cls) -> Console:
        """The console of this process. `asks`: someone can answer; `live`: someone watches stderr."""
        return cls(
            out_style=Style(_coloured(sys.stdout)),
            err_style=Style(_coloured(sys.stderr)),
            width=_columns(),
            asks=_is_terminal(sys.stdin),
            live=_is_terminal(sys.stderr),
        )

    def out(self, text: str) -> None:
        """Write data to stdout."""
        _write(sys.stdout, text, self.lost)

    def err(self, text: str) -> None:
        """Write anything else to stderr."""
        _write(sys.stderr, text, self.lost)

    def while_acting(self) -> Console:
        """The same, where a stream that takes no more (a full disk) is noted in `lost` and given up:
        stopping halfway would be worse."""
        return replace(self, lost=[])

    def answer(self, question: str) -> str:
        """Ask on stderr; the answer without surrounding blanks, empty at the end of the input."""
        self.err(question)
        return sys.stdin.readline().strip()


def _write(stream: TextIO | None, text: str, lost: list[str] | None) -> None:
    """Write and flush. A reader that went away (`| head`) is no reason to stop what is being done.
    Any other OSError is noted in `lost`, where there is one, and raised where not."""
    if stream is None:
        return
    try:
        stream.write(_encodable(text, stream.encoding or "utf-8"))
        stream.flush()
    except OSError as error:
        if lost is None and not isinstance(error, BrokenPipeError):
            raise
        if lost is not None and not isinstance(error, BrokenPipeError):
            lost.append(f"{stream.name}: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _encodable(text: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _coloured(stream: TextIO | None) -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and _is_terminal(stream)


def _columns() -> int:
    if not _is_terminal(sys.stdout):
        return _WIDTH
    return min(max(shutil.get_terminal_size((_WIDTH, 24)).columns, _NARROWEST), _WIDEST)
