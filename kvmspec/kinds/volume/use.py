"""Which domains use a volume, and how."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds import compare


def users(view: HostView, path: str, key: str) -> list[Observed]:
    """The domains with a disk on the file `path` (the volume `key`, `pool/name`), or on an overlay
    of it that they know of."""
    pool, _, name = key.partition("/")

    def uses(root: ET.Element) -> bool:
        return any(
            source.get("file") == path or (source.get("pool") == pool and source.get("volume") == name)
            for source in root.iterfind("devices/disk//source")
        )

    return compare.users(view, uses)


def knows(domain: Observed, path: str, key: str) -> bool:
    """Whether a domain has the volume among its disks, or in the list that kvmspec keeps in its
    metadata (there it is found even under a snapshot)."""
    return any(text is not None and (path in text or key in text) for text in (domain.xml, domain.active_xml))


def live_disks(view: HostView, path: str) -> Iterator[tuple[Observed, str]]:
    """(running domain, target) of the disks that write to the file right now."""
    for domain, disk in _active_disks(view):
        source, target = disk.find("source"), disk.find("target")
        if source is not None and target is not None and source.get("file") == path:
            yield domain, target.get("dev", "")


def under_overlay(view: HostView, path: str) -> list[str]:
    """Who runs on an overlay of the file: running domains (`vm/x`) and volumes (`pool/y`)."""
    found = [
        f"vm/{domain.name}"
        for domain, disk in _active_disks(view)
        if any(source.get("file") == path for source in disk.iterfind("backingStore//source"))
    ]
    return [*found, *overlays(view, path)]


def overlays(view: HostView, path: str) -> list[str]:
    """The volumes, `volume/pool/name`, that rest on the file."""
    return sorted(f"volume/{key}" for key, volume in view.volumes.items() if volume.backing == path)


def _active_disks(view: HostView) -> Iterator[tuple[Observed, ET.Element]]:
    for domain in view.domains.values():
        if domain.active_xml:
            for disk in ET.fromstring(domain.active_xml).iterfind("devices/disk"):
                yield domain, disk
