"""The field table: manifest path ↔ canonical path ↔ what a change costs a running guest, and why.

First match wins; the last row is `anything else → restart`. Users only ever see manifest paths.
Facts: https://libvirt.org/formatdomain.html and measurements on libvirt 9.0 with QEMU 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from kvmspec.canon.shape import DOMAIN
from kvmspec.core.live import Call
from kvmspec.kinds import seeds
from kvmspec.kinds.domain import rules
from kvmspec.kinds.domain.row import ANY, Field, Path, accel, number, size
from kvmspec.kinds.domain.rules import live, replace, restart
from kvmspec.kinds.domain.tables import (
    clock,
    controllers,
    cpus,
    devices,
    disks,
    displays,
    features,
    firmware,
    folders,
    lines,
    memory,
    nics,
    places,
    qemu,
    security,
    sysinfo,
)
from kvmspec.kinds.records import KeyMap

CLOUD_INIT = "cloud_init"
SEED = restart("cloud-init reads its seed when the guest boots")

FIELDS: tuple[Field, ...] = (
    Field("title", ("title",), live(), removable=True, call=Call.METADATA),
    Field("description", ("description",), live(), removable=True, call=Call.METADATA),
    Field("autostart", ("autostart",), live(), removable=True, call=Call.AUTOSTART),
    Field("cpus.count", ("vcpu", "@current"), rules.vcpus, number, call=Call.VCPUS),
    Field("cpus.max", ("vcpu", "#"), restart("the maximum is fixed at boot"), number),
    *places.ROWS,
    *cpus.ROWS,
    *memory.ROWS,
    Field("memory.size", ("currentMemory",), rules.memory, size, call=Call.MEMORY),
    Field("memory.max", ("memory",), restart("the maximum is fixed at boot"), size),
    Field("machine", ("os", "type", "@machine"), rules.machine),
    Field("arch", ("os", "type", "@arch"), replace("another architecture is another machine")),
    Field("accel", ("@type",), restart("a running guest cannot change its accelerator"), accel),
    *features.ROWS,
    *firmware.ROWS,
    *clock.ROWS,
    *sysinfo.ROWS,
    *security.ROWS,
    *qemu.ROWS,
    *disks.ROWS,
    *nics.ROWS,
    *lines.ROWS,
    *devices.ROWS,
    *controllers.ROWS,
    *folders.ROWS,
    *displays.ROWS,
    Field("{path}", (), restart("not known to change while running")),
)

_BY_FIRST: dict[str, list[Field]] = {}
for _row in FIELDS:
    _BY_FIRST.setdefault(_row.canonical[0] if _row.canonical else "", []).append(_row)


def lookup(path: Path) -> tuple[Field, Path]:
    """The row for a canonical path, and the part of the path that row names."""
    for row in _BY_FIRST.get(path[0], ()):
        pattern = row.canonical
        if len(pattern) <= len(path) and all(
            want in (ANY, have) for want, have in zip(pattern, path, strict=False)
        ):
            return row, path[: len(pattern)]
    return FIELDS[-1], path


def is_unknown(path: Path) -> bool:
    """Whether the table knows neither an element nor anything in it: only a fragment can have stated it."""
    return lookup(path)[0] is FIELDS[-1] and not any(
        all(ANY in (want, have) or want == have for want, have in zip(row.canonical, path, strict=False))
        for row in _BY_FIRST.get(path[0], ())
    )


def is_parted(path: Path) -> bool:
    """Whether the table has no row of an element, but rows of what is in it."""
    length = len(path)
    return lookup(path)[1] != path and any(
        len(row.canonical) > length
        and all(want in (ANY, have) for want, have in zip(row.canonical, path, strict=False))
        for row in _BY_FIRST.get(path[0], ())
    )


def is_device(path: Path) -> bool:
    """Whether a path is one of a device that its key tells from others of its kind, or in it."""
    return path[0] == "devices" and path[:2] in DOMAIN.keyed


def manifest_path(row: Field, path: Path, keys: KeyMap) -> str:
    """The manifest path a user sees for a canonical one: `disks.root.cache`."""
    if row is FIELDS[-1]:
        return ".".join(part.lstrip("@") for part in path if part != "#")
    if path[:2] == memory.DEVICES and len(path) > 2 and not memory.is_dimm(path[2]):
        return f"memory.devices.{path[2]}"
    for position, part in enumerate(row.canonical):
        if part == ANY and key_of(path, position, keys) == seeds.KEY:
            return CLOUD_INIT
        if part == ANY:
            return row.manifest.replace("{key}", key_of(path, position, keys))
    return row.manifest


def key_of(path: Path, position: int, keys: KeyMap) -> str:
    """The manifest's key of a device for its target or MAC; `usb/0` of a controller."""
    group: Iterable[tuple[str, str]] = {
        "disk": keys.disks.items(),
        "interface": keys.networks.items(),
    }.get(path[position - 1], ())
    identity = path[position]
    if path[position - 1] == "controller":
        return identity.rstrip("/")
    return next((key for key, value in group if value == identity), identity)


def rank(path: str) -> int:
    """The turn of a manifest path when changes are shown: that of its top field in the table."""
    return _order().get(path.partition(".")[0], len(FIELDS))


@cache
def _order() -> dict[str, int]:
    """The top fields as the table has them. Places come early in it only to be found first."""
    early = frozenset(map(id, places.ROWS))
    found = dict.fromkeys(row.manifest.partition(".")[0] for row in FIELDS if id(row) not in early)
    return {name: number for number, name in enumerate(found)}
