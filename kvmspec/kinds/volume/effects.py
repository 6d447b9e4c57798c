"""What changing each field of a volume costs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.effect import Effect

_EFFECTS = (
    Effect("volumes.hosts", "none", "it is made on the hosts that are added, and stays on the others"),
    Effect("volumes.pool", "replace", "it is another volume, in the other pool; the old one stays as it is"),
    Effect("volumes.size", "live", "grows, through the guest that runs on it; never shrinks"),
    Effect("volumes.format", "refused", "a volume's format is for life"),
    Effect("volumes.backing", "none", "read when the volume is created"),
    Effect("volumes.image", "none", "read when the volume is created; a newer image is noted"),
    Effect("volumes.clone", "none", "read when the volume is created"),
    Effect("volumes.encryption", "refused", "a volume is encrypted, or not, for life"),
    Effect("volumes.encryption.secret", "none", "read when the volume is created"),
    Effect("volumes.encryption.cipher", "none", "read when the volume is created"),
    Effect("volumes.encryption.ivgen", "none", "read when the volume is created"),
    Effect("volumes.xml", "none", "read when the volume is created"),
    Effect("volumes.prevent_destroy", "none", "what kvmspec may do to the volume"),
)


def effects() -> Iterable[Effect]:
    """The cost of every field of a standalone volume."""
    return _EFFECTS
