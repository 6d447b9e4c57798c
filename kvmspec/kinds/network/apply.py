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
    """The definition first: what only the running network has is lost at its next start."""
    for wanted, live in ((action.config, False), (action.live, True)):
        for change in action.changes if wanted else ():
            networks.update(action.address.name, change, live=live)


def _start(networks: Networks, name: str, report: Report) -> None:
    """NICs of guests that ran on while it was stopped have lost their bridge: they are moved away
    and back."""
    if not networks.get(name).running:
        networks.hold(name)
    networks.start(name)
    _release(networks, name, report)


def _restart(networks: Networks, name: str, report: Report) -> None:
    """Guests wait on a network of their own meanwhile; killed at any point, the next plan finds
    them there."""
    networks.hold(name)
    networks.stop(name)
    networks.start(name)
    _release(networks, name, report)


def _release(networks: Networks, name: str, report: Report) -> None:
    guests = networks.release(name)
    if guests:
        report(f"reconnected {', '.join(guests)}")
