"""From a field as a plan shows it (`disks.root.size`) to its place in the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.core.problem import Where
from kvmspec.manifest.section import Manifest, Path

_NAMES = ("name", "network", "bridge", "macvtap", "volume", "path", "cdrom", "type", "pci")
"""What the key of an entry of a list can come from."""


def locate(manifest: Manifest, path: Path, field: str = "") -> Where | None:
    """The place of a field of the object that is written at `path`, as near as it is written."""
    item = next((item for item in manifest.items if item.path == path[:2]), None)
    if item is None or not field:
        return manifest.where(path)
    node: Any = item.expanded
    for part in path[2:]:
        node = node[part] if _has(node, part) else None
    found: list[str | int] = []
    rest = field
    while rest:
        part, _, below = rest.partition(".")
        key = _key(node, part)
        if key is None and isinstance(node, list):  # a name with dots in it: a path, an address
            key, below = _key(node, rest), ""
        if key is None:
            break
        found.append(key)
        node, rest = node[key], below
    return manifest.where((*path, *found))


def _has(node: Any, part: str | int) -> bool:
    return part in node if isinstance(node, Mapping) else isinstance(part, int) and len(node or ()) > part


def _key(node: Any, part: str) -> str | int | None:
    """The key or index in `node` that `part` names."""
    if isinstance(node, Mapping):
        name = part.partition("[")[0]
        return name if name in node else None
    if not isinstance(node, list):
        return None
    name, _, number = part.partition("#")
    fitting = [index for index, entry in enumerate(node) if _is(entry, name)]
    wanted = int(number or 1) - 1 if (number or "1").isdecimal() else 0
    return fitting[wanted] if 0 <= wanted < len(fitting) else None


def _is(entry: Any, name: str) -> bool:
    return entry == name or (isinstance(entry, Mapping) and any(entry.get(key) == name for key in _NAMES))
