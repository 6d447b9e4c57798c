"""Desired VM against live VM: the three views, and what they mean together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kvmspec.canon.compare import covers, drop, get, leaves, uncovered
from kvmspec.canon.read import read
from kvmspec.core.change import FieldChange
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain import fields, fit, metadata, preset, render
from kvmspec.kinds.domain.fields import Guest
from kvmspec.kinds.domain.keys import KeyMap, allocate, disk_keys, nic_keys
from kvmspec.kinds.domain.metadata import Record
from kvmspec.kinds.domain.sources import Places, Source, own_volumes
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.manifest.secrets import is_token

Path = tuple[str, ...]
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One canonical difference. `after` is None for a removal."""

    path: Path
    before: Any
    after: Any
    drift: bool = False


@dataclass(slots=True)
class Comparison:
    """Everything known of one VM that exists, in one place.

    stated    what the manifest states, and for devices that are new what the preset adds
    recorded  what the manifest states, and nothing else: what last applied will be
    """

    desired: Desired
    observed: Observed
    record: Record | None
    spec: VmSpec
    keys: KeyMap
    sources: tuple[Source, ...]
    rendered: str
    stated: Data
    recorded: Data
    persistent: Data
    active: Data | None
    applied: Data
    reveal: Any
    notes: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """The usual case, and a cheap test: nothing to do, nothing to say."""
        return (
            covers(self.stated, self.persistent)
            and self.applied == self.recorded
            and not any(get(self.persistent, path) is not None for path in self.absences)
        )

    @property
    def all_keys(self) -> KeyMap:
        """The keys there are, and those that were dropped."""
        old = self.record.keys if self.record else KeyMap()
        return KeyMap({**old.disks, **self.keys.disks}, {**old.networks, **self.keys.networks})

    @property
    def absences(self) -> list[Path]:
        return fit.absences(self.spec, self.keys)

    def changes(self) -> Iterator[Change]:
        """What the persistent definition lacks, and what it has too much."""
        for path, want, have in uncovered(self.stated, self.persistent):
            for inner, value, before in _per_device(path, want, have, self.persistent):
                yield Change(inner, before, value, get(self.applied, inner) == value)
        gone = set(self.absences)
        for path in self.absences:
            if (have := get(self.persistent, path)) is not None:
                yield Change(path, have, None)
        for path in self.dropped():
            if path not in gone and (have := get(self.persistent, path)) is not None:
                yield Change(path, have, None)

    def dropped(self) -> list[Path]:
        """Paths that were stated at the last apply and are not stated any more."""
        found: dict[Path, None] = {}
        for path, _ in leaves(self.applied):
            if get(self.recorded, path) is not None:
                continue
            row, unit = fields.lookup(path)
            if row.removable and get(self.recorded, unit) is None:
                found[unit] = None
        return list(found)


def compare(
    desired: Desired, observed: Observed, record: Record | None, view: HostView, context: Context
) -> Comparison:
    """Read, render and fit one VM that exists."""
    persistent = read(observed.xml)
    persistent["autostart"] = observed.autostart
    spec: VmSpec = desired.spec
    name = desired.address.name
    places = Places(context.manifest, view)
    sources = tuple(places.source(name, spec, disk) for disk in spec.disks)
    devices = persistent.get("devices", {})
    known = record.keys if record else KeyMap()
    paths = [source.path for source in sources]
    keys = allocate(context.manifest.project, name, spec, known, devices, paths)
    full, new = _with_new_devices(spec, keys, devices)
    rendered = render.stated(context.renderer, name, full, sources, keys, new)
    stated = read(rendered)
    notes = fit.fit(stated, persistent, spec, keys)
    recorded = stated
    if full is not spec:
        recorded = read(render.stated(context.renderer, name, spec, sources, keys, frozenset()))
        fit.fit(recorded, persistent, spec, keys)
    reveal = context.manifest.secrets.reveal
    _hide(stated, persistent, reveal)
    applied = metadata.unsealed(dict(record.applied), stated, reveal) if record else {}
    active = None
    if observed.active_xml is not None:
        active = read(observed.active_xml)
        _hide(stated, active, reveal)
    return Comparison(
        desired, observed, record, spec, keys, sources, rendered, stated, recorded, persistent, active, applied,
        reveal, notes,
    )  # fmt: skip


def _with_new_devices(spec: VmSpec, keys: KeyMap, devices: Mapping[str, Any]) -> tuple[VmSpec, frozenset[str]]:
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
        updates["graphics"] = tuple(preset.new_graphics(graphics) for graphics in spec.graphics)
    return (spec.model_copy(update=updates) if updates else spec), new_disks


def _hide(stated: Data, live: Data, reveal: Any) -> None:
    """Put tokens where `live` has the very secret that is stated, `(secret)` where another."""
    wanted = stated.get("devices", {}).get("graphics", {})
    for kind, graphics in live.get("devices", {}).get("graphics", {}).items():
        if "@passwd" in graphics:
            token = wanted.get(kind, {}).get("@passwd")
            same = is_token(token) and reveal(token) == graphics["@passwd"]
            graphics["@passwd"] = token if same else "(secret)"


def _per_device(path: Path, want: Any, have: Any, live: Data) -> Iterator[tuple[Path, Any, Any]]:
    """A missing group (`devices/disk` of a VM without disks) is one change a device."""
    if path == ("devices",) and isinstance(want, dict):
        for tag, group in want.items():
            yield from _per_device((*path, tag), group, get(live, (*path, tag)), live)
    elif len(path) == 2 and path[0] in ("devices", "features") and isinstance(want, dict) and want and have is None:
        if path[0] == "features":
            yield path, want, have
            return
        for key, device in want.items():
            yield (*path, key), device, None
    elif path == ("features",) and have is None:
        for name, value in want.items():
            yield (*path, name), value, None
    else:
        yield path, want, have


def field_change(change: Change, comparison: Comparison) -> FieldChange:
    """The change as a user sees it: manifest path, values as written there, impact, reason."""
    row, unit = fields.lookup(change.path)
    before, after = change.before, change.after
    if unit != change.path:
        before, after = get(comparison.persistent, unit), get(comparison.stated, unit)
    impact, reason = _impact(row, unit, before, after, change, comparison)
    return FieldChange(
        fields.manifest_path(row, unit, comparison.all_keys),
        _show(row, before),
        _show(row, after),
        impact,
        reason,
        sensitive=row.sensitive,
        drift=change.drift,
    )


def _impact(
    row: fields.Field, unit: Path, before: Any, after: Any, change: Change, comparison: Comparison
) -> tuple[Impact, str]:
    active = comparison.active
    impact, reason = row.rule(_scalar(before), _scalar(after), Guest(active or {}))
    if impact is Impact.REPLACE and before is not None:
        return impact, reason
    if active is None:
        return Impact.NONE, ""
    if impact >= Impact.RESTART and _booted_with(change, active):
        return Impact.LIVE, "the running guest has it already"
    return impact, reason


def _booted_with(change: Change, active: Data) -> bool:
    have = get(active, change.path)
    return have is None if change.after is None else have is not None and covers(change.after, have)


def _scalar(value: Any) -> Any:
    """The one value of an element that holds just one (`<memory>`)."""
    return value["#"] if isinstance(value, dict) and set(value) == {"#"} else value


def _show(row: fields.Field, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        if row.show is fields.present:
            return True
        return _summary(value)
    return row.show(value)


def _summary(value: Data) -> Any:
    """A device or element in a few words: where it comes from, else its kind."""
    if set(value) == {"#"}:
        number = value["#"]
        return fields.size(number) if isinstance(number, int) else number
    if value.get("@device") == "cdrom" and "source" not in value:
        return "empty"
    source = value.get("source") if isinstance(value.get("source"), dict) else value
    for name in ("@file", "@dev", "@network", "@bridge", "@mode", "@name", "@type", "@model"):
        if isinstance(source, dict) and name in source:
            return source[name]
    return True


def pending(comparison: Comparison) -> list[FieldChange]:
    """Stated fields that the definition has and the running guest has not booted with."""
    active = comparison.active
    if active is None:
        return []
    stated = _bootable(comparison.stated)
    _cpu(stated, active)
    if covers(stated, active):
        return []
    found = []
    for path, want, have in uncovered(stated, active):
        for inner, value, before in _per_device(path, want, have, active):
            if get(comparison.persistent, inner) is not None and covers(value, get(comparison.persistent, inner)):
                row, unit = fields.lookup(inner)
                name = fields.manifest_path(row, unit, comparison.keys)
                impact, reason = row.rule(_scalar(before), _scalar(value), Guest(active))
                found.append(FieldChange(name, _show(row, before), _show(row, value), impact, reason, row.sensitive))
    return found


def _bootable(stated: Data) -> Data:
    """Without what a running guest's XML does not show: the balloon moves by itself, autostart
    is not in it, an empty drive may have been filled by hand."""
    kept = {key: value for key, value in stated.items() if key not in ("currentMemory", "autostart")}
    devices = kept.get("devices")
    if devices:
        kept["devices"] = {tag: _without_driver(group) if tag == "disk" else group for tag, group in devices.items()}
    return kept


def _without_driver(disks: Data) -> Data:
    return {target: {k: v for k, v in disk.items() if k != "driver"} for target, disk in disks.items()}


def _cpu(stated: Data, active: Data) -> None:
    """A running guest's XML shows host-model expanded to `custom`."""
    mode = get(stated, ("cpu", "@mode"))
    if mode == "host-model" and get(active, ("cpu", "@mode")) == "custom":
        stated.pop("cpu")


def record_of(comparison: Comparison, context: Context) -> Record:
    """What is to stand in the VM's metadata after the apply."""
    name = comparison.desired.address.name
    return record_for(
        name, comparison.observed.uuid, comparison.spec, comparison.keys, comparison.recorded, context, comparison.record
    )


def record_for(
    name: str, uuid: str, spec: VmSpec, keys: KeyMap, stated: Data, context: Context, before: Record | None = None
) -> Record:
    """The record of a VM; volumes once listed stay listed, so that they are found when it goes."""
    manifest = context.manifest
    volumes = {f"{pool}/{volume}" for _, pool, volume in own_volumes(name, spec, Places(manifest))}
    return Record(
        manifest.project,
        uuid,
        manifest.id or (before.id if before else None),
        spec.lifecycle.prevent_destroy,
        keys,
        stated,
        tuple(sorted(volumes | set(before.volumes if before else ()))),
    )


def same_record(record: Record, before: Record | None, applied: Data) -> bool:
    """Whether the metadata says all this already (`applied`: the old one's, secrets as tokens)."""
    if before is None:
        return False
    return replace(record, applied={}) == replace(before, applied={}) and dict(record.applied) == applied


def ignored(changes: list[FieldChange], spec: VmSpec) -> set[str]:
    """Manifest paths of changes that `lifecycle.ignore_changes` takes out."""
    names = spec.lifecycle.ignore_changes
    return {c.path for c in changes if any(c.path == n or c.path.startswith((f"{n}.", f"{n}[")) for n in names)}


def without(data: Data, paths: list[Path]) -> Data:
    """A copy of nested data without some paths (for what is ignored)."""
    copied = _copy(data)
    for path in paths:
        drop(copied, path)
    return copied


def _copy(value: Any) -> Any:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value
