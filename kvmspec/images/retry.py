"""Trying again, where a failure may pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kvmspec.core.errors import ImageError
from kvmspec.images.source import shown


class Patience(NamedTuple):
    """How often in a row something is tried without getting a byte further, and the seconds between
    two attempts: from `first`, doubling up to `longest`."""

    attempts: int = 5
    first: float = 1.0
    longest: float = 20.0


class Transient(Exception):
    """A failure that may pass. `after` is how many seconds the server asks to wait."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


def attempts(url: str, patience: Patience, reached: Callable[[], int]) -> Iterator[Any]:
    """tenacity's attempts: until one succeeds, or some in a row do not get further than the byte that
    was `reached` before. Raises ImageError then."""
    import tenacity

    fruitless, most = 0, 0

    def give_up(state: tenacity.RetryCallState) -> bool:
        nonlocal fruitless, most
        fruitless = 1 if reached() > most else fruitless + 1
        most = max(most, reached())
        return fruitless >= patience.attempts

    try:
        yield from tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            stop=give_up,
            wait=_wait(patience),
            reraise=True,
        )
    except Transient as error:
        hint = f"tried {patience.attempts} times; try again, a download that was cut is resumed"
        raise ImageError(f"{shown(url)}: {error}", hint=hint) from error


def _wait(patience: Patience) -> Callable[[Any], float]:
    """Longer from time to time, never all at once, and as the server asks, within reason."""
    import tenacity

    backoff = tenacity.wait_exponential(multiplier=patience.first, max=patience.longest)
    jitter = tenacity.wait_random(0, patience.first)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = min(getattr(error, "after", 0.0), 3 * patience.longest)
        return max(backoff(state) + jitter(state), asked)

    return wait
