"""Room for what is plugged in: each device takes a port, and a running guest has only so many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from kvmspec.canon.compare import get
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import live, live_tuning, rules
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.controllers import needs_scsi
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.rules import Verdict

Pair = tuple[FieldChange, Change]
Device = Mapping[str, Any]


class Port(NamedTuple):
    """A kind of port: how many are free, what takes one, and what a change costs for which none is left.
    The SCSI controller that comes with the first SCSI disk takes one of those `for_scsi`."""

    free: Callable[[Guest], int]
    takes: Callable[[str, Device], bool]
    none_left: Verdict
    for_scsi: bool = False


def within(pairs: list[Pair], comparison: Comparison, besides: Iterable[Change] = ()) -> list[Pair]:
    """The changes, those for which the running guest has no port left after a restart. What is taken out
    makes room for what comes. `besides` are plugged in and out before them."""
    for port in PORTS:
        pairs = _within(port, pairs, comparison, list(besides))
    return pairs


def _within(port: Port, pairs: list[Pair], comparison: Comparison, besides: list[Change]) -> list[Pair]:
    plugs = [pair for pair in pairs if _plugs(pair) and not live.has_it(comparison, pair[1])]
    coming = [pair for pair in plugs if _takes(port, pair[1].path, pair[1].after)]
    scsi = _with_controller(plugs, comparison) if port.for_scsi else []
    if not coming and not scsi:
        return pairs
    moves = [*(change for _, change in plugs), *besides]
    free = port.free(comparison.guest) + _freed(port, moves, comparison)
    free -= sum(1 for change in besides if _takes(port, change.path, change.after)) + bool(scsi)
    beyond = {id(pair[0]) for pair in [*coming[max(free, 0) :], *(scsi if free < 0 else [])]}
    impact, reason, avoid = port.none_left
    return [
        (replace(field, impact=impact, reason=reason, avoid=avoid) if id(field) in beyond else field, change)
        for field, change in pairs
    ]


def freed(pairs: list[Pair], comparison: Comparison) -> list[Pair]:
    """The changes, those live by which an I/O thread goes together with every disk that uses it."""
    disks = get(comparison.active, ("devices", "disk")) or {}
    going = {
        pair[1].path[2] for pair in pairs if _plugs(pair) and pair[1].path[1] == "disk" and not pair[1].after
    }
    users = {get(disk, ("driver", "@iothread")) for target, disk in disks.items() if target not in going}
    users |= {get(controller, ("driver", "@iothread")) for controller in comparison.guest.controllers("scsi")}
    return [
        (replace(field, impact=Impact.LIVE, reason="") if _is_free(field, change, users) else field, change)
        for field, change in pairs
    ]


def _is_free(field: FieldChange, change: Change, users: set[str | None]) -> bool:
    thread = change.path[:2] == live_tuning.THREADS and len(change.path) == 3
    return thread and change.after is None and field.impact is Impact.RESTART and change.path[2] not in users


def _with_controller(plugs: list[Pair], comparison: Comparison) -> list[Pair]:
    """The SCSI devices, where the first of them brings the controller."""
    if comparison.guest.controllers("scsi"):
        return []
    coming = [pair for pair in plugs if pair[1].after is not None]
    return [pair for pair in coming if needs_scsi(pair[1].path, pair[1].after)]


def _freed(port: Port, changes: list[Change], comparison: Comparison) -> int:
    """How many ports that are taken now are free then: what an earlier apply did not get out goes, too."""
    going = {change.path for change in changes if change.after is None} | {*comparison.leaving()}
    return sum(1 for path in going if _takes(port, path, get(comparison.active, path)))


def _plugs(pair: Pair) -> bool:
    field, change = pair
    return field.impact is Impact.LIVE and live.plugged(change)


def _takes(port: Port, path: tuple[str, ...], device: Any) -> bool:
    return isinstance(device, Mapping) and port.takes(path[1], device)


def _on_pci(tag: str, device: Device) -> bool:
    match tag:
        case "disk":
            return bool(get(device, ("target", "@bus")) == "virtio")
        case "input":
            return bool(device.get("@bus") == "virtio")
        case "interface" | "rng" | "vsock" | "filesystem":
            return True
        case "hostdev":
            return device.get("@type") in ("pci", "mdev")
        case _:
            return False


def _on_usb(tag: str, device: Device) -> bool:
    bus = get(device, ("target", "@bus")) if tag == "disk" else device.get("@bus")
    return bus == "usb" or (tag == "hostdev" and device.get("@type") == "usb")


PORTS = (
    Port(Guest.free_ports, _on_pci, rules.NO_PORT, for_scsi=True),
    Port(Guest.free_usb_ports, _on_usb, rules.NO_USB_PORT),
)
