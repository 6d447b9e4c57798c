"""Changes of canonical data → edits of libvirt's own XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.quote import escape, quoteattr
from kvmspec.canon.shape import DOMAIN
from kvmspec.core.action import Edit
from kvmspec.kinds.domain import source_edits
from kvmspec.kinds.domain.limits import bursts, excluded
from kvmspec.kinds.domain.rules import family
from kvmspec.kinds.records import NAMESPACE

Path = tuple[str, ...]
Elements = Callable[[Path], str]
"""The XML of the element that is to be at a canonical path."""
Data = dict[str, Any]

MACHINE: Path = ("os", "type", "@machine")
TWIN: Path = ("devices", "console", "serial")
CLOCK: Path = ("clock", "@offset")
CPU_MODE: Path = ("cpu", "@mode")
NUMA: Path = ("numatune", "memory")
PLACEMENT: Path = ("vcpu", "@placement")
METADATA: Path = ("metadata", f"{{{NAMESPACE}}}vm")
RENEWED = frozenset(
    {
        ("os", "nvram", "@type"),
        ("devices", "rng", "backend", "@type"),
        ("devices", "video", "model", "@type"),
        ("devices", "tpm", "backend", "@type"),
        ("devices", "shmem", "model", "@type"),
        ("devices", "iommu", "@model"),
        ("devices", "smartcard", "@mode"),
        ("devices", "smartcard", "@type"),
        ("devices", "audio", "@type"),
        ("devices", "memballoon", "@model"),
        ("devices", "controller", "@model"),
    }
)
"""Where one of these changes the device is put in anew: the rest of it belongs to the old kind."""
_LINES = frozenset({"redirdev", "rng", "smartcard"})


def writing(path: Path, value: Any, wanted: Elements, persistent: Data) -> Iterator[Edit]:
    """Edits that make `path` be `value`.

    persistent  what is there; for another machine all of it, else what a manifest can state
    """
    if (*_tags(path[:-1]), path[-1]) in RENEWED:
        device = path[:3] if path[:2] in DOMAIN.keyed else path[:2]
        yield Edit("remove", device)
        yield Edit("add", device, wanted(device))
        return
    if whole := list(source_edits.anew(path, value, wanted, persistent)):
        yield from whole
        if path[3:] != ("@type",):
            return
    if isinstance(value, list):
        yield Edit("remove", path)
        yield from (Edit("add", path, written(entry, path[-1])) for entry in value)
    elif isinstance(value, dict):
        yield from _element(path, value, wanted, persistent)
    else:
        yield from _leaf(path, value)
    yield from _companions(path, value, wanted, persistent)
    if path[:2] == ("devices", "interface") and path[3:4] == ("source",):
        yield from _elsewhere(path[:3], wanted)
    if path[:2] == ("devices", "interface") and path[3:] == ("@type",):
        yield from _of_another_type(path[:3], {value, get(persistent, path)}, wanted)


def written(entry: Data, tag: str) -> str:
    """An entry of an ordered list as an element, with what is in it."""
    space, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    attributes = "".join(f" {key[1:]}={quoteattr(value)}" for key, value in entry.items() if key[0] == "@")
    inside = escape(entry.get("#", ""))
    for key, value in entry.items():
        if key[0] not in "@#":
            inside += "".join(written(one, key) for one in (value if isinstance(value, list) else [value]))
    start, end = (f"q:{name} xmlns:q='{space}'", f"q:{name}") if space else (name, name)
    return f"<{start}{attributes}>{inside}</{end}>" if inside else f"<{start}{attributes}/>"


def _element(path: Path, value: Data, wanted: Elements, persistent: Data) -> Iterator[Edit]:
    if _is_group(path):  # the first device of its kind: one element a key
        for key in value:
            yield Edit("add", (*path, key), wanted((*path, key)))
    elif _tags(path) in DOMAIN.sizes:
        for name, inner in value.items():
            yield from _leaf((*path, name), inner)
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
    if path[-1] == "#" and _tags(path[:-1]) in DOMAIN.sizes:
        yield Edit("set", (*path[:-1], "@unit"), "KiB")
        yield Edit("set", path, str(-(-int(value) // 1024)))
    elif path != ("autostart",):
        yield Edit("set", path, str(value))


def removing(path: Path, persistent: Data | None = None, stated: Data | None = None) -> Iterator[Edit]:
    """Edits that take `path` away, with what libvirt keeps as its twin, and an element that is empty then."""
    if path == ("autostart",):
        return
    if path == CLOCK:  # the schema knows no clock without one, and this is libvirt's own
        yield Edit("set", CLOCK, "utc")
        yield from _other_clock("")
        return
    cpu = (persistent or {}).get("cpu", {})
    if path == CPU_MODE and all(name.startswith("@") for name in cpu):
        path = ("cpu",)
    yield from _advised(path, persistent or {}, stated or {})
    if path[:2] == NUMA and not get(stated, NUMA):  # its attributes are nothing without each other
        path = NUMA
    if path[-2:] == ("teaming", "@persistent"):  # of an interface that stays; without it there is no team
        path = path[:-1]
    yield Edit("remove", path)
    if path == CPU_MODE:
        yield from _of_another_cpu(None)
    if path[:2] == ("devices", "disk") and path[3:4] == ("iotune",):
        yield from (Edit("remove", (*path[:4], name)) for name in bursts(path[-1]))
    if path == TWIN:  # libvirt makes one from the other
        yield Edit("remove", ("devices", "serial"))
    if path in (("devices", "graphics", "spice"), ("devices", "graphics", "dbus")):
        yield from _silenced(path[2], persistent or {})


def _silenced(display: str, persistent: Data) -> Iterator[Edit]:
    """The sound that goes by a display goes with it: libvirt refuses the one without the other (9.0)."""
    for number, backend in (get(persistent, ("devices", "audio")) or {}).items():
        if backend.get("@type") == display:
            yield Edit("remove", ("devices", "audio", number))


def _advised(path: Path, persistent: Data, stated: Data) -> Iterator[Edit]:
    """Where memory is placed as numad advises, libvirt places vCPUs so, and the other way round (9.0)."""
    if path[:2] not in (NUMA, PLACEMENT) or get(persistent, (*NUMA, "@placement")) != "auto":
        return
    if get(stated, PLACEMENT) is None:
        yield Edit("remove", PLACEMENT)
    if get(stated, NUMA) is None:
        yield Edit("remove", NUMA)


def with_firmware(path: Path, stated: Data) -> list[Edit]:
    """What goes with a part of the firmware: an empty element, which the schema refuses, and in the
    definition the file of variables that it had."""
    said = stated.get("os", {})
    if path[:2] == ("os", "firmware") and "firmware" not in said:
        return [Edit("remove", ("os", "firmware"))]
    if path in (("os", "loader"), ("os", "@firmware")) and not {"loader", "@firmware"} & {*said}:
        return [Edit("remove", ("os", "nvram"))]
    return []


def settled(made: Iterable[Edit]) -> list[Edit]:
    """Each edit once, and none of what is in a device that is put in anew."""
    edits = list(dict.fromkeys(made))
    removed = {edit.path for edit in edits if edit.op == "remove"}
    renewed = {edit.path for edit in edits if edit.op == "add" and edit.path in removed}
    return [edit for edit in edits if not any(edit.path[:n] in renewed for n in range(1, len(edit.path)))]


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
    if path[:2] == ("devices", "disk") and path[3:4] == ("iotune",):
        others = excluded(path[-1]) & {*(get(persistent, path[:4]) or ())}
        yield from (Edit("remove", (*path[:4], name)) for name in sorted(others))
    if path[0] == "devices" and path[-2:] == ("address", "@type") and path[-3] != "source":
        yield Edit("remove", path[:-1])  # an address of another kind has nothing of this one
        yield Edit("add", path[:-1], wanted(path[:-1]))
    of_line = path[0] == "devices" and path[1] in _LINES and path[-2:] == ("source", "@mode")
    if of_line and "<reconnect" not in wanted(path[:-1]):  # of who waits libvirt refuses it
        yield Edit("remove", (*path[:-1], "reconnect"))
    if path[:2] == ("devices", "serial") and path[3:] == ("target", "@type"):  # an address of another bus
        yield Edit("remove", (*path[:3], "address"))
    if path == ("os", "boot") or (path[:1] == ("devices",) and _ordered(path, value)):
        yield from _other_order(path, persistent)
    if path == ("vcpu", "#") and get(persistent, ("vcpu", "@current")):
        # libvirt leaves `current` out where it equals the maximum: say it before the maximum moves
        yield Edit("set", ("vcpu", "@current"), str(get(persistent, ("vcpu", "@current"))))
    if path == CPU_MODE:
        yield from _of_another_cpu(value, wanted(("cpu",)))
    if path == ("features", "hyperv", "@mode") and value == "passthrough":
        known = [name for name in get(persistent, path[:2]) or () if not name.startswith("@")]
        yield from (Edit("remove", (*path[:2], name)) for name in known)
    if path == CLOCK:
        yield from _other_clock(wanted(("clock",)).partition(">")[0])
    if path == MACHINE:
        have = get(persistent, path)
        if have and family(have) != family(str(value)):
            yield from _without_pci(persistent)


def _other_clock(said: str) -> Iterator[Edit]:
    """What belonged to the clock's former offset, and is not said of this one."""
    for name in ("timezone", "adjustment", "basis", "start"):
        if f" {name}=" not in said:
            yield Edit("remove", ("clock", f"@{name}"))


def _elsewhere(nic: Path, wanted: Elements) -> Iterator[Edit]:
    """Where an interface is plugged in is one thing: what is not said of the new place goes."""
    source = _SOURCE.search(wanted(nic))
    said = source[1] if source else ""
    yield from (Edit("remove", (*nic, "source", f"@{name}")) for name in _PLACES if f" {name}=" not in said)


def _of_another_type(nic: Path, types: set[Any], wanted: Elements) -> Iterator[Edit]:
    """Between networks, bridges and host interfaces <source> has attributes only; else it is another one."""
    if not types <= {"network", "bridge", "direct"}:
        yield Edit("remove", (*nic, "source"))
        with suppress(LookupError):  # not all have one
            yield Edit("add", (*nic, "source"), wanted((*nic, "source")))


_SOURCE = re.compile(r"<source\b([^>]*)>")
_PLACES = ("network", "bridge", "dev", "mode", "portgroup", "portid")


def _ordered(path: Path, value: Any) -> bool:
    """Whether a device gets a place in the order of what is started from."""
    return path[3:4] == ("boot",) or (len(path) == 3 and isinstance(value, dict) and "boot" in value)


def _other_order(path: Path, persistent: Data) -> Iterator[Edit]:
    """libvirt takes one way of saying what is started from (67: "per-device boot elements cannot be used
    together with os/boot elements"), and writes <boot dev="hd"/> where none is said."""
    if path != ("os", "boot"):
        yield Edit("remove", ("os", "boot"))
        return
    for tag, group in persistent.get("devices", {}).items():
        for key, device in group.items() if ("devices", tag) in DOMAIN.keyed else ():
            if "boot" in device:
                yield Edit("remove", ("devices", tag, key, "boot"))


def _of_another_cpu(mode: Any, said: str = "") -> Iterator[Edit]:
    """What libvirt added to the CPU for its former mode, and refuses with another one."""
    head = said.partition(">")[0]
    for name in ("match", "check", "migratable"):
        if f" {name}=" not in head:
            yield Edit("remove", ("cpu", f"@{name}"))
    if mode != "custom" and "<model" in said:  # of host-model it can say the vendor
        yield from (Edit("remove", ("cpu", "model", name)) for name in ("#", "@fallback"))
    elif mode != "custom":
        yield Edit("remove", ("cpu", "model"))


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
