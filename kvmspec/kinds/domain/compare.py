"""One VM that exists: desired, persistent, active and last applied, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kvmspec.canon.compare import covers, drop, get, leaves, put, uncovered
from kvmspec.canon.edit import select
from kvmspec.canon.read import read
from kvmspec.canon.shape import DOMAIN
from kvmspec.core.desired import Desired
from kvmspec.core.observed import Observed
from kvmspec.kinds.domain import fields, fit, foreign, fragments
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.tables import qemu
from kvmspec.kinds.records import KeyMap, Record

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

    @property
    def restores(self) -> bool:
        """Whether it is to be started, and a managed save brings back the guest that was saved."""
        return self.spec.state == "running" and not self.observed.running and self.saved is not None

    def restored(self) -> Comparison:
        """The same once a managed save has brought the guest back: the definition is as it shall be then."""
        return replace(self, active=self.saved)

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


def _elements(data: Data, path: Path) -> list[Path]:
    """What is there at a path: of a group of devices, each."""
    have = get(data, path)
    if have is None:
        return []
    return [(*path, key) for key in have] if path[0] == "devices" and path in DOMAIN.keyed else [path]


def last_first(path: Path) -> int:
    """Sorts what goes: of several alike the last one first, or the others would get its number meanwhile."""
    number = path[-1].rpartition("#")[2]
    return -int(number) if number.isdecimal() else 0


_GROUPS = frozenset(
    {("devices",), ("features",), ("cputune",), ("cputune", "vcpupin"), ("cputune", "iothreadpin")}
    | {("iothreadids",), ("iothreadids", "iothread"), ("memtune",), ("numatune",), ("numatune", "memory")}
    | {("blkiotune",), ("maxMemory",), ("memoryBacking",), ("cpu",), ("cpu", "feature")}
    | {("clock", "timer"), ("pm",), ("features", "hyperv"), ("features", "kvm"), ("os",)}
    | {("sysinfo",), ("sysinfo", "fwcfg", "entry")}
    | {("sysinfo", "smbios", tag, "entry") for tag in ("bios", "system", "baseBoard", "chassis")}
    | {("sysinfo", "smbios", tag) for tag in ("bios", "system", "baseBoard", "chassis")}
    | {("seclabel",), ("keywrap",), ("keywrap", "cipher"), ("perf",), ("perf", "event"), ("idmap",)}
    | {("metadata",)}
    | qemu.GROUPS
    | {("os", "firmware"), ("os", "firmware", "feature")}
    | {("numatune", "memnode"), ("vcpus",), ("vcpus", "vcpu")}
    | {("cpu", "numa", "cell"), ("cpu", "numa", "interconnects"), ("blkiotune", "device")}
    | {("cputune", tag) for tag in ("vcpusched", "iothreadsched", "cachetune", "memorytune")}
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
