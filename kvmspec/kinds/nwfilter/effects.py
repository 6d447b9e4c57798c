"""What changing each field of a network filter costs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.effect import Effect

_AT_ONCE = "running guests have the new rules at once"
_EFFECTS = (
    Effect("nwfilters.hosts", "none", "it is made on the hosts that are added, and stays on the others"),
    *(Effect(f"nwfilters.{name}", "live", _AT_ONCE) for name in ("chain", "priority", "filters", "rules")),
    Effect("nwfilters.uuid", "refused", "a filter's UUID is for life"),
)


def effects() -> Iterable[Effect]:
    """The cost of every field of a network filter."""
    return _EFFECTS
