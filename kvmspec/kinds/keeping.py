"""Why a volume must not be deleted, be it standalone or a VM's own."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.address import Address
from kvmspec.core.observed import HostView, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare, use
from kvmspec.kinds.base import Context


def keeping(
    volume: ObservedVolume, leaving: frozenset[str], view: HostView, context: Context
) -> Iterator[Problem]:
    """Who else needs `volume`: VMs that stay, and overlays that are not among those `leaving`."""
    address = Address(view.host, "volume", f"{volume.pool}/{volume.name}")
    staying = compare.staying(use.users(view, volume.path, address.name), context, address)
    if staying:
        message = f"{address.short} on {view.host} is used by {compare.names(staying)}"
        yield Problem(message, hint="take it out of that VM first")
    over = [other for other in use.overlays(view, volume.path) if other.partition("/")[2] not in leaving]
    if over:
        message = f"{address.short} on {view.host} is the backing of {', '.join(over)}"
        yield Problem(message, hint="remove those first, or flatten them (`virsh blockpull`)")
