"""Garbage collection: the largest factor in the time a plan takes (design.md, Speed)."""

from __future__ import annotations

import gc

_USUAL = gc.get_threshold()


def hold() -> None:
    """Collect rarely: from the start of the process to the end of the plan."""
    gc.set_threshold(1_000_000, 50, 50)


def release() -> None:
    """Collect as usual again: an apply may run for hours."""
    gc.set_threshold(*_USUAL)


def leave() -> None:
    """Exit without a last collection: it looks at every object and takes longer than all imports."""
    gc.freeze()
