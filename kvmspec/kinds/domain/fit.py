"""Stated data made comparable with a live VM: what a stated value is compared with depends on
its type, and says so here and nowhere else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from kvmspec.canon.compare import get, replaced
from kvmspec.canon.identities import data_of
from kvmspec.canon.read import read
from kvmspec.kinds.domain import places
from kvmspec.kinds.domain.absences import devices
from kvmspec.kinds.domain.fragments import tags
from kvmspec.kinds.domain.keys import disk_keys
from kvmspec.kinds.domain.rules import same_machine
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.tables.devices import AGENT
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap

Data = dict[str, Any]
_PLACES = frozenset({"address"})  # brief.NEVER_STATED


def stated_data(rendered: str, spec: VmSpec) -> Data:
    """What the manifest states, as canonical data; this is what last applied records, so nothing
    that was merely observed may enter here."""
    stated = read(rendered, _PLACES - tags(spec) - places.stated(spec))
    stated.pop("name", None)
    stated.pop("uuid", None)
    stated.pop("iothreads", None)  # each has its number, too
    if spec.autostart is not None:
        stated["autostart"] = spec.autostart
    kind = stated.get("os", {}).get("type")
    if kind is not None:
        kind.pop("#", None)
    if spec.cpus is None or spec.cpus.count is None:  # read() fills in what libvirt means, not what is stated
        stated.get("vcpu", {}).pop("@current", None)
    if spec.memory is None or spec.memory.size is None:
        stated.pop("currentMemory", None)
    return stated


def fit(
    stated: Data,
    persistent: Data,
    keys: KeyMap,
    becomes: KeyMap,
    snapshots: Sequence[str] = (),
    divided: bool = False,
) -> tuple[Data, list[str]]:
    """`stated` as it compares with `persistent`, and notes for a reviewer. `keys` are the targets
    and MACs that devices have, `becomes` those they are to have; `divided`: its NUMA cells are stated. What
    fits already is shared."""
    fitted = _by_identity(stated, keys, becomes)
    fitted = fitted if divided else _cells(fitted, persistent)
    fitted = _ceilings(_machine(fitted, persistent), persistent)
    return _chains(fitted, persistent, keys, snapshots)


def copied(value: Any) -> Any:
    """A copy of nested dicts (copy.deepcopy takes ten times as long)."""
    return {key: copied(inner) for key, inner in value.items()} if type(value) is dict else value


def _machine(stated: Data, persistent: Data) -> Data:
    want, have = get(stated, ("os", "type", "@machine")), get(persistent, ("os", "type", "@machine"))
    if want and have and same_machine(want, have):
        return replaced(stated, ("os", "type", "@machine"), have)
    return stated


def _ceilings(stated: Data, persistent: Data) -> Data:
    """A ceiling that is not stated rises with what must fit below it."""
    vcpu, live = stated.get("vcpu"), persistent.get("vcpu", {})
    if vcpu and "@current" in vcpu and "#" not in vcpu and int(vcpu["@current"]) > int(live.get("#", 0)):
        stated = replaced(stated, ("vcpu", "#"), vcpu["@current"])
    size, ceiling = get(stated, ("currentMemory", "#")), get(persistent, ("memory", "#"))
    if size is not None and "memory" not in stated and size > (ceiling or 0):
        stated = replaced(stated, ("memory", "#"), size)
    return stated


def _cells(stated: Data, persistent: Data) -> Data:
    """One cell with everything is stated where there is room for DIMMs; others may be there instead."""
    cells = get(persistent, ("cpu", "numa", "cell")) or {}
    if set(cells) <= {"0"} or "numa" not in stated.get("cpu", {}):
        return stated
    return {**stated, "cpu": {name: value for name, value in stated["cpu"].items() if name != "numa"}}


def firmware(stated: Data, have: Data) -> Data:
    """UEFI that libvirt is to find is there where an image in flash memory is named: so the running guest's
    XML has it (9.0), and machines that others made."""
    wanted, found = stated.get("os", {}), have.get("os", {})
    flash = get(found, ("loader", "@type")) == "pflash"
    if wanted.get("@firmware") != "efi" or "firmware" in wanted or "@firmware" in found or not flash:
        return stated
    return {**stated, "os": {name: value for name, value in wanted.items() if name != "@firmware"}}


def _by_identity(stated: Data, keys: KeyMap, becomes: KeyMap) -> Data:
    """A device is known by the target or MAC it has; a new one for it is a change inside it."""
    for tag, has, final in (
        ("disk", keys.disks, becomes.disks),
        ("interface", keys.networks, becomes.networks),
    ):
        back = {final[key]: has[key] for key in has if final[key] != has[key]}
        group = get(stated, ("devices", tag))
        if back and group is not None:
            named = {back.get(name, name): device for name, device in group.items()}
            stated = replaced(stated, ("devices", tag), named)
    return stated


def _chains(stated: Data, persistent: Data, keys: KeyMap, snapshots: Sequence[str]) -> tuple[Data, list[str]]:
    """A disk whose stated source is anywhere below the live one has a snapshot and is no change."""
    notes = []
    live = persistent.get("devices", {}).get("disk", {})
    names = {target: key for key, target in keys.disks.items()}
    for target, disk in stated.get("devices", {}).get("disk", {}).items():
        have = live.get(target)
        want = _path(disk)
        if have is None or want is None or _path(have) in (None, want):
            continue
        if want in chain(have) | _snapped(_path(have), snapshots):
            same = {**disk, "source": have["source"], "@type": have.get("@type")}
            same.pop("backingStore", None)
            if driver := disk.get("driver"):
                same["driver"] = {name: value for name, value in driver.items() if name != "@type"}
            stated = replaced(stated, ("devices", "disk", target), same)
            notes.append(f"disks.{names.get(target, target)} has a snapshot: {_path(have)} lies over {want}")
    return stated, notes


_BACKING = ("locked", "nosharepages", "discard")


def _other_cells(count: int, spec: VmSpec, where: Sequence[Data]) -> list[tuple[str, ...]]:
    """NUMA cells beyond those that are stated; without any all of them, unless DIMMs need the first."""
    if not count and not spec.celled:
        return [("cpu", "numa")]
    there = {key for data in where for key in get(data, ("cpu", "numa", "cell")) or ()}
    return [("cpu", "numa", "cell", key) for key in sorted(there, key=int) if int(key) >= max(count, 1)]


def _path(disk: Mapping[str, Any]) -> str | None:
    return data_of(disk.get("source") or {})


def chain(disk: Mapping[str, Any]) -> set[str]:
    """Every file below a live disk. After an external snapshot, made live or offline, libvirt
    keeps the chain in the inactive XML (measured on 9.0)."""
    found: set[str] = set()
    below = disk.get("backingStore")
    while isinstance(below, dict) and below:
        if path := _path(below):
            found.add(path)
        below = below.get("backingStore")
    return found


def _snapped(path: str | None, snapshots: Sequence[str]) -> set[str]:
    """Every file below `path` by the VM's external snapshots: one made of a stopped VM leaves no
    chain in its definition (measured on 9.0)."""
    below: dict[str, str] = {}
    for xml in snapshots:
        root = ET.fromstring(xml)
        before = {
            disk.find("target").get("dev"): _file(disk)  # type: ignore[union-attr]  # libvirt's dumps have one
            for disk in root.iterfind("domain/devices/disk")
        }
        for disk in root.iterfind("disks/disk[@snapshot='external']"):
            overlay, base = _file(disk), before.get(disk.get("name"))
            if overlay and base:
                below[overlay] = base
    found: set[str] = set()
    while path in below and below[path] not in found:
        path = below[path]
        found.add(path)
    return found


def _file(disk: ET.Element) -> str | None:
    source = disk.find("source")
    return None if source is None else source.get("file") or source.get("dev")


def absences(spec: VmSpec, keys: KeyMap, *where: Data) -> list[tuple[str, ...]]:
    """Canonical paths that the manifest says must not be there, in the definition or in the running guest
    (`where`)."""
    paths: list[tuple[str, ...]] = []
    if spec.features is not None:
        paths += [("features", name) for name in spec.features.refused]
    if spec.firmware is not None:
        paths += spec.firmware.absent
    if spec.memory is not None:
        refused = (name for name in _BACKING if getattr(spec.memory, name) is False)
        paths += [("memoryBacking", name) for name in refused]
    if spec.numa is not None:
        paths += _other_cells(len(spec.numa.cells), spec, where)
    if spec.console is False and not spec.devices.serials:
        paths.append(("devices", "console", "serial"))
    if spec.guest_agent is False:
        paths.append(("devices", "channel", AGENT))
    paths += devices(spec, where)
    if spec.graphics == ():
        paths.append(("devices", "graphics"))
    paths += [
        ("devices", "disk", keys.disks[key], "source")
        for key, disk in zip(disk_keys(spec.disks), spec.disks, strict=True)
        if disk.is_empty
    ]
    paths += [  # libvirt says nothing of a closed one
        ("devices", "disk", keys.disks[key], "target", "@tray")
        for key, disk in zip(disk_keys(spec.disks), spec.disks, strict=True)
        if disk.tray == "closed"
    ]
    paths += [
        ("devices", "disk", keys.disks[key], name)
        for key, disk in zip(disk_keys(spec.disks), spec.disks, strict=True)
        for name in ("readonly", "shareable", "transient")
        if getattr(disk, name) is False
    ]
    paths += [
        ("devices", "interface", keys.networks[key], place)
        for key, nic in zip(nic_keys(spec.networks), spec.networks, strict=True)
        for place in nic.absent
    ]
    return paths
