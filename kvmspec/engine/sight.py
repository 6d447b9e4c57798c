"""What cannot be seen of a host: files that may rest on a volume without libvirt telling."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import unescape

from kvmspec.core.observed import HostView, Observed
from kvmspec.manifest.types import normalised

_SOURCE = re.compile(r"""<source\b[^>]*?\b(?:file|dev)=(["'])(.*?)\1""")
_POOL = "a pool of its folder would show what it rests on"


def names(text: str | None, word: str) -> bool:
    """Whether a text (XML, a path) names a volume, or anything whose name only begins or ends so."""
    return text is not None and word in text


def blind_spots(view: HostView) -> Iterator[str]:
    """Why it is not certain what rests on a volume of this host; nothing where all is in sight.

    A running domain's XML shows the whole chain below its disks; of a stopped one, and of volumes,
    only the first file is known. https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
    """
    for name, pool in view.pools.items():
        if name not in view.pools_read:
            why = "was not read" if pool.running else "is not running"
            yield f"pool {name} {why}, and what is in it may rest on this"
    seen = {normalised(volume.path) for volume in view.volumes.values()}
    seen |= {path for domain in view.domains.values() for path in _running(domain)}
    for key, volume in view.volumes.items():
        backing = volume.backing
        if backing and "://" not in backing and normalised(backing) not in seen:
            yield f"volume/{key} rests on {backing}, which is in no running pool; {_POOL}"
    for domain in view.domains.values():
        for path in _disks(domain):
            if path not in seen:
                yield f"vm/{domain.name} has the disk {path}, which is in no running pool; {_POOL}"


def _running(domain: Observed) -> Iterator[str]:
    """The files of the chains that are open now."""
    for _, path in _SOURCE.findall(domain.active_xml or ""):
        yield normalised(unescape(path))


def _disks(domain: Observed) -> Iterator[str]:
    """The files of its disks that may rest on others, now or after going back to a snapshot. A raw one
    rests on nothing."""
    for text in (domain.xml, *domain.snapshots):
        for disk in ET.fromstring(text).iter("disk"):
            driver, source = disk.find("driver"), disk.find("source")
            path = source.get("file") or source.get("dev") if source is not None else None
            form = driver.get("type", "raw") if driver is not None else "raw"
            if path and form != "raw":
                yield normalised(path)
