"""The kinds there are. A new kind is one folder, one template, one line here."""

from __future__ import annotations

from kvmspec.kinds import domain, image, network, pool, volume
from kvmspec.kinds.base import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (pool.KIND, image.KIND, volume.KIND, network.KIND, domain.KIND)
}
"""In the order in which a host is built up."""

SECTIONS = tuple(kind.section for kind in KINDS.values())
