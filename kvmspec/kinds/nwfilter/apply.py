"""A network filter's actions → libvirt."""

from __future__ import annotations

from typing import assert_never

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import DefineNwfilter, DeleteNwfilter, NwfilterAction


def apply(action: NwfilterAction, host: Host) -> None:
    """Carry out one action. Idempotent. Raises LibvirtFailure."""
    match action:
        case DefineNwfilter(xml=xml):
            host.nwfilters.define(xml)
        case DeleteNwfilter():
            host.nwfilters.delete(action.address.name)
        case _:
            assert_never(action)
