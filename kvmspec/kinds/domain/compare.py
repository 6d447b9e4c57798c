"""One VM that exists: desired, persistent, active and last applied, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kvmspec.canon.compare import covers, drop, get, leaves, put, uncovered
from kvmspec.canon.edit import select
from kvmspec.canon.read import read
from kvmspec.canon.shape import DOMAIN
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds import records
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain import fields, fit, foreign, fragments, preset, render
from kvmspec.kinds.domain.brief import brief
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.keys import allocate, disk_keys, final
from kvmspec.kinds.domain.nic_spec import DRAWN
from kvmspec.kinds.domain.sources import Places, Source
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap, Record
from kvmspec.manifest.secrets import is_token

Path = tuple[str, ...]
Data = dict[str, Any]


class Change(NamedTuple):
    """One canonical difference. `after` is None for a removal."""

    path: Path
    before: Any
    after: Any
    drift: bool = False


@dataclass(slots=True)
class Comparison:
    """Everything known of one VM that exists, in one place.

    keys      the targets and MACs that its devices have; becomes: that they are to have
    stated    what the manifest states, and for devices that are new what the preset adds
    recorded  what the manifest states, and nothing else: what last applied will be
    persistent, active   of the definition and the running guest what a manifest can state
    hotplugs  whether the host can change devices of a running guest at all
    saved     the same of a guest that a managed save will bring back
    unbooted  what the record is to say of it, see domain/restarts.py
    """

    desired: Desired
    observed: Observed
    record: Record | None
    spec: VmSpec
    keys: KeyMap
    becomes: KeyMap
    rendered: str
    stated: Data
    recorded: Data
    persistent: Data
    active: Data | None
    applied: Data
    notes: list[str]
    hotplugs: bool = True
    saved: Data | None = None
    unbooted: dict[Path, str] = field(default_factory=dict)
    same: bool = False

    def __post_init__(self) -> None:
        """The usual case, and a cheap test: nothing to do."""
        self.same = (
            self.applied == self.recorded
            and covers(self.stated, self.persistent)
            and not any(get(self.persistent, path) is not None for path in self.absences)
            and not (self.spec.strict and self.strangers())
        )

    @property
    def booted(self) -> Data | None:
        """What the guest booted with; of one that is off, what its managed save brings back."""
        return self.saved if self.active is None else self.active

    def whole(self) -> Data:
        """All of the definition, also what no manifest states; `persistent` is without that."""
        return read(self.observed.xml)

    @property
    def all_keys(self) -> KeyMap:
        """The keys there are, and those that were dropped."""
        old = self.record.keys if self.record else KeyMap()
        return KeyMap({**old.disks, **self.keys.disks}, {**old.networks, **self.keys.networks})

    @property
    def absences(self) -> list[Path]:
        places = (self.persistent, self.active or {})
        listed = fit.absences(self.spec, self.keys, *places)
        return [*listed, *fragments.absences(self.spec, self.stated, places)]

    def changes(self) -> Iterator[Change]:
        """What the persistent definition lacks, and what it has too much."""
        for path, want, have in uncovered(self.stated, self.persistent):
            for inner, value, before in per_device(path, want, have):
                yield Change(inner, before, value, self._was_applied(inner))
        unwanted = [*self.absences, *self.dropped()]
        each = [inner for path in unwanted for inner in _elements(self.persistent, path)]
        if self.spec.strict:
            each += self.strangers()
        for path in sorted(dict.fromkeys(each), key=last_first):
            yield Change(path, get(self.persistent, path), None)

    def leave_out(self, path: Path) -> None:
        """Record of an ignored field what the last apply did, not what is stated now."""
        self.recorded = fit.copied(self.recorded)
        unit = fields.lookup(path)[1]
        before = get(self.applied, unit)
        if before is not None:
            put(self.recorded, unit, before)
        elif get(self.recorded, unit) is not None:  # else `drop` would take an element that was empty before
            drop(self.recorded, unit)

    def _was_applied(self, path: Path) -> bool:
        """Whether the last apply left it as it is wanted now: then it was changed outside."""
        path = self._to_be(path)
        wanted = get(self.recorded, path)
        return wanted is not None and get(self.applied, path) == wanted

    def _to_be(self, path: Path) -> Path:
        """The path of a device as it is called when its new target or MAC is set."""
        for tag, has, final_names in (
            ("disk", self.keys.disks, self.becomes.disks),
            ("interface", self.keys.networks, self.becomes.networks),
        ):
            if path[:2] == ("devices", tag) and len(path) > 2:
                names = {has[key]: final_names[key] for key in has}
                path = (*path[:2], names.get(path[2], path[2]), *path[3:])
        return path

    def element(self, path: Path) -> str:
        """The XML of what is wanted at a path."""
        return select(self.rendered, self._to_be(path))

    @property
    def guest(self) -> Guest:
        """The running guest, or the one that was saved; of a VM that is off, nothing is known of it."""
        return Guest(self.booted or {}, self.observed.active_xml or self.observed.saved_xml or "")

    @property
    def defined(self) -> Guest:
        """The guest as its definition has it, and as it will boot."""
        return Guest(self.persistent, self.observed.xml)

    def leaving(self) -> list[Path]:
        """What is not wanted any more and gone from the definition, and the running guest has still."""
        if self.active is None:
            return []
        each = self.visitors() if self.spec.strict else []
        if self.applied != self.recorded or self.absences:
            unwanted = [*self.absences, *self.dropped()]
            each += [inner for path in unwanted for inner in _elements(self.active, path)]
        return [path for path in dict.fromkeys(each) if get(self.persistent, path) is None]

    def strangers(self) -> list[Path]:
        """The devices of the definition that neither the manifest nor kvmspec put there."""
        return list(foreign.strangers(self.persistent, self.stated, self.applied))

    def visitors(self) -> list[Path]:
        """Those that only the running guest has: plugged in by hand."""
        found = foreign.strangers(self.active or {}, self.stated, self.applied)
        return [path for path in found if get(self.persistent, path) is None]

    def is_strange(self, path: Path) -> bool:
        """Whether a path is in a device that is taken out for that it is not in the manifest."""
        return self.spec.strict and path[:3] in {*self.strangers(), *self.visitors()}

    def kept(self) -> list[str]:
        """Manifest paths that are not stated any more and stay as they are all the same: ceilings,
        the machine, a bus, a card's model have no default to go back to."""
        found: dict[str, None] = {}
        for path, _ in leaves(self.applied):
            if not path or get(self.stated, path) is not None:  # without a path nothing was ever applied
                continue
            row, unit = fields.lookup(path)
            gone = get(self.stated, unit) is None and get(self.persistent, unit) is not None
            inside = path[0] != "devices" or get(self.stated, path[:3]) is not None
            if gone and inside and not row.removable and row.canonical:
                found[fields.manifest_path(row, unit, self.all_keys)] = None
        return list(found)

    def dropped(self) -> list[Path]:
        """Paths that were stated at the last apply and are not stated any more."""
        found: dict[Path, None] = {}
        for path, _ in leaves(self.applied):
            if get(self.stated, path) is None and (unit := self._unit_gone(path)) is not None:
                found[unit] = None
        # of a device that goes as a whole nothing goes besides
        return [unit for unit in found if not any(unit[:n] in found for n in range(1, len(unit)))]

    def _unit_gone(self, path: Path) -> Path | None:
        """The largest thing that a path is in, that can go, and of which nothing is stated any more."""
        for length in range(1, len(path) + 1):
            whole = path[:length]
            if whole not in _GROUPS and fields.is_unknown(whole) and get(self.stated, whole) is None:
                return whole  # of a fragment
        for length in range(2, len(path) + 1):
            row, unit = fields.lookup(path[:length])
            if row.removable and len(unit) == length and get(self.stated, unit) is None:
                return unit
        row, unit = fields.lookup(path)
        return unit if row.removable and get(self.stated, unit) is None else None


def compare(
    desired: Desired, observed: Observed, record: Record | None, view: HostView, context: Context
) -> Comparison:
    """Read, render and fit one VM that exists."""
    spec: VmSpec = desired.spec
    speaks_of = fragments.tags(spec) | fragments.spoken_of(record.applied if record else {})
    persistent = brief(observed.xml, speaks_of)
    persistent["autostart"] = observed.autostart
    name = desired.address.name
    places = Places(context.manifest, view, record.own if record else None)
    sources = tuple(places.source(name, spec, disk) for disk in spec.disks)
    devices = persistent.get("devices", {})
    known = record.keys if record else None
    paths = [source.path for source in sources]
    macs = records.macs(view)
    active, saved = (_of_guest(xml, speaks_of) for xml in (observed.active_xml, observed.saved_xml))
    plugged = (active or {}).get("devices", {}).get("disk", {})
    keys = allocate(context.manifest.project, name, spec, known, devices, paths, macs, plugged)
    becomes = final(spec, keys, devices, plugged)
    full, new = _with_new_devices(spec, keys, devices)
    new |= _swapped(spec, keys, devices, sources)
    rendered = render.stated(context.renderer, name, full, sources, becomes, new)
    recorded = fit.stated_data(rendered, full)
    stated, notes = fit.fit(recorded, persistent, keys, becomes, observed.snapshots)
    if full is not spec or new:
        plain = render.stated(context.renderer, name, spec, sources, becomes, frozenset())
        recorded = fit.stated_data(plain, spec)
    reveal = context.manifest.secrets.reveal
    _hide(stated, persistent, reveal)
    applied = dict(record.applied) if record else {}
    if record and record.sealed:
        applied = records.unsealed(applied, stated, reveal)
    for guest in (active, saved):
        if guest is not None:
            _hide(stated, guest, reveal)
    applied = _without_what_is_nowhere(applied, recorded, [persistent, active or {}, saved or {}])
    return Comparison(
        desired=desired,
        observed=observed,
        record=record,
        spec=spec,
        keys=keys,
        becomes=becomes,
        rendered=rendered,
        stated=stated,
        recorded=recorded,
        persistent=persistent,
        active=active,
        applied=applied,
        notes=notes,
        hotplugs=view.facts.hotplugs,
        saved=saved,
    )


def _of_guest(xml: str | None, speaks_of: frozenset[str]) -> Data | None:
    return None if xml is None else _as_stated(brief(xml, speaks_of))


def _elements(data: Data, path: Path) -> list[Path]:
    """What is there at a path: of a group of devices, each."""
    have = get(data, path)
    if have is None:
        return []
    return [(*path, key) for key in have] if path[0] == "devices" and path in DOMAIN.keyed else [path]


def _without_what_is_nowhere(applied: Data, recorded: Data, places: Sequence[Data]) -> Data:
    """Last applied, without what is not stated any more and in none of `places`: nothing is left to do
    about it, though it was still there when the record was written."""
    if applied == recorded:
        return applied
    gone = [
        path
        for path, _ in leaves(applied)
        if path and get(recorded, path) is None and all(get(data, path) is None for data in places)
    ]
    kept = fit.copied(applied)
    for path in gone:
        drop(kept, path)
    return dict(kept)


def _as_stated(active: Data) -> Data:
    """Without what libvirt adds to the XML of a running guest, and a manifest could state: an ejected CD
    leaves a `<source index='6'/>` (libvirt 9.0), and a tap has a name."""
    for disk in active.get("devices", {}).get("disk", {}).values():
        if disk.get("source", {}).keys() == {"@index"}:
            del disk["source"]
    for nic in active.get("devices", {}).get("interface", {}).values():
        if DRAWN.match(nic.get("target", {}).get("@dev", "")):
            del nic["target"]  # that of a tap nobody has named
    return active


def _with_new_devices(
    spec: VmSpec, keys: KeyMap, devices: Mapping[str, Any]
) -> tuple[VmSpec, frozenset[str]]:
    """The preset for devices the VM does not have yet, and the keys of its new disks."""
    disks, nics = devices.get("disk", {}), devices.get("interface", {})
    new_disks = frozenset(key for key, target in keys.disks.items() if target not in disks)
    new_nics = {key for key, mac in keys.networks.items() if mac not in nics}
    standard = spec.preset == "standard"
    updates: dict[str, Any] = {}
    if new_disks:
        pairs = zip(disk_keys(spec.disks), spec.disks, strict=True)
        updates["disks"] = tuple(preset.new_disk(d, standard) if key in new_disks else d for key, d in pairs)
    if new_nics:
        named = zip(nic_keys(spec.networks), spec.networks, strict=True)
        updates["networks"] = tuple(preset.new_nic(n, standard) if key in new_nics else n for key, n in named)
    if spec.graphics and "graphics" not in devices:
        updates["graphics"] = tuple(preset.new_graphics(one, standard) for one in spec.graphics)
    return (spec.model_copy(update=updates) if updates else spec), new_disks


def _swapped(
    spec: VmSpec, keys: KeyMap, devices: Mapping[str, Any], sources: Sequence[Source]
) -> frozenset[str]:
    """The keys of disks that have another source until now: they are read in the format of the new one."""
    found = set()
    for key, disk, source in zip(disk_keys(spec.disks), spec.disks, sources, strict=True):
        have = get(devices, ("disk", keys.disks[key], "source")) or {}
        path = have.get("@file") or have.get("@dev")
        if disk.cdrom is None and None not in (path, source.path) and path != source.path:
            found.add(key)
    return frozenset(found)


def _hide(stated: Data, live: Data, reveal: Any) -> None:
    """Put tokens where `live` has the very secret that is stated, `(secret)` where another."""
    wanted = stated.get("devices", {}).get("graphics", {})
    for kind, graphics in live.get("devices", {}).get("graphics", {}).items():
        if "@passwd" in graphics:
            token = wanted.get(kind, {}).get("@passwd")
            same = is_token(token) and reveal(token) == graphics["@passwd"]
            graphics["@passwd"] = token if same else "(secret)"


def last_first(path: Path) -> int:
    """Sorts what goes: of several alike the last one first, or the others would get its number meanwhile."""
    number = path[-1].rpartition("#")[2]
    return -int(number) if number.isdecimal() else 0


_GROUPS = frozenset(
    {("devices",), ("features",), ("cputune",), ("cputune", "vcpupin"), ("cputune", "iothreadpin")}
    | {("iothreadids",), ("iothreadids", "iothread"), ("memtune",), ("numatune",), ("numatune", "memory")}
    | {("blkiotune",), ("maxMemory",), ("memoryBacking",), ("cpu",), ("cpu", "feature")}
)
"""Elements that are not changed as a whole, but each of what is in them."""


def per_device(path: Path, want: Any, have: Any) -> Iterator[tuple[Path, Any, Any]]:
    """A missing group (`devices/disk` of a VM without disks) is one change a device; of an element that
    the table knows in parts only (<iotune>), one a part."""
    if have is None and isinstance(want, dict) and path in _GROUPS:
        for tag, inner in want.items():
            yield from per_device((*path, tag), inner, None)
    elif have is None and isinstance(want, dict) and len(path) == 2 and path[0] == "devices":
        for key, device in want.items():
            yield (*path, key), device, None
    elif have is None and isinstance(want, dict) and len(path) > 3 and fields.is_parted(path):
        for name, inner in want.items():
            yield (*path, name), inner, None
    else:
        yield path, want, have
