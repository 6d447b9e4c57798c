"""One domain's canonical data → a first draft of its entry in the manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvmspec.canon.compare import get, put
from kvmspec.canon.shape import DOMAIN
from kvmspec.kinds.domain.importing import lines, machine, memory
from kvmspec.kinds.domain.importing.controllers import controllers
from kvmspec.kinds.domain.importing.devices import KINDS, Kind
from kvmspec.kinds.domain.importing.disks import disk
from kvmspec.kinds.domain.importing.leaf import PLACES, Data, Unsaid, said
from kvmspec.kinds.domain.importing.nics import nic
from kvmspec.kinds.domain.importing.platform import platform
from kvmspec.kinds.domain.importing.security import security

_IMPLIED = ("ps2", "xen")


def draft(data: Mapping[str, Any]) -> Data:
    """Everything that the manifest may have a word for, in long forms. Whether it fits is not asked here."""
    found: Data = {"uuid": get(data, ("uuid", "#")), "state": "any", "preset": "bare"}
    found |= said(data, machine.MACHINE) | platform(data) | security(data)
    found |= {"cpus": machine.cpus(data), "memory": memory.memory(data), "numa": memory.numa(data)}
    found |= machine.iothreads(data)
    if order := machine.boot(data):
        put(found, ("boot", "devices"), order)
    devices = data.get("devices", {})
    found |= {"disks": _each(devices, "disk", disk), "networks": _each(devices, "interface", nic)}
    found |= _flags(devices)
    found["controllers"] = controllers(devices.get("controller", {}))
    for kind in KINDS:
        if entries := _of_kind(devices, kind):
            one = kind.several is False or (kind.several is None and len(entries) == 1)
            put(found, tuple(kind.field.split(".")), entries[0] if one else entries)
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _each(
    devices: Mapping[str, Any], tag: str, read: Callable[[Mapping[str, Any]], Data | None]
) -> list[Data]:
    found = []
    for device in several(devices, tag):
        entry = _read(read, device)
        if entry:
            found.append(entry)
    return found


def several(devices: Mapping[str, Any], tag: str) -> list[Any]:
    """The devices of an element, keyed (canon.shape) or not."""
    group = devices.get(tag, {})
    if ("devices", tag) in DOMAIN.keyed:
        return list(group.values())
    return group if isinstance(group, list) else [group] if group else []


def _of_kind(devices: Mapping[str, Any], kind: Kind) -> list[Data]:
    """The entries of one kind, each once where a second one that is just alike has no word."""
    group = several(devices, kind.tag)
    if kind.tag == "serial" and lines.has_console(devices):
        return lines.numbered([entry for device in group[1:] if (entry := _read(kind.read, device))], 1)
    entries = [_read(kind.read, device) for device in group if not _elsewhere(kind, device)]
    if kind.tag in lines.TAGS:
        return lines.numbered([entry for entry in entries if entry])
    distinct: list[Data] = []
    for entry in entries:
        if entry and (kind.alike or entry not in distinct):
            distinct.append(entry)
    return distinct


def _read(read: Callable[[Mapping[str, Any]], Data | None], device: Any) -> Data | None:
    """A device, and where it is. An odd one is no reason to fail: what cannot be read is left over."""
    try:
        found = read(device)
        return found | said(device, PLACES) if isinstance(found, dict) else found
    except (KeyError, ValueError, TypeError, AttributeError, Unsaid):
        return None


def _elsewhere(kind: Kind, device: Mapping[str, Any]) -> bool:
    """What another field says, or the machine has by itself."""
    if kind.tag == "channel":
        return lines.is_agent(device)
    if kind.tag == "console":
        return bool(get(device, ("target", "@type")) == "serial")
    return kind.tag == "input" and device.get("@bus") in _IMPLIED


def _flags(devices: Mapping[str, Any]) -> Data:
    found: Data = {"console": True} if lines.has_console(devices) else {}
    for channel in filter(lines.is_agent, several(devices, "channel")):
        found["guest_agent"] = _read(lines.agent, channel) or True
    return found
