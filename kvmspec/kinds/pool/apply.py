"""A pool's actions → libvirt."""

from __future__ import annotations

from typing import assert_never

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.edit import edit
from kvmspec.core.action import DefinePool, DeletePool, EditPool, PoolAction, SetAutostart, StartPool


def apply(action: PoolAction, host: Host) -> None:
    """Carry out one action. Idempotent. Raises LibvirtFailure."""
    pools, name = host.pools, action.address.name
    match action:
        case DefinePool(xml=xml):
            pools.define(xml)
        case EditPool(edits=edits):
            pools.define(edit(pools.get(name).xml, edits))
        case StartPool():
            pools.start(name)
        case DeletePool():
            pools.delete(name)
        case SetAutostart(enabled=enabled):
            pools.set_autostart(name, enabled)
        case _:
            assert_never(action)
