"""Several calls at once on one connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

R = TypeVar("R")

_THREADS = 4  # libvirtd serves that many calls of one connection at once; more gains nothing


def in_parallel(read: Callable[[Any], R], handles: Sequence[Any]) -> list[R]:
    """`read` of each handle, in their order. A share a thread: a task each would cost as much as
    the call it makes."""
    threads = min(_THREADS, len(handles) // 4)
    if threads < 2:
        return [read(handle) for handle in handles]
    with ThreadPoolExecutor(threads) as pool:
        shares = [handles[number::threads] for number in range(threads)]
        done = list(pool.map(lambda share: [read(handle) for handle in share], shares))
    return [done[number % threads][number // threads] for number in range(len(handles))]


def while_time_lasts(read: Callable[[str], R], names: Sequence[str], seconds: float) -> dict[str, R]:
    """`read` of each name, by name: of as many as answer within `seconds` in all. `read` must not raise.

    A call into libvirt cannot be cancelled, so one that hangs is left to its (daemon) thread.
    """
    todo: SimpleQueue[str] = SimpleQueue()
    done: SimpleQueue[tuple[str, R]] = SimpleQueue()
    for name in names:
        todo.put(name)
    end = time.monotonic() + seconds

    def work() -> None:
        with suppress(Empty):
            while time.monotonic() < end:
                name = todo.get_nowait()
                done.put((name, read(name)))

    for _ in range(min(_THREADS, len(names))):
        Thread(target=work, daemon=True).start()
    found: dict[str, R] = {}
    with suppress(Empty):
        while len(found) < len(names):
            name, result = done.get(timeout=max(end - time.monotonic(), 0))
            found[name] = result
    return found
