"""What changing each field of a pool costs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.effect import Effect
from kvmspec.kinds.pool.diff import FIELDS, LISTS, NEXT_START

_EFFECTS = (
    Effect("pools.hosts", "none", "it is made on the hosts that are added, and stays on the others"),
    Effect("pools.type", "refused", "the volumes would be left behind"),
    Effect("pools.path", "refused", "the volumes would be left behind"),
    *(
        Effect(f"pools.{name}", "live", NEXT_START)
        for name in dict.fromkeys((*LISTS.values(), *FIELDS.values()))
    ),
    Effect("pools.state", "live"),
    Effect("pools.autostart", "live"),
    Effect("pools.uuid", "refused", "a pool's UUID is for life"),
    Effect("pools.xml", "live", NEXT_START),
)


def effects() -> Iterable[Effect]:
    """The cost of every field of a pool."""
    return _EFFECTS
