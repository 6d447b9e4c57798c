"""Canonical differences of a VM → changes as a user sees them: path, values, impact, reason."""

from __future__ import annotations

from typing import Any

from kvmspec.canon.compare import covers, get, uncovered
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import fields
from kvmspec.kinds.domain.compare import Change, Comparison, per_device
from kvmspec.kinds.domain.fields import Guest
from kvmspec.kinds.domain.spec import VmSpec

Path = tuple[str, ...]
Data = dict[str, Any]


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
        for inner, value, before in per_device(path, want, have):
            if get(comparison.persistent, inner) is not None and covers(
                value, get(comparison.persistent, inner)
            ):
                row, unit = fields.lookup(inner)
                name = fields.manifest_path(row, unit, comparison.keys)
                impact, reason = row.rule(_scalar(before), _scalar(value), Guest(active))
                found.append(
                    FieldChange(name, _show(row, before), _show(row, value), impact, reason, row.sensitive)
                )
    return found


def _bootable(stated: Data) -> Data:
    """Without what a running guest's XML does not show: the balloon moves by itself, autostart
    is not in it, an empty drive may have been filled by hand."""
    kept = {key: value for key, value in stated.items() if key not in ("currentMemory", "autostart")}
    devices = kept.get("devices")
    if devices:
        kept["devices"] = {
            tag: _without_driver(group) if tag == "disk" else group for tag, group in devices.items()
        }
    return kept


def _without_driver(disks: Data) -> Data:
    return {target: {k: v for k, v in disk.items() if k != "driver"} for target, disk in disks.items()}


def _cpu(stated: Data, active: Data) -> None:
    """A running guest's XML shows host-model expanded to `custom`."""
    mode = get(stated, ("cpu", "@mode"))
    if mode == "host-model" and get(active, ("cpu", "@mode")) == "custom":
        stated.pop("cpu")


def ignored(changes: list[FieldChange], spec: VmSpec) -> set[str]:
    """Manifest paths of changes that `lifecycle.ignore_changes` takes out."""
    names = spec.lifecycle.ignore_changes
    return {
        c.path for c in changes if any(c.path == n or c.path.startswith((f"{n}.", f"{n}[")) for n in names)
    }
