"""Why a volume must not be deleted, be it standalone or a VM's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kvmspec.core.address import Address
from kvmspec.core.observed import HostView, Observed, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare, holds, use
from kvmspec.kinds.base import Context
from kvmspec.kinds.leaving import vms_leaving

_ELEMENT = re.compile(r"<kvmspec:vm\b.*?</kvmspec:vm>", re.DOTALL)  # what was applied, not what is there


def _runs_on(domain: Observed, path: str, view: HostView, context: Context) -> bool:
    """Whether a guest that goes on running has a disk open that its definition has lost already."""
    if not domain.running or domain.name in vms_leaving(view, context):
        return False
    return path in (domain.active_xml or "") and path not in _ELEMENT.sub("", domain.xml)


def _in_snapshots(path: str, key: str, view: HostView, context: Context) -> Iterator[str]:
    """The snapshots, of VMs that stay, with a disk on the file, also one that the VM has no more."""
    leaving = vms_leaving(view, context)
    for domain in view.domains.values():
        if domain.snapshots and domain.name not in leaving:
            yield from (
                f"the snapshot {name} of vm/{domain.name}" for name in holds.remembering(domain, path, key)
            )


def keeping(
    volume: ObservedVolume, leaving: frozenset[str], view: HostView, context: Context
) -> Iterator[Problem]:
    """Who else needs `volume`: VMs that stay, and overlays that are not among those `leaving`."""
    address = Address(view.host, "volume", f"{volume.pool}/{volume.name}")
    using = use.users(view, volume.path, address.name)
    staying = compare.staying(using, context, address)
    staying += [d for d in using if d not in staying and _runs_on(d, volume.path, view, context)]
    if staying:
        message = f"{address.short} on {view.host} is used by {compare.names(staying)}"
        yield Problem(message, hint="take it out of that VM first (a running one has it until its restart)")
    needing = [a.short for a, d in context.desired.items() if address in d.needs and not context.destroy]
    if needing and not staying:
        yield Problem(
            f"{address.short} on {view.host} is what {', '.join(needing)} of the manifest needs",
            hint="take it out there first, or let the data stay",
        )
    if remembered := list(_in_snapshots(volume.path, address.name, view, context)):
        yield Problem(
            f"{address.short} on {view.host} is what {', '.join(remembered)} would go back to",
            hint="delete that first (`virsh snapshot-delete`)",
        )
    over = [other for other in use.overlays(view, volume.path) if other.partition("/")[2] not in leaving]
    if over:
        message = f"{address.short} on {view.host} is the backing of {', '.join(over)}"
        vms = [f"{each} is of {vm}" for each in over if (vm := use.having(view, each.partition("/")[2]))]
        whose = f" ({', '.join(vms)})" if vms else ""
        yield Problem(message, hint=f"remove those first{whose}, or flatten them (`virsh blockpull`)")
