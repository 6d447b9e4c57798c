"""Which field of a draft a place in canonical data comes from: the tables, forwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.shape import DOMAIN
from kvmspec.kinds.domain.controllers_spec import name_of, placed
from kvmspec.kinds.domain.importing import controllers, disks, machine, memory, nics, platform, security
from kvmspec.kinds.domain.importing.accept import Place, at
from kvmspec.kinds.domain.importing.devices import KINDS
from kvmspec.kinds.domain.importing.leaf import PLACES, Data, Leaf, Path
from kvmspec.kinds.domain.keys import disk_keys
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.tables.devices import AGENT
from kvmspec.kinds.domain.words import BLOCKS
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap


def _fields(leaves: tuple[Leaf, ...], above: str = "") -> dict[Path, str]:
    return {leaf.path: above + leaf.field for leaf in leaves}


_ALONE: Mapping[Path, str] = {
    **_fields(machine.MACHINE),
    **_fields(platform.PLATFORM),
    **_fields(security.SECURITY),
    **security.OWNERS,
    **{("sysinfo", "smbios", tag): f"sysinfo.{name}" for name, tag in BLOCKS.items()},
    ("clock", "timer"): "clock.timers",
    **{(name,): name for name in ("features", "clock", "pm", "sysinfo")},
    ("features", "hyperv"): "features.hyperv",
    ("features", "kvm"): "features.kvm",
    ("os", "loader"): "firmware",
    ("os", "nvram"): "firmware.nvram",
    **{("os", "nvram", part): "firmware.nvram_source" for part in ("source", "@type")},
    ("os", "firmware"): "firmware",
    ("os", "smbios"): "sysinfo",
    ("sysinfo", "fwcfg"): "sysinfo.fw_cfg",
    ("cpu", "cache"): "cpus.cache",
    ("cpu", "maxphysaddr"): "cpus.address_bits",
    **_fields(machine.CPUS, "cpus."),
    **_fields(memory.MEMORY, "memory."),
    ("cpu", "feature"): "cpus.features",
    ("cpu", "numa"): "numa",
    ("numatune", "memory"): "memory.numatune",
    ("cputune", "vcpupin"): "cpus.pin",
    ("cputune", "iothreadpin"): "iothreads",
    ("cputune", "iothreadsched"): "iothreads",
    ("defaultiothread",): "default_iothread",
    ("iothreadids",): "iothreads",
    ("os", "boot"): "boot.devices",
    ("maxMemory",): "memory.slots",
    ("devices", "console", "serial"): "console",
    ("devices", "channel", AGENT): "guest_agent",
    ("devices", "memballoon", "stats"): "memory.stats_period",
}
_DISK, _NIC = _fields(disks.DISK), _fields(nics.NIC)
_MEMORY = _fields((*memory.DEVICE, *memory.DIMM))
_CONTROLLER = _fields(controllers.CONTROLLER)
_PLACE: Mapping[Path, str] = {leaf.path[:1]: leaf.field for leaf in PLACES}
_KINDS = {kind.tag: kind for kind in KINDS}
_NEEDED = frozenset({("memory", "size"), ("cpus", "count"), ("uuid",)})


def owner(path: Path, rendered: Data, draft: Data, spec: VmSpec, keys: KeyMap) -> Place | None:
    """The smallest part of the draft without which `path` would not be rendered; None where there is none
    that can go."""
    for place in _candidates(path, rendered, spec, keys):
        if place not in _NEEDED and at(draft, place) is not None:
            return place
    return None


def _candidates(path: Path, rendered: Data, spec: VmSpec, keys: KeyMap) -> list[Place]:
    """Places to look at, the smallest first."""
    if path[:2] == ("devices", "disk") and len(path) > 2:
        names = [keys.disks[key] for key in disk_keys(spec.disks)]
        return _inside(("disks", names.index(path[2])), path[3:], _DISK)
    if path[:2] == ("devices", "controller") and len(path) > 2:
        listed = next((one.spec for one in placed(spec.controllers) if name_of(one) == path[2]), None)
        nth = next((n for n, one in enumerate(spec.controllers) if one is listed), None)
        return [] if nth is None else _inside(("controllers", nth), path[3:], _CONTROLLER)
    if path[:2] == ("devices", "interface") and len(path) > 2:
        macs = [
            nic.mac or keys.networks[key]
            for key, nic in zip(nic_keys(spec.networks), spec.networks, strict=True)
        ]
        return _inside(("networks", macs.index(path[2])), path[3:], _NIC)
    found = [
        tuple(field.split(".")) for length in range(len(path), 0, -1) if (field := _ALONE.get(path[:length]))
    ]
    if path[0] == "devices" and len(path) > 1 and path[1] in _KINDS:
        found += _of_kind(path, rendered, spec)
        if spec.console and path[1:3] in (("console", "serial"), ("serial", "#0")):
            return [("console",)]
    if path[:2] == ("devices", "memory"):
        found += _plugged(path, rendered, spec)
    if path[:2] == ("cpu", "numa"):
        found.append(("memory", "slots"))  # room for DIMMs brings a cell
    return [*found]


def _plugged(path: Path, rendered: Data, spec: VmSpec) -> list[Place]:
    """A memory device: DIMMs come first."""
    names = list(rendered["devices"]["memory"])
    if spec.memory is None or len(path) < 3 or path[2] not in names:
        return [("memory", "devices"), ("memory", "dimms")]
    number, dimms = names.index(path[2]), len(spec.memory.dimms)
    place = ("memory", "dimms", number) if number < dimms else ("memory", "devices", number - dimms)
    return _inside(place, path[3:], _MEMORY)


def _inside(device: Place, path: Path, fields: Mapping[Path, str]) -> list[Place]:
    lengths = range(len(path), 0, -1)
    found = [fields[path[:length]] for length in lengths if path[:length] in fields]
    found += [_PLACE[path[:1]]] if path[:1] in _PLACE else []
    return [*((*device, *field.split(".")) for field in found), device]


def _of_kind(path: Path, rendered: Data, spec: VmSpec) -> list[Place]:
    """One entry of a list, where it is known which; else all of them."""
    kind = _KINDS[path[1]]
    whole: Place = tuple(kind.field.split("."))
    if kind.several is False or len(path) < 3 or ("devices", path[1]) not in DOMAIN.keyed:
        field = next((_PLACE[(part,)] for part in path[2:4] if (part,) in _PLACE), None)
        return [*([(*whole, field)] if field else ()), whole]
    group: Mapping[str, Any] = rendered["devices"][path[1]]
    others = {AGENT, "serial", *(("#0",) if path[1] == "serial" and spec.console else ())}
    names = [name for name in group if name not in others]
    if path[2] not in names:
        return [whole]
    entry: Place = (*whole, names.index(path[2]))
    field = _PLACE.get(path[3:4])
    return [*([(*entry, field), (*whole, field)] if field else ()), entry, whole]
