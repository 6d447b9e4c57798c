"""How far a transfer is, how fast it goes and how long it still takes, a few times a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_EVERY = 0.25
_WINDOW = 5.0
"""Seconds between two reports, and over how many the rate is taken."""


class Progress:
    """Counts bytes and reports them: `debian-12: 132MiB of 350MiB, 41MiB/s, 5 s left …`."""

    def __init__(
        self, name: str, report: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._report, self._clock = name, report, clock
        self.done, self.total = 0, 0
        self._told = clock()
        self._seen: deque[tuple[float, int]] = deque()

    def begin(self, done: int, total: int | None) -> None:
        """So many bytes are there already, of so many; None where that is not known."""
        self.done, self.total = done, total or 0
        self._seen = deque([(self._clock(), done)])

    def advance(self, count: int) -> None:
        """So many bytes more."""
        self.done += count
        now = self._clock()
        if now - self._told >= _EVERY:
            self._told = now
            self._report(self._line(now))

    def _line(self, now: float) -> str:
        while len(self._seen) > 1 and self._seen[1][0] < now - _WINDOW:
            self._seen.popleft()
        since, before = self._seen[0]
        self._seen.append((now, self.done))
        rate = (self.done - before) / (now - since) if now > since else 0
        whole = f" of {amount(self.total)}" if self.total else ""
        left = f", {duration((self.total - self.done) / rate)} left" if self.total and rate else ""
        return f"{self._name}: {amount(self.done)}{whole}, {amount(rate)}/s{left} …"


def amount(size: float) -> str:
    """Bytes in a few digits: `132MiB`, `1.4GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f}{unit}" if unit != "GiB" or size >= 10 else f"{size:.1f}GiB"
        size /= 1024
    return f"{size:.1f}TiB"


def duration(seconds: float) -> str:
    """Seconds in a few digits: `5 s`, `3 min`, `2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
