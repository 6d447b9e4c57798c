"""A second, closer look at what a plan would break: only where it changes disks, so that a plan without
changes makes no call for it. Reads only.

Block jobs are asked for a disk at a time; the volumes of all pools are read where one is to be deleted, for
a VM of somebody else's may rest on it from a pool that the manifest does not speak of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import DeleteVolume
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView
from kvmspec.kinds import use
from kvmspec.kinds.base import Context


def closer(differences: Iterable[Difference], context: Context, hosts: Mapping[str, Host]) -> Context | None:
    """The context with what a closer look told; None where there was nothing to look at, or it told nothing.

    Raises LibvirtFailure.
    """
    guests: dict[str, set[str]] = {}
    emptied: set[str] = set()
    for difference in differences:
        if difference.verb is Verb.NO_OP or difference.address.host not in hosts:
            continue
        name = difference.address.host
        if found := _guests(difference, context.views[name]):
            guests.setdefault(name, set()).update(found)
        if _deletes(difference):
            emptied.add(name)
    views = {
        name: _closer(context.views[name], hosts[name], guests.get(name, set()), name in emptied)
        for name in {*guests, *emptied}
    }
    changed = {name: view for name, view in views.items() if view is not context.views[name]}
    return replace(context, views={**context.views, **changed}) if changed else None


def _guests(difference: Difference, view: HostView) -> set[str]:
    """The running domains with disks that a difference changes, or that it stops."""
    name = difference.address.name
    if difference.address.kind == "volume" and name in view.volumes:
        return {d.name for d in use.users(view, view.volumes[name].path, name) if d.running}
    if difference.address.kind != "vm":
        return set()
    old = next((str(c.before) for c in difference.changes if c.path == "name"), name)
    found = view.domains.get(name) or view.domains.get(old)
    stops = difference.impact >= Impact.RESTART
    touched = stops or any(change.path.startswith("disks") for change in difference.changes)
    return {found.name} if found is not None and found.running and touched else set()


def _deletes(difference: Difference) -> bool:
    """Whether it deletes a volume: it is one, or its VM's chain does so."""
    if difference.address.kind == "volume":
        return difference.verb is Verb.DELETE
    chain = difference.detail if difference.address.kind == "vm" else ()
    return any(isinstance(action, DeleteVolume) for action, _ in chain or ())


def _closer(view: HostView, host: Host, guests: set[str], everywhere: bool) -> HostView:
    domains = {}
    for name in sorted(guests):
        if jobs := host.domains.jobs(name):
            domains[name] = replace(view.domains[name], jobs=jobs)
    if domains:
        view = replace(view, domains={**view.domains, **domains})
    unread = [name for name, pool in view.pools.items() if pool.running and name not in view.pools_read]
    if everywhere and unread and (found := host.volumes.list(unread)):
        view = replace(view, beyond={f"{each.pool}/{each.name}": each for each in found})
    return view
