"""Names that do not move: keys of disks and NICs, and the targets and MACs they were given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kvmspec.kinds.domain.devices import DiskSpec, NicSpec
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.ownership import mac_for
from kvmspec.kinds.records import KeyMap

_PREFIX = {"virtio": "vd", "ide": "hd"}  # every other bus is sdX, as in libvirt
_DEFAULT_BUS = {True: "scsi", False: "virtio"}  # of a CD-ROM, of a disk


def disk_keys(disks: Sequence[DiskSpec]) -> list[str]:
    """A disk's key: its name, else its volume or path; CD-ROMs are `cdrom`, `cdrom#2`."""
    return _distinct(disk.name or disk.volume or disk.path or "cdrom" for disk in disks)


def nic_keys(nics: Sequence[NicSpec]) -> list[str]:
    """A NIC's key: its name, else its network or bridge (`front`, `front#2`)."""
    return _distinct(nic.name or nic.network or nic.bridge or "" for nic in nics)


def _distinct(names: Iterable[str]) -> list[str]:
    seen: dict[str, int] = {}
    keys = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return keys


def bus_of(disk: DiskSpec) -> str:
    """The bus of a new disk."""
    return disk.bus or _DEFAULT_BUS[disk.cdrom is not None]


def allocate(
    project: str,
    name: str,
    spec: VmSpec,
    known: KeyMap | None,
    live: Mapping[str, Any],
    sources: Sequence[str | None],
    macs: frozenset[str] = frozenset(),
) -> KeyMap:
    """Targets and MACs for every key of `spec`.

    What `known` has stays. Without it the VM is adopted, and its devices (`live` is its canonical
    `devices`) are recognised by source, MAC or network. What is left is new, and never gets a
    target or MAC that the VM has already, nor one of `macs`, which other VMs have.
    """
    return KeyMap(
        _disks(spec, known, live.get("disk", {}), sources),
        _nics(project, name, spec, known, live.get("interface", {}), macs),
        _retired(spec, known),
    )


def final(spec: VmSpec, keys: KeyMap, live: Mapping[str, Any]) -> KeyMap:
    """The targets and MACs that devices are to have: a stated MAC, and on another kind of bus a
    target of its kind (libvirt derives a drive's address from it)."""
    disks = dict(keys.disks)
    taken = {*live.get("disk", {}), *keys.disks.values(), *keys.retired}
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
    unclaimed = {target: disk for target, disk in live.items() if target not in given.values()}
    result: dict[str, str] = {}
    for key, disk, source in zip(disk_keys(spec.disks), spec.disks, sources, strict=True):
        target = given.get(key) or _recognise_disk(disk, source, unclaimed, adopting=known is None)
        if target is None:
            target = _free(_PREFIX.get(bus_of(disk), "sd"), taken)
        unclaimed.pop(target, None)
        taken.add(target)
        result[key] = target
    return result


def _recognise_disk(
    disk: DiskSpec, source: str | None, live: Mapping[str, Any], *, adopting: bool
) -> str | None:
    for target, candidate in live.items():
        found = candidate.get("source", {})
        path = found.get("@file") or found.get("@dev")
        if source is not None and path == source:
            return target
        if adopting and source is None and candidate.get("@device") == "cdrom":
            return target
    return None


def _free(prefix: str, taken: set[str]) -> str:
    number = 0
    while (target := prefix + letters(number)) in taken:
        number += 1
    return target


def letters(number: int) -> str:
    """0 → a, 25 → z, 26 → aa: how the kernel counts disks."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(97 + rest) + text
    return text


def _nics(
    project: str,
    name: str,
    spec: VmSpec,
    known: KeyMap | None,
    live: Mapping[str, Any],
    macs: frozenset[str],
) -> dict[str, str]:
    given = known.networks if known else {}
    named = dict(zip(nic_keys(spec.networks), spec.networks, strict=True))
    unclaimed = {mac: nic for mac, nic in live.items() if mac not in given.values()}
    result = {key: given[key] for key in named if given.get(key) in live}
    # A stated MAC claims its NIC before a network does. By its network a NIC is recognised where
    # the VM is adopted, and where its MAC was changed outside.
    for recognise, keys in ((_by_mac, named), (_by_source, named if known is None else given)):
        for key in named:
            if key in keys and key not in result and (mac := recognise(named[key], unclaimed)) is not None:
                result[key] = mac
                unclaimed.pop(mac)
    for key, nic in named.items():
        if key not in result:
            taken = {*live, *macs, *given.values(), *result.values()} - {given.get(key)}
            result[key] = given.get(key) or nic.mac or _new_mac(project, name, key, taken)
    return {key: result[key] for key in named}


def _by_mac(nic: NicSpec, live: Mapping[str, Any]) -> str | None:
    return nic.mac if nic.mac in live else None


def _by_source(nic: NicSpec, live: Mapping[str, Any]) -> str | None:
    for mac, candidate in live.items():
        source = candidate.get("source", {})
        if (nic.network and source.get("@network") == nic.network) or (
            nic.bridge and source.get("@bridge") == nic.bridge
        ):
            return mac
    return None


def _new_mac(project: str, name: str, key: str, taken: set[str]) -> str:
    mac, attempt = mac_for(project, name, key), 1
    while mac in taken:
        attempt += 1
        mac = mac_for(project, name, f"{key}\n{attempt}")
    return mac
