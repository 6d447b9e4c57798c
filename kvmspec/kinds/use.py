"""Which domains use a volume, and how."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from html import unescape

from kvmspec.core.memo import once
from kvmspec.core.observed import HostView, Observed, ObservedVolume
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


def disks(view: HostView, path: str, key: str) -> Iterator[tuple[Observed, str]]:
    """(domain, target) of the disks that lie on the file, or on an overlay of it that the domain knows of,
    running or not; each once."""
    found: dict[tuple[str, str], Observed] = {}
    for domain in users(view, path, key):
        for text in filter(None, (domain.xml, domain.active_xml)):
            for disk in ET.fromstring(text).iterfind("devices/disk"):
                target = disk.find("target")
                if target is not None and any(_is(each, path, key) for each in disk.iter("source")):
                    found[domain.name, target.get("dev", "")] = domain
    yield from ((domain, target) for (_, target), domain in found.items())


def _is(source: ET.Element, path: str, key: str) -> bool:
    return source.get("file") == path or f"{source.get('pool')}/{source.get('volume')}" == key


def live_disks(view: HostView, path: str, key: str) -> Iterator[tuple[Observed, str]]:
    """(running domain, target) of the disks that write to the file right now."""
    for domain, disk in _active_disks(view, path, key):
        source, target = disk.find("source"), disk.find("target")
        if source is None or target is None:
            continue
        if _is(source, path, key):
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
    """The volumes, `volume/pool/name`, that rest on the file, in whichever pool was looked at."""
    return sorted(_by_backing(view).get(normalised(path), ()))


def told(view: HostView, over: Iterable[str]) -> str:
    """Overlays with the VMs that have them: `volume/vms/web-root.qcow2 (vm/web)`."""
    return ", ".join(_told(view, each) for each in over)


def _told(view: HostView, over: str) -> str:
    vms = having(view, over.partition("/")[2])
    return f"{over} ({vms})" if vms else over


def having(view: HostView, key: str) -> str:
    """The VMs with a disk on a volume `pool/name`, whoever they belong to: `vm/a, vm/b`."""
    volume = view.volumes.get(key) or view.beyond.get(key)
    return ", ".join(f"vm/{domain.name}" for domain in users(view, volume.path, key)) if volume else ""


@once
def _by_backing(view: HostView) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, volume in (*view.beyond.items(), *view.volumes.items()):
        if volume.backing is not None:
            found.setdefault(normalised(volume.backing), []).append(f"volume/{key}")
    return found


def gone_below(view: HostView, path: str | None) -> str | None:
    """The file that a volume's chain lacks: one that lies where a pool's volumes do, and is none of them.
    None where nothing is known to be missing.

    libvirt forgets a volume whose file was deleted by hand as soon as it is asked for it, without a refresh
    of the pool (measured on 9.0); one that was put back it finds only by a refresh.
    """
    seen = set()
    while path is not None and path not in seen:
        seen.add(path)
        volume = _by_path(view).get(path)
        if volume is None:
            return path if path in _gone(view) else None
        path = volume.backing
    return None


@once
def _by_path(view: HostView) -> Mapping[str, ObservedVolume]:
    return {volume.path: volume for volume in view.volumes.values()}


@once
def _gone(view: HostView) -> frozenset[str]:
    """Files that volumes rest on and that are in none of the pools that were read, though in their folder."""
    below = {volume.backing for volume in view.volumes.values() if volume.backing} - set(_by_path(view))
    if not below:
        return frozenset()
    paths = (ET.fromstring(view.pools[name].xml).findtext("target/path") for name in view.pools_read)
    folders = {normalised(path) for path in paths if path}
    return frozenset(path for path in below if path.rpartition("/")[0] in folders)


def _active_disks(view: HostView, path: str, key: str) -> Iterator[tuple[Observed, ET.Element]]:
    for domain in users(view, path, key):
        if domain.active_xml:
            for disk in ET.fromstring(domain.active_xml).iterfind("devices/disk"):
                yield domain, disk
