"""Which live domain a VM of the manifest is, and whether it is ours to touch."""

from __future__ import annotations

from typing import NamedTuple

from kvmspec.core.desired import Desired
from kvmspec.core.memo import once
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import records
from kvmspec.kinds.base import Context
from kvmspec.kinds.leaving import owned
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.records import Record


class Match(NamedTuple):
    """observed is None where the VM is to be created, with `uuid`.

    record    what kvmspec wrote into it; None when it is adopted now
    old_name  its name until now, where `moved:` renames it
    """

    uuid: str
    observed: Observed | None = None
    record: Record | None = None
    old_name: str | None = None
    refusal: Problem | None = None


def find(desired: Desired, view: HostView, context: Context) -> Match:
    """By UUID first, then by name, then by the name it is moved from."""
    name = desired.address.name
    uuid = desired.spec.uuid or derived_uuid(context.manifest.project, "vm", name)
    by_uuid = _by_uuid(uuid, view)
    if by_uuid is not None and by_uuid.name != name:
        return _under_other_name(desired, by_uuid, view, context)
    observed = by_uuid or view.domains.get(name)
    if observed is not None:
        return _taken(desired, view, context) or _judge(desired, observed, uuid, context)
    return _moved(desired, uuid, view, context) or _elsewhere(desired, uuid, view, context) or Match(uuid)


def _taken(desired: Desired, view: HostView, context: Context) -> Match | None:
    """A move to the name of a VM that exists, while the one to be moved does too."""
    name = desired.address.name
    for old, new in context.manifest.moved:
        if new == name and old in view.domains and owned(old, view, context):
            problem = context.problem(
                desired.path,
                f"vm/{old} cannot be moved to vm/{name}: both exist on {view.host}",
                "take the entry out of `moved:`, or delete or release one of them",
            )
            return Match(view.domains[name].uuid, refusal=problem)
    return None


def _by_uuid(uuid: str, view: HostView) -> Observed | None:
    return _uuids(view).get(uuid)


@once
def _uuids(view: HostView) -> dict[str, Observed]:
    return {domain.uuid: domain for domain in view.domains.values()}


def _under_other_name(desired: Desired, found: Observed, view: HostView, context: Context) -> Match:
    name, old = desired.address.name, found.name
    if (old, name) in context.manifest.moved:
        return _judge(desired, found, found.uuid, context, old_name=old)
    renamed = {new for previous, new in context.manifest.moved if previous == name}
    if desired.spec.uuid is None and (old in renamed or _is_declared(old, desired, context)):
        # the name was given away by `moved:`; the VM that has it now is another one
        uuid = derived_uuid(context.manifest.project, "vm", f"{name}#2")
        observed = view.domains.get(name)
        return _judge(desired, observed, uuid, context) if observed else Match(uuid)
    return Match(
        found.uuid,
        refusal=context.problem(
            desired.path,
            f"vm/{name} was renamed to {old} outside kvmspec",
            f"rename it back (`virsh domrename {old} {name}`), or rename it in the manifest and add "
            f"`moved: [{{from: vm/{name}, to: vm/{old}}}]`",
        ),
    )


def _is_declared(name: str, desired: Desired, context: Context) -> bool:
    return any(address.kind == "vm" and address.name == name for address in context.desired)


def _judge(
    desired: Desired, observed: Observed, uuid: str, context: Context, old_name: str | None = None
) -> Match:
    record = records.records(context.views[desired.address.host]).get(observed.name)
    refusal = _refusal(desired, observed, record, context)
    return Match(observed.uuid, observed, record, old_name, refusal)


def _refusal(desired: Desired, observed: Observed, record: Record | None, context: Context) -> Problem | None:
    name, manifest = observed.name, context.manifest
    say = f"vm/{name} on {desired.address.host}"
    if not observed.persistent:
        return context.problem(
            desired.path,
            f"{say} is transient, so it was not made by kvmspec",
            "stop it, or choose another name",
        )
    if record is None and desired.spec.uuid != observed.uuid:
        return context.problem(
            desired.path,
            f"{say} exists already and was not made by this project",
            f"choose another name, or adopt it by stating `uuid: {observed.uuid}`",
        )
    if record is not None and record.project != manifest.project:
        return context.problem(
            desired.path,
            f"{say} belongs to the project {record.project}",
            "choose another name, or let that project go of it with `released:`",
        )
    if record is not None and record.id and manifest.id and record.id != manifest.id:
        return context.problem(
            desired.path,
            f"{say} belongs to another repository whose project is called {manifest.project} too",
            "choose another project name; `id:` tells the two apart",
        )
    if desired.spec.uuid not in (None, observed.uuid):
        return context.problem(
            (*desired.path, "uuid"),
            f"{say} has the UUID {observed.uuid}, the manifest says {desired.spec.uuid}",
            "a UUID cannot change: state the VM's own, or delete it first",
        )
    return None


def _moved(desired: Desired, uuid: str, view: HostView, context: Context) -> Match | None:
    for old, new in context.manifest.moved:
        if new == desired.address.name and old in view.domains:
            found = view.domains[old]
            return _judge(desired, found, found.uuid, context, old_name=old)
    return None


def _elsewhere(desired: Desired, uuid: str, view: HostView, context: Context) -> Match | None:
    for other in context.views.values():
        if other.host == view.host:
            continue
        found = _by_uuid(uuid, other)
        if found is not None:
            name = desired.address.name
            return Match(
                uuid,
                refusal=context.problem(
                    desired.path,
                    f"vm/{name} lives on {other.host}, the manifest places it on {view.host}",
                    f"set `host: {other.host}`, or migrate it with `virsh migrate` first",
                ),
            )
    return None
