"""Changes of canonical data → edits of libvirt's own XML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.shape import DOMAIN
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.rules import family
from kvmspec.kinds.records import NAMESPACE

Path = tuple[str, ...]
Elements = Callable[[Path], str]
"""The XML of the element that is to be at a canonical path."""
Data = dict[str, Any]

MACHINE: Path = ("os", "type", "@machine")
METADATA: Path = ("metadata", f"{{{NAMESPACE}}}vm")


def writing(path: Path, value: Any, wanted: Elements, persistent: Data) -> Iterator[Edit]:
    """Edits that make `path` be `value`.

    persistent  what is there; for another machine all of it, else what a manifest can state
    """
    if isinstance(value, list):
        yield Edit("remove", path)
        yield from (Edit("add", path, _boot(entry, path[-1])) for entry in value)
    elif isinstance(value, dict):
        yield from _element(path, value, wanted, persistent)
    else:
        yield from _leaf(path, value)
    yield from _companions(path, value, wanted, persistent)


def _boot(entry: Data, tag: str) -> str:
    """An element of attributes alone, as every ordered list of a stated domain has them."""
    attributes = "".join(f' {name[1:]}="{value}"' for name, value in entry.items())
    return f"<{tag}{attributes}/>"


def _element(path: Path, value: Data, wanted: Elements, persistent: Data) -> Iterator[Edit]:
    if _is_group(path):  # the first device of its kind: one element a key
        for key in value:
            yield Edit("add", (*path, key), wanted((*path, key)))
    elif _tags(path) in DOMAIN.sizes:
        yield from _leaf((*path, "#"), value["#"])
    elif get(persistent, path) is None:
        yield Edit("add", path, wanted(path))
    else:
        for name, inner in value.items():
            yield from writing((*path, name), inner, wanted, persistent)


def _tags(path: Path) -> Path:
    """A canonical path without the keys of devices."""
    tags: list[str] = []
    skip = False
    for part in path:
        if skip:
            skip = False
            continue
        tags.append(part)
        skip = tuple(tags) in DOMAIN.keyed
    return tuple(tags)


def _is_group(path: Path) -> bool:
    return _tags(path) in DOMAIN.keyed and _tags(path[:-1]) != _tags(path)


def _leaf(path: Path, value: Any) -> Iterator[Edit]:
    if path[:-1] in DOMAIN.sizes:
        yield Edit("set", (*path[:-1], "@unit"), "KiB")
        yield Edit("set", path, str(-(-int(value) // 1024)))
    elif path != ("autostart",):
        yield Edit("set", path, str(value))


def removing(path: Path) -> Iterator[Edit]:
    """Edits that take `path` away, with what libvirt keeps as its twin."""
    if path == ("autostart",):
        return
    yield Edit("remove", path)
    if path[:2] == ("devices", "console"):  # libvirt makes one from the other
        yield Edit("remove", ("devices", "serial"))


def _companions(path: Path, value: Any, wanted: Elements, persistent: Data) -> Iterator[Edit]:
    """What would contradict the new value: addresses of another bus, chains of another file."""
    if path[:2] == ("devices", "disk") and len(path) > 3:
        disk = path[:3]
        if path[3:] == ("target", "@bus"):
            yield Edit("remove", (*disk, "address"))
            with suppress(LookupError):  # where nothing is said of it, libvirt finds a place
                yield Edit("add", (*disk, "address"), wanted((*disk, "address")))
        if path[3] == "source" and get(persistent, (*disk, "backingStore")) is not None:
            yield Edit("remove", (*disk, "backingStore"))
        if path[3] == "source" and get(persistent, (*disk, "source")):
            other = {"@file": "@dev", "@dev": "@file"}.get(path[-1])
            if other:
                yield Edit("remove", (*disk, "source", other))
    if path[:2] == ("devices", "interface") and path[3:4] == ("source",):
        other = {"@network": "@bridge", "@bridge": "@network"}.get(path[-1])
        if other:
            yield Edit("remove", (*path[:-1], other))
        yield from (Edit("remove", (*path[:-1], name)) for name in ("@portid", "@portgroup"))
    if path == ("vcpu", "#") and get(persistent, ("vcpu", "@current")):
        # libvirt leaves `current` out where it equals the maximum: say it before the maximum moves
        yield Edit("set", ("vcpu", "@current"), str(get(persistent, ("vcpu", "@current"))))
    if path == MACHINE:
        have = get(persistent, path)
        if have and family(have) != family(str(value)):
            yield from _without_pci(persistent)


def _without_pci(persistent: Data) -> Iterator[Edit]:
    """libvirt refuses another machine family until PCI controllers and addresses are gone."""
    devices = persistent.get("devices", {})
    for key, controller in devices.get("controller", {}).items():
        if controller.get("@type") in ("pci", "usb", "sata", "ide"):
            yield Edit("remove", ("devices", "controller", key))
    for tag, group in devices.items():
        if not isinstance(group, dict):
            continue
        if ("devices", tag) in DOMAIN.keyed:
            paths: list[Path] = [("devices", tag, key) for key in group]
        else:
            paths = [("devices", tag)]
        for path in paths:
            if get(persistent, (*path, "address", "@type")) == "pci":
                yield Edit("remove", (*path, "address"))
