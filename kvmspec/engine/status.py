"""One row a VM: what is wanted, what is, where it can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kvmspec.adapters.libvirt import Host
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.guest import GuestAddress
from kvmspec.core.status import VmStatus
from kvmspec.kinds.base import Context


def status_of(
    differences: Iterable[Difference], context: Context, hosts: Mapping[str, Host]
) -> list[VmStatus]:
    """Rows for all VMs; those of a host that could not be read say so."""
    vms = [d for d in differences if d.address.kind == "vm"]
    reached = _addresses(vms, context, hosts)
    rows = [_row(d, context, reached.get(d.address, ())) for d in vms]
    for address, desired in context.desired.items():
        view = context.views.get(address.host)
        if address.kind == "vm" and view is not None and view.unknown:
            note = f"{view.unknown}; {view.hint}" if view.hint else view.unknown
            rows.append(VmStatus(address, desired.spec.state, "unknown", (), (), (), note=note))
    return sorted(rows, key=lambda row: (row.address.host, row.address.name))


def _row(difference: Difference, context: Context, addresses: tuple[GuestAddress, ...]) -> VmStatus:
    address = difference.address
    observed = context.views[address.host].domains.get(address.name)
    desired = context.desired.get(address)
    return VmStatus(
        address,
        desired.spec.state if desired is not None else "absent",
        observed.state if observed is not None else "absent",
        addresses,
        tuple(change.path for change in difference.pending),
        tuple(change.path for change in difference.drift),
        _note(difference),
    )


def _note(difference: Difference) -> str:
    if difference.refusals:
        return difference.refusals[0].message
    if difference.verb is Verb.UPDATE and difference.changes:
        return f"{len(difference.changes)} change{'s' if len(difference.changes) > 1 else ''} to apply"
    return {Verb.CREATE: "to be created", Verb.DELETE: "to be deleted", Verb.ADOPT: "to be adopted"}.get(
        difference.verb, ""
    )


def _addresses(
    vms: Iterable[Difference], context: Context, hosts: Mapping[str, Host]
) -> dict[Address, tuple[GuestAddress, ...]]:
    """Of every VM that runs; all of a host at once."""
    running: dict[str, dict[str, str]] = {}
    for address in (difference.address for difference in vms):
        observed = context.views[address.host].domains.get(address.name)
        if observed is not None and observed.running and observed.active_xml:
            running.setdefault(address.host, {})[address.name] = observed.active_xml
    return {
        Address(host, "vm", name): tuple(found)
        for host, active in running.items()
        for name, found in hosts[host].guests.all_addresses(active).items()
    }
