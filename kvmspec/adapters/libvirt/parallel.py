"""Several calls at once on one connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
