"""What a comparison of a VM rests on, read, rendered and fitted to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kvmspec.canon.compare import drop, get, leaves
from kvmspec.canon.identities import data_of
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds import records
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain import dimms, fit, fragments, places, preset, render
from kvmspec.kinds.domain.brief import asked_for, brief
from kvmspec.kinds.domain.compare import Comparison, Data
from kvmspec.kinds.domain.keys import allocate, disk_keys, final
from kvmspec.kinds.domain.nic_names import DRAWN
from kvmspec.kinds.domain.sources import Places, Source
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap, Record
from kvmspec.manifest.secrets import is_token


def compare(
    desired: Desired, observed: Observed, record: Record | None, view: HostView, context: Context
) -> Comparison:
    """Read, render and fit one VM that exists."""
    spec: VmSpec = desired.spec
    applied_last = record.applied if record else {}
    asked = asked_for(spec.model_fields_set, applied_last)
    asked |= fragments.tags(spec) | fragments.spoken_of(applied_last) | places.stated(spec)
    persistent = brief(observed.xml, asked)
    persistent["autostart"] = observed.autostart
    name = desired.address.name
    where = Places(context.manifest, view, record.own if record else None)
    sources = tuple(where.source(name, spec, disk) for disk in spec.disks)
    devices = persistent.get("devices", {})
    known = record.keys if record else None
    identities = [source.identity for source in sources]
    macs = records.macs(view)
    active, saved = (_of_guest(xml, asked, persistent) for xml in (observed.active_xml, observed.saved_xml))
    plugged = (active or {}).get("devices", {}).get("disk", {})
    keys = allocate(context.manifest.project, name, spec, known, devices, identities, macs, plugged)
    becomes = final(spec, keys, devices, plugged)
    full, new = _with_new_devices(spec, keys, devices)
    new |= _swapped(spec, keys, devices, sources)
    moved = _moved(spec, keys, devices)
    rendered = render.stated(context.renderer, name, full, sources, becomes, new, moved)
    recorded = fit.stated_data(rendered, full)
    stated, notes = fit.fit(recorded, persistent, keys, becomes, observed.snapshots, spec.numa is not None)
    if record is None or "loader" not in record.applied.get("os", ()):
        stated = fit.firmware(stated, persistent)
    if full is not spec or new or moved:
        plain = render.stated(context.renderer, name, spec, sources, becomes, frozenset())
        recorded = fit.stated_data(plain, spec)
    reveal = context.manifest.secrets.reveal
    _hide(stated, persistent, reveal)
    for guest in (active, saved):
        if guest is not None:
            _hide(stated, guest, reveal)
    applied = _applied(record, stated, reveal)
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


def _applied(record: Record | None, stated: Data, reveal: Any) -> Data:
    """What was applied last, with tokens where it has the secrets that are stated."""
    applied = dict(record.applied) if record else {}
    return records.unsealed(applied, stated, reveal) if record and record.sealed else applied


def _of_guest(xml: str | None, asked: frozenset[str], persistent: Data) -> Data | None:
    if xml is None:
        return None
    found = _as_stated(brief(xml, asked))
    dimms.as_defined(found, persistent)
    return found


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
        have = data_of(get(devices, ("disk", keys.disks[key], "source")) or {})
        if not disk.is_drive and None not in (have, source.identity) and have != source.identity:
            found.add(key)
    return frozenset(found)


def _moved(spec: VmSpec, keys: KeyMap, devices: Mapping[str, Any]) -> frozenset[str]:
    """The keys of disks that are on another bus until now."""
    found = set()
    for key, disk in zip(disk_keys(spec.disks), spec.disks, strict=True):
        have = get(devices, ("disk", keys.disks[key], "target", "@bus"))
        if None not in (have, disk.bus) and have != disk.bus:
            found.add(key)
    return frozenset(found)


def _hide(stated: Data, live: Data, reveal: Any) -> None:
    """Put tokens where `live` has the very secret that is stated, `(secret)` where another."""
    wanted, devices = stated.get("devices", {}), live.get("devices", {})
    for kind, graphics in devices.get("graphics", {}).items():
        if "@passwd" in graphics:
            token = get(wanted, ("graphics", kind, "@passwd"))
            graphics["@passwd"] = _hidden(token, graphics["@passwd"], reveal)
    for target, disk in devices.get("disk", {}).items():
        if cookies := get(disk, _COOKIES):
            said = get(wanted, ("disk", target, *_COOKIES)) or {}
            for name, cookie in cookies.items():
                cookie["#"] = _hidden(get(said, (name, "#")), cookie.get("#", ""), reveal)


_COOKIES = ("source", "cookies", "cookie")


def _hidden(token: Any, secret: str, reveal: Any) -> Any:
    return token if is_token(token) and reveal(token) == secret else "(secret)"
