"""What changing each field of an image costs, in words."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.core.effect import Effect

_NEW = "read when a disk is made from it; a newer image is noted on the VMs that rest on the old one"
_EFFECTS = (
    Effect("images.hosts", "none", "it is placed there even before a disk is made from it"),
    Effect("images.url", "none", _NEW),
    Effect("images.path", "none", _NEW),
    Effect("images.checksum", "none", _NEW),
    Effect("images.pool", "none", "read when a disk is made from it"),
    Effect("images.kind", "none", "read when a disk is made from it"),
)


def effects() -> Iterable[Effect]:
    """The cost of every field of an image."""
    return _EFFECTS
