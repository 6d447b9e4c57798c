"""What changing each field of a secret costs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.effect import Effect

_NEXT = "who uses it reads it at the next start"
_EFFECTS = (
    Effect("secrets.hosts", "none", "it is made on the hosts that are added, and stays on the others"),
    Effect("secrets.usage", "refused", "libvirt does not change what a secret is for"),
    Effect("secrets.usage_id", "refused", "libvirt does not change what a secret is for"),
    Effect("secrets.value", "live", _NEXT),
    Effect("secrets.encoding", "live", _NEXT),
    Effect("secrets.ephemeral", "live"),
    Effect("secrets.private", "live, or refused", "a private secret stays private"),
    Effect("secrets.description", "live"),
    Effect("secrets.uuid", "refused", "a secret's UUID is for life"),
)


def effects() -> Iterable[Effect]:
    """The cost of every field of a secret."""
    return _EFFECTS
