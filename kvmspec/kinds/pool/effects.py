"""What changing each field of a pool costs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.effect import Effect

_EFFECTS = (
    Effect("pools.hosts", "none", "it is made on the hosts that are added, and stays on the others"),
    Effect("pools.type", "refused", "the volumes would be left behind"),
    Effect("pools.path", "refused", "the volumes would be left behind"),
    Effect("pools.autostart", "live"),
    Effect("pools.uuid", "refused", "a pool's UUID is for life"),
)


def effects() -> Iterable[Effect]:
    """The cost of every field of a pool."""
    return _EFFECTS
