"""Names that do not move: keys of disks and NICs, and the targets and MACs they were given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kvmspec.kinds.domain.spec import DiskSpec, NicSpec, VmSpec
from kvmspec.kinds.ownership import mac_for

_PREFIX = {"virtio": "vd", "ide": "hd"}  # every other bus is sdX, as in libvirt
_DEFAULT_BUS = {True: "scsi", False: "virtio"}  # of a CD-ROM, of a disk


@dataclass(frozen=True, slots=True)
class KeyMap:
    """key → target of each disk, key → MAC of each NIC, as first allocated."""

    disks: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)


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
    known: KeyMap,
    live: Mapping[str, Any],
    sources: Sequence[str | None],
) -> KeyMap:
    """Targets and MACs for every key of `spec`.

    What `known` has stays; devices of an adopted VM (`live` is its canonical `devices`) are
    recognised by source, MAC or network; only what is left is new, and never gets a target or
    MAC that the VM has already.
    """
    return KeyMap(
        _disks(spec, known.disks, live.get("disk", {}), sources),
        _nics(project, name, spec, known.networks, live.get("interface", {})),
    )


def _disks(
    spec: VmSpec, known: Mapping[str, str], live: Mapping[str, Any], sources: Sequence[str | None]
) -> dict[str, str]:
    taken = set(live) | set(known.values())
    unclaimed = {target: disk for target, disk in live.items() if target not in known.values()}
    result: dict[str, str] = {}
    for key, disk, source in zip(disk_keys(spec.disks), spec.disks, sources, strict=True):
        target = known.get(key) or _recognise_disk(disk, source, unclaimed)
        if target is None:
            target = _free(_PREFIX.get(bus_of(disk), "sd"), taken)
        unclaimed.pop(target, None)
        taken.add(target)
        result[key] = target
    return result


def _recognise_disk(disk: DiskSpec, source: str | None, live: Mapping[str, Any]) -> str | None:
    for target, candidate in live.items():
        found = candidate.get("source", {})
        path = found.get("@file") or found.get("@dev")
        if source is not None and path == source:
            return target
        if disk.cdrom is not None and candidate.get("@device") == "cdrom" and source is None:
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
    project: str, name: str, spec: VmSpec, known: Mapping[str, str], live: Mapping[str, Any]
) -> dict[str, str]:
    named = dict(zip(nic_keys(spec.networks), spec.networks, strict=True))
    unclaimed = {mac: nic for mac, nic in live.items() if mac not in known.values()}
    result = {key: known[key] for key in named if key in known}
    for recognise in (_by_mac, _by_source):  # a stated MAC claims its NIC before a network does
        for key, nic in named.items():
            if key not in result and (mac := recognise(nic, unclaimed)) is not None:
                result[key] = mac
                unclaimed.pop(mac)
    for key, nic in named.items():
        if key not in result:
            taken = {*live, *known.values(), *result.values()}
            result[key] = nic.mac or _new_mac(project, name, key, taken)
    return {key: result[key] for key in named}


def _by_mac(nic: NicSpec, live: Mapping[str, Any]) -> str | None:
    return nic.mac if nic.mac in live else None


def _by_source(nic: NicSpec, live: Mapping[str, Any]) -> str | None:
    if nic.mac is not None:
        return None
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
