"""SIGINT and SIGTERM while acting: the action under way is finished, no other is started."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_FIRST = b"\nInterrupted: finishing the actions under way, starting no other ...\n"
_AGAIN = b"\nStill finishing the actions under way; stopping halfway would be worse ...\n"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts(*, quietly: bool = False) -> Iterator[threading.Event]:
    """An event that the first signal sets; later signals only get an answer, or `quietly` none.

    A signal must not raise while libvirt works: its binding calls Python on errors, and a KeyboardInterrupt
    that is raised in there ends as a SystemError of the call.
    """
    interrupted = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if not quietly:
            os.write(2, _AGAIN if interrupted.is_set() else _FIRST)  # safe inside a handler, print is not
        interrupted.set()

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
