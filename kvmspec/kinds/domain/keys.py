"""Names that do not move: keys of disks and NICs, and the targets and MACs they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kvmspec.canon.identities import data_of
from kvmspec.kinds.domain.devices import USUAL_BUS, DiskSpec
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import allocate_macs, distinct, nic_keys
from kvmspec.kinds.records import KeyMap

_PREFIX = {"virtio": "vd", "ide": "hd", "fdc": "fd"}  # every other bus is sdX, as in libvirt


def disk_keys(disks: Sequence[DiskSpec]) -> list[str]:
    """A disk's key: its name, else its volume, its path, or what its source is known by; drives are `cdrom`,
    `cdrom#2`, `floppy`."""
    return distinct(disk.name or disk.volume or disk.path or _elsewhere(disk) for disk in disks)


def _elsewhere(disk: DiskSpec) -> str:
    return disk.kind if disk.source is None or disk.is_drive else disk.source.identity_of_data


def bus_of(disk: DiskSpec) -> str:
    """The bus of a new disk."""
    return disk.bus or USUAL_BUS[disk.kind]


def allocate(
    project: str,
    name: str,
    spec: VmSpec,
    known: KeyMap | None,
    live: Mapping[str, Any],
    sources: Sequence[str | None],
    macs: frozenset[str] = frozenset(),
    plugged: Mapping[str, Any] = {},
) -> KeyMap:
    """Targets and MACs for every key of `spec`.

    What `known` has stays. Without it the VM is adopted, and its devices (`live` is its canonical
    `devices`) are recognised by source, MAC or network. What is left is new, and never gets a
    target or MAC that the VM has already, nor one of `macs`, which other VMs have. `plugged` are the
    disks of the running guest: one of them that is not in the definition was plugged in by hand, or by
    an apply that was killed then, which its source tells.
    """
    return KeyMap(
        _disks(spec, known, {**plugged, **live.get("disk", {})}, sources),
        allocate_macs(project, name, spec.networks, known, live.get("interface", {}), macs),
        _retired(spec, known),
    )


def final(spec: VmSpec, keys: KeyMap, live: Mapping[str, Any], plugged: Mapping[str, Any] = {}) -> KeyMap:
    """The targets and MACs that devices are to have: a stated MAC, and on another kind of bus a
    target of its kind (libvirt derives a drive's address from it)."""
    disks = dict(keys.disks)
    taken = {*plugged, *live.get("disk", {}), *keys.disks.values(), *keys.retired}
    for key, disk in zip(disk_keys(spec.disks), spec.disks, strict=True):
        now = live.get("disk", {}).get(disks[key])
        prefix = _PREFIX.get(bus_of(disk), "sd")
        moves = now is not None and disk.bus not in (None, now.get("target", {}).get("@bus"))
        if moves and not disks[key].startswith(prefix):
            disks[key] = _free(prefix, taken)
            taken.add(disks[key])
    named = zip(nic_keys(spec.networks), spec.networks, strict=True)
    macs = {key: nic.mac or keys.networks[key] for key, nic in named}
    return KeyMap(disks, macs, keys.retired)


def _retired(spec: VmSpec, known: KeyMap | None) -> frozenset[str]:
    if known is None:
        return frozenset()
    declared = disk_keys(spec.disks)
    return known.retired | {target for key, target in known.disks.items() if key not in declared}


def _disks(
    spec: VmSpec, known: KeyMap | None, live: Mapping[str, Any], sources: Sequence[str | None]
) -> dict[str, str]:
    given = known.disks if known else {}
    taken = {*live, *given.values(), *(known.retired if known else ())}
    wanted = {disk.target for disk in spec.disks if disk.target is not None}
    unclaimed = {target: disk for target, disk in live.items() if target not in given.values()}
    result: dict[str, str] = {}
    for key, disk, source in zip(disk_keys(spec.disks), spec.disks, sources, strict=True):
        target = given.get(key)
        if target is None and known is None and disk.target in unclaimed:
            target = disk.target
        target = target or _recognise_disk(disk, source, unclaimed, adopting=known is None)
        if target is None and disk.target not in taken:
            target = disk.target
        if target is None:
            target = _free(_PREFIX.get(bus_of(disk), "sd"), taken | wanted)
        unclaimed.pop(target, None)
        taken.add(target)
        result[key] = target
    return result


def _recognise_disk(
    disk: DiskSpec, source: str | None, live: Mapping[str, Any], *, adopting: bool
) -> str | None:
    for target, candidate in live.items():
        if source is not None and data_of(candidate.get("source", {})) == source:
            return target
        if adopting and source is None and disk.is_drive and candidate.get("@device") == disk.kind:
            return target
    return None


def _free(prefix: str, taken: set[str]) -> str:
    number = 0
    while (target := prefix + letters(number)) in taken:
        number += 1
    return target


def number_of(target: str) -> int:
    """sda → 0, sdaa → 26."""
    number = 0
    for letter in target[2:]:
        number = number * 26 + ord(letter) - 96
    return number - 1


def letters(number: int) -> str:
    """0 → a, 25 → z, 26 → aa: how the kernel counts disks."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(97 + rest) + text
    return text
