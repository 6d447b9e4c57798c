"""One row a VM: what is wanted, what is, where it can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kvmspec.adapters.libvirt import Host
from kvmspec.core.change import Difference, Verb
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.status import VmStatus
from kvmspec.kinds.base import Context


def status_of(
    differences: Iterable[Difference], context: Context, hosts: Mapping[str, Host]
) -> list[VmStatus]:
    """Rows for all VMs; those of a host that could not be read say so."""
    rows = [_row(d, context, hosts) for d in differences if d.address.kind == "vm"]
    for address, desired in context.desired.items():
        view = context.views.get(address.host)
        if address.kind == "vm" and view is not None and view.unknown:
            note = f"{view.unknown}; {view.hint}" if view.hint else view.unknown
            rows.append(VmStatus(address, desired.spec.state, "unknown", (), (), (), note=note))
    return sorted(rows, key=lambda row: (row.address.host, row.address.name))


def _row(difference: Difference, context: Context, hosts: Mapping[str, Host]) -> VmStatus:
    address = difference.address
    observed = context.views[address.host].domains.get(address.name)
    desired = context.desired.get(address)
    running = observed is not None and observed.running
    return VmStatus(
        address,
        desired.spec.state if desired is not None else "absent",
        observed.state if observed is not None else "absent",
        _addresses(hosts[address.host], address.name) if running else (),
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


def _addresses(host: Host, name: str) -> tuple[str, ...]:
    try:
        return tuple(address for _, address in host.domains.addresses(name))
    except LibvirtFailure:  # a driver without leases, or a guest that went meanwhile: no address known
        return ()
