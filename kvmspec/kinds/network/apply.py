"""A network's actions → libvirt."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.libvirt.networks import Networks
from kvmspec.canon.edit import edit
from kvmspec.core.action import (
    DefineNetwork,
    DeleteNetwork,
    EditNetwork,
    NetworkAction,
    RestartNetwork,
    SetAutostart,
    StartNetwork,
    UpdateNetwork,
)
from kvmspec.core.errors import KvmspecError, LibvirtFailure

Report = Callable[[str], None]


def apply(action: NetworkAction, host: Host, report: Report) -> None:
    """Carry out one action. Idempotent. Raises LibvirtFailure."""
    networks, name = host.networks, action.address.name
    match action:
        case DefineNetwork(xml=xml):
            networks.define(xml)
        case EditNetwork(edits=edits):
            networks.define(edit(networks.get(name).xml, edits))
        case UpdateNetwork():
            _update(networks, action)
        case StartNetwork():
            _start(networks, name, report)
        case RestartNetwork():
            _restart(networks, name, report)
        case DeleteNetwork():
            networks.delete(name)
        case SetAutostart(enabled=enabled):
            networks.set_autostart(name, enabled)
        case _:
            assert_never(action)


def _update(networks: Networks, action: UpdateNetwork) -> None:
    """The definition first: what only the running network has is lost at its next start. When one
    call fails the definition is put back; what the running network has by then is told."""
    name = action.address.name
    before, done = networks.get(name).xml, 0
    try:
        for change in action.changes if action.config else ():
            networks.update(name, change, live=False)
        for change in action.changes if action.live else ():
            networks.update(name, change, live=True)
            done += 1
    except LibvirtFailure as error:
        if action.config:
            networks.define(before)
        said = [f"{each.command} {each.section}" for each in action.changes[:done]]
        raise LibvirtFailure(
            f"{error.message}; {_so_far(said, defined=action.config)}", code=error.code, hint=error.hint
        ) from error


def _so_far(said: list[str], *, defined: bool) -> str:
    words = ["its definition is as before"] if defined else []
    return ", ".join([*words, f"the running network has: {', '.join(said) or 'nothing of it'}"])


def _start(networks: Networks, name: str, report: Report) -> None:
    """NICs of guests that ran on while it was stopped have lost their bridge: they are moved away
    and back."""
    if not networks.get(name).running:
        networks.hold(name)
    networks.start(name)
    _release(networks, name, report)


def _restart(networks: Networks, name: str, report: Report) -> None:
    """Guests wait on a network of their own meanwhile; killed at any point, the next plan finds
    them there. One that cannot be taken aside stops it before it begins."""
    try:
        networks.hold(name)
    except KvmspecError:
        networks.release(name)
        raise
    networks.stop(name)
    networks.start(name)
    _release(networks, name, report)


def _release(networks: Networks, name: str, report: Report) -> None:
    """Put the guests back, and look again: what libvirt accepted is not yet where it belongs."""
    guests = networks.release(name)
    if not guests:
        return
    if wrong := networks.astray(name):
        raise LibvirtFailure(
            f"network/{name} runs, but not all of its guests are on it: {'; '.join(wrong)}",
            hint="apply again, or start these VMs anew",
        )
    report(f"reconnected {', '.join(guests)}")
