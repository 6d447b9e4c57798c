"""A terminal that passes on every key, and is put back whatever happens."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def raw(stream: TextIO) -> Iterator[None]:
    """The terminal of `stream` in raw mode; nothing where it is none. A signal that would end the
    process raises SystemExit inside, so that the terminal is put back then, too."""
    if not stream.isatty():
        yield
        return
    import termios
    import tty

    fd = stream.fileno()
    before = {number: signal.signal(number, _leave) for number in _SIGNALS}
    modes = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSANOW)  # what was typed ahead is kept
        yield
    finally:
        with suppress(termios.error):  # a terminal that went
            termios.tcsetattr(fd, termios.TCSANOW, modes)
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
