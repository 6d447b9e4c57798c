"""Tune actions → libvirt. Each is followed by a look at whether the running guest has it now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.libvirt.tuning import UNLIMITED, Tuning
from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.core.action import Tune
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.live import Call
from kvmspec.kinds.domain.cpus_spec import SCHEDULING
from kvmspec.kinds.domain.tables.cpus import default_of
from kvmspec.kinds.domain.tables.memory import MEMORY, STATS

Path = tuple[str, ...]
Values = dict[str, Any]
_ELEMENTS = {parameter: element for element, parameter in SCHEDULING.items()}

_CALLS: Mapping[Call, Callable[[Tuning, str, str, Values], None]] = {
    Call.VCPU_PIN: lambda host, vm, at, to: host.pin_vcpu(vm, int(at), to["cpuset"]),
    Call.EMULATOR_PIN: lambda host, vm, at, to: host.pin_emulator(vm, to["cpuset"]),
    Call.IOTHREAD_PIN: lambda host, vm, at, to: host.pin_iothread(vm, int(at), to["cpuset"]),
    Call.IOTHREAD: lambda host, vm, at, to: (
        host.add_iothread(vm, int(at)) if to["present"] else host.remove_iothread(vm, int(at))
    ),
    Call.SCHEDULER: lambda host, vm, at, to: host.set_scheduler(vm, to),
    Call.MEMORY_LIMITS: lambda host, vm, at, to: host.set_memory_limits(vm, to),
    Call.BLKIO: lambda host, vm, at, to: host.set_blkio(vm, to),
    Call.NUMA: lambda host, vm, at, to: host.set_numa(vm, to),
    Call.BALLOON_PERIOD: lambda host, vm, at, to: host.set_balloon_period(vm, to["period"]),
    Call.BLOCK_TUNE: lambda host, vm, at, to: host.set_block_tune(vm, at, to),
}

_PLACES: Mapping[Call, Callable[[str, str], Path]] = {
    Call.VCPU_PIN: lambda at, name: ("cputune", "vcpupin", at, "@cpuset"),
    Call.EMULATOR_PIN: lambda at, name: ("cputune", "emulatorpin", "@cpuset"),
    Call.IOTHREAD_PIN: lambda at, name: ("cputune", "iothreadpin", at, "@cpuset"),
    Call.IOTHREAD: lambda at, name: ("iothreadids", "iothread", at),
    Call.SCHEDULER: lambda at, name: ("cputune", _ELEMENTS[name], "#"),
    Call.MEMORY_LIMITS: lambda at, name: ("memtune", name, "#"),
    Call.BLKIO: lambda at, name: ("blkiotune", name, "#"),
    Call.NUMA: lambda at, name: (*MEMORY, "@nodeset"),
    Call.BALLOON_PERIOD: lambda at, name: (*STATS, "@period"),
    Call.BLOCK_TUNE: lambda at, name: ("devices", "disk", at, "iotune", name, "#"),
}
"""Where the active XML shows a parameter."""

_UNSAID: Mapping[Call, Any] = {
    Call.VCPU_PIN: "",
    Call.EMULATOR_PIN: "",
    Call.IOTHREAD_PIN: "",
    Call.IOTHREAD: 0,
    Call.MEMORY_LIMITS: UNLIMITED,
    Call.BALLOON_PERIOD: 0,
    Call.BLOCK_TUNE: 0,
}
"""The value of which the active XML shows nothing. A pin to every CPU it may show all the same."""


def tune(action: Tune, host: Host) -> None:
    """Make the change, and look again. What a failed call has set by then is put back.

    Raises LibvirtFailure, also where libvirt took it and did nothing.
    """
    before = _seen(host, action)
    if before == dict(action.values):
        return
    try:
        _call(action, host, dict(action.values))
    except LibvirtFailure as error:
        if _seen(host, action) != before:
            _restore(action, host, before, error.message)
        raise
    now = _seen(host, action)
    missing = [f"{name} {value}" for name, value in action.values if value not in ("", now[name])]
    if missing:
        raise LibvirtFailure(
            f"libvirt took the change of vm/{action.address.name}, and the running guest has not "
            f"{', '.join(missing)}"
        )


def undo(action: Tune, host: Host, before: str) -> None:
    """Give the running guest what it had, by its active XML then. Raises LibvirtFailure."""
    active = read(before)
    _restore(action, host, _shown(active, action), "")
    pin = get(active, ("cputune", "iothreadpin", action.at, "@cpuset"))
    if action.call is Call.IOTHREAD and pin is not None:
        host.tuning.pin_iothread(action.address.name, int(action.at), str(pin))


def _call(action: Tune, host: Host, values: Values) -> None:
    _CALLS[action.call](host.tuning, action.address.name, action.at, values)


def _restore(action: Tune, host: Host, before: Values, after: str) -> None:
    known = {name: value for name, value in before.items() if value is not None}
    unknown = [name for name in before if name not in known]
    if known and _seen(host, action) != before:
        _call(action, host, known)
    if unknown:
        told = f"{after}; " if after else ""
        names = ", ".join(unknown)
        raise LibvirtFailure(f"{told}what the host had for {names} of vm/{action.address.name} is not known")


def _seen(host: Host, action: Tune) -> Values:
    return _shown(read(host.devices.active_xml(action.address.name)), action)


def _shown(active: Mapping[str, Any], action: Tune) -> Values:
    """The values of the action's parameters in the active XML; None where they are not known."""
    found: Values = {}
    for name, value in action.values:
        have = get(active, _PLACES[action.call](action.at, name))
        if have is None:
            found[name] = _UNSAID.get(action.call, _default(action, name))
        else:
            found[name] = 1 if action.call is Call.IOTHREAD else type(value)(have)
    return found


def _default(action: Tune, name: str) -> int | None:
    return default_of(_ELEMENTS[name]) if action.call is Call.SCHEDULER else None
