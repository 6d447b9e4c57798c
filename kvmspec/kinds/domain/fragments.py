"""What a VM's `xml:` fragment states, besides what it adds: what it takes away, and what is read for it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from kvmspec.canon.compare import covers, get
from kvmspec.canon.read import read
from kvmspec.canon.shape import DOMAIN, Node
from kvmspec.core.memo import once
from kvmspec.kinds.domain.spec import VmSpec

Path = tuple[str, ...]
Data = Mapping[str, Any]
_OWN = "{urn:kvmspec:1}"
_REMOVE = _OWN + "remove"


def tags(spec: VmSpec) -> frozenset[str]:
    """The elements that the fragment speaks of: they are read, even those of brief.NEVER_STATED."""
    return _tags(spec) if spec.xml else frozenset()


@once
def _tags(spec: VmSpec) -> frozenset[str]:
    return frozenset(node.tag for node in ET.fromstring(spec.xml or "<domain/>").iter())


def spoken_of(applied: Data) -> frozenset[str]:
    """The elements that only a fragment states, in last applied: it may be gone by now."""
    devices = applied.get("devices", {})
    found = {*applied, *devices}
    if any("address" in device for group in devices.values() for device in _maps(group)):
        found.add("address")
    for disk in devices.get("disk", {}).values():
        found |= {"address", "seclabel"} & {*disk.get("source", ())}
    return frozenset(found)


def _maps(group: Any) -> list[Any]:
    return (
        [device for device in group.values() if isinstance(device, dict)] if isinstance(group, dict) else []
    )


def absences(spec: VmSpec, stated: Data, places: Sequence[Data]) -> list[Path]:
    """Canonical paths that the fragment takes away, and nothing states anew, in the data of `places`."""
    if not spec.xml or _OWN[1:-1] not in spec.xml:
        return []
    found = _removed(ET.fromstring(spec.xml), (), (), places)
    return [path for path in dict.fromkeys(found) if get(stated, path) is None]


def _removed(node: ET.Element, path: Path, tags: Path, places: Sequence[Data]) -> Iterator[Path]:
    for part in (node.get(_REMOVE) or "").split():
        if part != ".":
            yield (*path, part)
    for child in node:
        below, keyed = (*tags, child.tag), (*tags, child.tag) in DOMAIN.keyed
        if child.get(_REMOVE) == ".":
            yield from _alike(child, (*path, child.tag), keyed, places)
        elif keyed:
            key = DOMAIN.keyed[below](cast(Node, child))
            if key is not None:
                yield from _removed(child, (*path, child.tag, key), below, places)
        else:
            yield from _removed(child, (*path, child.tag), below, places)


def _alike(node: ET.Element, path: Path, keyed: bool, places: Sequence[Data]) -> Iterator[Path]:
    """What there is that shows all of what the removed element states."""
    shown = _shown(node, path)
    for place in places:
        have = get(place, path)
        for key, value in have.items() if keyed and have else ():
            if covers(shown, value):
                yield (*path, key)
        if not keyed and have is not None and covers(shown, have):
            yield path


def _shown(node: ET.Element, path: Path) -> Any:
    """The canonical data of an element by itself."""
    plain = ET.fromstring(ET.tostring(node))
    for inner in plain.iter():
        inner.attrib.pop(_REMOVE, None)
    root = outer = ET.Element("domain")
    for tag in path[:-1]:
        outer = ET.SubElement(outer, tag)
    outer.append(plain)
    found = get(read(root), path)
    return next(iter(found.values())) if path in DOMAIN.keyed and found else found
