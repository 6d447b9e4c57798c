"""Which domains use a volume, and how."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from html import unescape

from kvmspec.core.memo import once
from kvmspec.core.observed import HostView, Observed
from kvmspec.manifest.types import normalised

_SOURCE = re.compile(r"<source\b[^>]*>")
_ATTRIBUTE = re.compile(r"""(file|pool|volume)=(["'])(.*?)\2""")


@once
def _index(view: HostView) -> Mapping[str, set[str]]:
    """Names of the domains by each file and each volume (`pool/name`) that their XML names as a
    disk's source, overlays' backing included. Text, not a parse: there may be thousands."""
    found: dict[str, set[str]] = {}
    for domain in view.domains.values():
        for text in (domain.xml, domain.active_xml):
            for element in _SOURCE.findall(text or ""):
                source = {name: unescape(value) for name, _, value in _ATTRIBUTE.findall(element)}
                file = source.get("file")
                named = f"{source.get('pool')}/{source.get('volume')}"
                for key in (normalised(file) if file else None, named):
                    if key is not None:
                        found.setdefault(key, set()).add(domain.name)
    return found


def users(view: HostView, path: str, key: str) -> list[Observed]:
    """The domains with a disk on the file `path` (the volume `key`, `pool/name`), or on an overlay
    of it that they know of."""
    index = _index(view)
    names = index.get(normalised(path), set()) | index.get(key, set())
    return [view.domains[name] for name in sorted(names)]


def knows(domain: Observed, path: str, key: str) -> bool:
    """Whether a domain has the volume among its disks, or in the list that kvmspec keeps in its
    metadata (there it is found even under a snapshot)."""
    return any(text is not None and (path in text or key in text) for text in (domain.xml, domain.active_xml))


def live_disks(view: HostView, path: str, key: str) -> Iterator[tuple[Observed, str]]:
    """(running domain, target) of the disks that write to the file right now."""
    for domain, disk in _active_disks(view, path, key):
        source, target = disk.find("source"), disk.find("target")
        if source is None or target is None:
            continue
        if source.get("file") == path or f"{source.get('pool')}/{source.get('volume')}" == key:
            yield domain, target.get("dev", "")


def under_overlay(view: HostView, path: str, key: str) -> list[str]:
    """Who runs on an overlay of the file: running domains (`vm/x`) and volumes (`volume/pool/y`)."""
    found = [
        f"vm/{domain.name}"
        for domain, disk in _active_disks(view, path, key)
        if any(source.get("file") == path for source in disk.iterfind("backingStore//source"))
    ]
    return [*found, *overlays(view, path)]


def overlays(view: HostView, path: str) -> list[str]:
    """The volumes, `volume/pool/name`, that rest on the file."""
    return sorted(_by_backing(view).get(path, ()))


@once
def _by_backing(view: HostView) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, volume in view.volumes.items():
        if volume.backing is not None:
            found.setdefault(volume.backing, []).append(f"volume/{key}")
    return found


def _active_disks(view: HostView, path: str, key: str) -> Iterator[tuple[Observed, ET.Element]]:
    for domain in users(view, path, key):
        if domain.active_xml:
            for disk in ET.fromstring(domain.active_xml).iterfind("devices/disk"):
                yield domain, disk
