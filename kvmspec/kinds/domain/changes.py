"""Canonical differences of a VM → changes as a user sees them: path, values, impact, reason."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kvmspec.canon.compare import covers, get, uncovered
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import fields, fit, live, replugging, rules
from kvmspec.kinds.domain.compare import Change, Comparison, per_device
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.restarts import CPU, still_unbooted
from kvmspec.kinds.domain.row import Field, present, size
from kvmspec.kinds.domain.rules import Rule, Verdict
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.tables import disks, nics
from kvmspec.kinds.domain.tables.nic_places import NIC, place

Path = tuple[str, ...]
Data = dict[str, Any]


def field_change(change: Change, comparison: Comparison) -> FieldChange:
    """The change as a user sees it: manifest path, values as written there, impact, reason."""
    row, unit = fields.lookup(change.path)
    before, after = change.before, change.after
    if unit != change.path:
        before, after = get(comparison.persistent, unit), get(comparison.stated, unit)
    impact, reason, avoid = _impact(row, unit, before, after, change, comparison)
    path = _named(row, unit, comparison)
    show = _leaf if path == fields.CLOUD_INIT else _show
    return FieldChange(
        path,
        show(row, before),
        show(row, after),
        impact,
        reason,
        sensitive=row.sensitive,
        drift=change.drift,
        avoid=avoid,
    )


def _impact(
    row: Field, unit: Path, before: Any, after: Any, change: Change, comparison: Comparison
) -> Verdict:
    active = comparison.active
    rule = _rule(row, unit, comparison.persistent, comparison)
    if rule is rules.password and active is not None:
        before = get(active, unit)  # of one that was put off to the next boot, the console knows nothing
    verdict = rule(_scalar(before), _scalar(after), comparison.guest)
    if after is None and comparison.is_strange(change.path):
        verdict = _strict(verdict, change.path)
    if verdict.impact is Impact.REPLACE and before is not None:
        return verdict
    if active is None:
        return Verdict(Impact.NONE, "")
    if live.plugged(change) and change.after is None and live.has_it(comparison, change):
        return Verdict(Impact.LIVE, "the running guest is without it")
    if live.comes_at_boot(comparison, change.path):
        return Verdict(Impact.LIVE, "the device itself comes at the next boot")
    if verdict.impact >= Impact.RESTART and live.has_it(comparison, change):
        return Verdict(Impact.LIVE, "the running guest has it already")
    return _ceiling(row, active, comparison) or _possible(verdict, row, comparison)


DRIVES = ("cdrom", "floppy")


def _named(row: Field, unit: Path, comparison: Comparison) -> str:
    """The manifest path of what changes; of an interface's <source> that depends on its type."""
    kind = get(comparison.stated, (*unit[:3], "@type")) or get(comparison.persistent, (*unit[:3], "@type"))
    key = fields.key_of(unit, 2, comparison.all_keys) if unit[:2] == NIC[:2] else ""
    return place(unit, kind, key) or fields.manifest_path(row, unit, comparison.all_keys)


def _rule(row: Field, unit: Path, have: Data, comparison: Comparison) -> Rule:
    """The rule of a row, or the one of a case that the path does not tell; `have` is what changes."""
    if fields.manifest_path(row, unit, comparison.all_keys) == fields.CLOUD_INIT:
        return fields.SEED
    if row.rule is disks.SWAP and get(comparison.persistent, (*unit[:3], "@device")) in DRIVES:
        return disks.MEDIUM
    if row.rule is nics.PORTGROUP and _moves(unit[:3], have, comparison):
        return nics.MOVED
    return row.rule


def _strict(verdict: Verdict, path: Path) -> Verdict:
    """Of a device that goes for not being in the manifest. One that is known by its position alone may be
    another in the running guest than in its definition."""
    why = "not in the manifest; strict"
    if verdict.impact is Impact.LIVE and not path[2].startswith("#"):
        return Verdict(Impact.LIVE, why)
    reason = verdict.reason if verdict.impact > Impact.LIVE else "libvirt has no name for it to unplug it by"
    return Verdict(Impact.RESTART, f"{why}; {reason}")


def _moves(nic: Path, have: Data, comparison: Comparison) -> bool:
    """Whether an interface goes to another network, whose portgroup it then gets."""
    network = (*nic, "source", "@network")
    return bool(get(have, network) != get(comparison.stated, network))


def _possible(verdict: Verdict, row: Field, comparison: Comparison) -> Verdict:
    """libvirt's test driver neither plugs nor changes devices."""
    if verdict.impact is Impact.LIVE and not comparison.hotplugs and row.call in live.OF_DEVICES:
        return Verdict(Impact.RESTART, "libvirt's test driver changes no device of a running VM")
    return verdict


def _ceiling(row: Field, active: Data, comparison: Comparison) -> Verdict | None:
    """A ceiling that is not stated rises with its field, so it is the field that could be smaller."""
    cpus, memory, guest = comparison.spec.cpus, comparison.spec.memory, Guest(active)
    if row.manifest == "cpus.max" and cpus and cpus.count and cpus.max is None:
        verdict = rules.vcpus(None, cpus.count, guest)
    elif row.manifest == "memory.max" and memory and memory.size and memory.max is None:
        verdict = rules.memory(None, memory.size, guest)
    else:
        return None
    return verdict._replace(reason=row.rule(None, None, guest).reason) if verdict.avoid else None


def _scalar(value: Any) -> Any:
    """The one value of an element that holds just one (`<memory>`)."""
    return value["#"] if isinstance(value, dict) and set(value) == {"#"} else value


def _show(row: Field, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        if row.whole:
            return row.show(value)
        if row.show is present:
            return True
        return _summary(value)
    return row.show(value)


def _leaf(row: Field, value: Any) -> Any:
    """A file without its folder."""
    shown = _show(row, value)
    return shown.rpartition("/")[2] if isinstance(shown, str) else shown


def _summary(value: Data) -> Any:
    """A device or element in a few words: where it comes from, else its kind."""
    if set(value) == {"#"}:
        number = value["#"]
        return size(number) if isinstance(number, int) else number
    if amount := get(value, ("target", "size", "#")):
        return size(amount)
    if value.get("@device") == "cdrom" and "source" not in value:
        return "empty"
    source = value.get("source") if isinstance(value.get("source"), dict) else value
    for name in ("@file", "@dev", "@network", "@bridge", "@mode", "@name", "@type", "@model"):
        if isinstance(source, dict) and name in source:
            return source[name]
    return True


def pending(comparison: Comparison) -> list[tuple[FieldChange, Change]]:
    """Stated fields that the definition has and the running guest has not: by their impact, a
    restart is pending, or (changed by hand on the running guest alone) they can be put right live."""
    active = comparison.booted
    if active is None:
        return []
    stated = fit.firmware(_bootable(comparison.stated), active)
    _cpu(stated, active)
    leaving = [Change(path, get(active, path), None) for path in comparison.leaving()]
    found = [(_pending_field(change, active, comparison), change) for change in leaving]
    known = {change.path for change in leaving}
    found += [(_unbooted_field(c, comparison), c) for c in _unbooted(comparison) if c.path not in known]
    if covers(stated, active):
        return found
    for path, want, have in uncovered(stated, active):
        for inner, value, before in per_device(path, want, have):
            defined = get(comparison.persistent, inner)
            if defined is not None and covers(value, defined):
                change = Change(inner, before, value, drift=True)
                if live.plugged(change):
                    change = change._replace(after=defined)  # all of it, not what is stated
                found.append((_pending_field(change, active, comparison), change))
    return found


def _unbooted(comparison: Comparison) -> Iterator[Change]:
    """What only the record knows of."""
    for path in still_unbooted(comparison):
        yield Change(path, get(comparison.booted, path), get(comparison.persistent, path))


def _unbooted_field(change: Change, comparison: Comparison) -> FieldChange:
    whole_cpu = change.path == CPU
    row, unit = fields.lookup((*CPU, "@mode") if whole_cpu else change.path)
    name, sensitive = fields.manifest_path(row, unit, comparison.all_keys), row.sensitive
    reason = "the guest booted with it"
    show = _model if whole_cpu else partial(_show, row)
    return FieldChange(name, show(change.before), show(change.after), Impact.RESTART, reason, sensitive)


def _model(cpu: Any) -> Any:
    """A CPU by its model; what libvirt expanded at boot has one."""
    return get(cpu, ("model", "#")) or get(cpu, ("@mode",))


def _pending_field(change: Change, active: Data, comparison: Comparison) -> FieldChange:
    row, unit = fields.lookup(change.path)
    before, after = get(active, unit), get(comparison.stated, unit)
    if live.plugged(change):
        after = change.after
    verdict = _rule(row, unit, active, comparison)(_scalar(before), _scalar(after), comparison.guest)
    if after is None and comparison.is_strange(change.path):
        verdict = _strict(verdict, change.path)
    impact, reason, _ = _possible(verdict, row, comparison)
    if live.plugged(change) and change.before is None and replugging.is_taken(comparison, unit):
        impact, reason = Impact.RESTART, replugging.TAKEN
    name = _named(row, unit, comparison)
    return FieldChange(
        name,
        _show(row, before),
        _show(row, after),
        impact,
        reason,
        row.sensitive,
        drift=impact is Impact.LIVE,
    )


def _bootable(stated: Data) -> Data:
    """Without what a running guest's XML shows otherwise: the balloon moves by itself, autostart
    is not in it, the NIC of a network on a host's bridge is of type bridge there."""
    kept = {key: value for key, value in stated.items() if key not in ("currentMemory", "autostart")}
    if "os" in kept:  # what an image is chosen by, it shows no more
        kept["os"] = {key: value for key, value in kept["os"].items() if key != "firmware"}
    if "clock" in kept:  # what the guest sets moves
        kept["clock"] = {key: value for key, value in kept["clock"].items() if key != "@adjustment"}
    if devices := kept.get("devices"):
        kept["devices"] = {
            tag: {key: _SHOWN_OTHERWISE[tag](device) for key, device in group.items()}
            if tag in _SHOWN_OTHERWISE
            else group
            for tag, group in devices.items()
        }
    return kept


def _disk(device: Data) -> Data:
    """Without its driver, of which an empty CD drive shows nothing; what can be stated of it is kept."""
    driver = device.get("driver")
    told = {k: v for k, v in driver.items() if k in ("@cache", "@io", "@discard")} if driver else {}
    return {k: v for k, v in device.items() if k != "driver"} | ({"driver": told} if told else {})


def _interface(device: Data) -> Data:
    return {key: value for key, value in device.items() if key != "@type"}


_SHOWN_OTHERWISE = {"disk": _disk, "interface": _interface}


def _cpu(stated: Data, active: Data) -> None:
    """A running guest's XML shows host-model expanded to `custom`."""
    mode = get(stated, ("cpu", "@mode"))
    if mode == "host-model" and get(active, ("cpu", "@mode")) == "custom":
        stated.pop("cpu")
    elif mode == "custom":  # which has been checked by then, and is forbidden to be any other
        kept = {name: value for name, value in stated["cpu"].items() if name not in ("@check", "@match")}
        if model := kept.get("model"):
            kept["model"] = {name: value for name, value in model.items() if name != "@fallback"}
        stated["cpu"] = kept


def ignored(changes: list[FieldChange], spec: VmSpec) -> set[str]:
    """Manifest paths of changes that `lifecycle.ignore_changes` takes out."""
    names = spec.lifecycle.ignore_changes
    return {
        c.path for c in changes if any(c.path == n or c.path.startswith((f"{n}.", f"{n}[")) for n in names)
    }
