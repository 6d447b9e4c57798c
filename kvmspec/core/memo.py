"""Looked up often, found out once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_KEPT = 64  # hosts of one plan, at the most, that are gone through at the same time


def once(function: Callable[[T], R]) -> Callable[[T], R]:
    """Remember a function of one immutable object that cannot be hashed (a view, a manifest), for
    the few of them that there are."""
    kept: deque[tuple[T, R]] = deque(maxlen=_KEPT)

    @wraps(function)
    def remembered(argument: T) -> R:
        for known, result in kept:
            if known is argument:
                return result
        result = function(argument)
        kept.appendleft((argument, result))
        return result

    return remembered
