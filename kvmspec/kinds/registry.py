"""The kinds there are. A new kind is one folder, one template, one line here."""

from __future__ import annotations

from kvmspec.kinds import domain, image, network, nwfilter, pool, secret, volume
from kvmspec.kinds.base import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        secret.KIND,
        pool.KIND,
        image.KIND,
        volume.KIND,
        nwfilter.KIND,
        network.KIND,
        domain.KIND,
    )
}
"""In the order in which a host is built up."""

SECTIONS = tuple(kind.section for kind in KINDS.values())
