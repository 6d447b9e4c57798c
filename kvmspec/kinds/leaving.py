"""Which VMs go in this plan, and with them which volumes."""

from __future__ import annotations

from kvmspec.core.address import Address
from kvmspec.core.impact import Permission
from kvmspec.core.observed import HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Context
from kvmspec.kinds.records import Record, records
from kvmspec.kinds.seeds import is_seed, strays


def owned(name: str, view: HostView, context: Context) -> Record | None:
    """The record of a domain that belongs to this project; None for every other."""
    record, manifest = records(view).get(name), context.manifest
    if record is None or record.project != manifest.project:
        return None
    return None if record.id and manifest.id and record.id != manifest.id else record


def vms_leaving(view: HostView, context: Context) -> dict[str, Record]:
    """The project's VMs that the manifest no longer names; with context.destroy, all of them. An
    empty manifest and a plan of targets delete nothing."""
    manifest, targets = context.manifest, context.targets
    if not context.destroy and (targets is not None or not manifest.items):
        return {}
    declared = {item.name for item in manifest.of("vm")}
    stay = manifest.released if context.destroy else declared | manifest.released
    stay = stay | {old for old, _ in manifest.moved if old not in declared}
    found = {name: owned(name, view, context) for name in records(view) if name not in stay}
    return {
        name: record
        for name, record in found.items()
        if record is not None and (targets is None or Address(view.host, "vm", name) in targets)
    }


def volumes_leaving(view: HostView, context: Context) -> frozenset[str]:
    """`pool/volume` of every volume that is deleted with its VM."""
    if Permission.DATA_LOSS not in context.granted:
        return frozenset()
    return frozenset(volume for record in vms_leaving(view, context).values() for volume in record.volumes)


def seeds_of(name: str, record: Record, view: HostView) -> list[str]:
    """`pool/volume` of the seeds that are there and go with a VM, whatever is allowed."""
    listed = [key for key in record.volumes if is_seed(key) and key in view.volumes]
    return list(dict.fromkeys((*listed, *strays(name, record.volumes, view))))


def gone_with_vms(view: HostView, context: Context) -> frozenset[str]:
    """`pool/volume` of what is deleted with the VMs that go, also where no data loss is allowed: seeds, and
    what only an installer needed."""
    going = vms_leaving(view, context)
    return frozenset(
        key for name, record in going.items() for key in (*seeds_of(name, record, view), *record.installer)
    )


def other_repository(view: HostView, context: Context) -> Problem | None:
    """Networks and pools carry no `id:`. Where VMs show that another repository has the same
    project name on this host, nothing is known to be ours and nothing is changed."""
    manifest = context.manifest
    others = [
        name
        for name, record in records(view).items()
        if record.project == manifest.project and record.id and manifest.id and record.id != manifest.id
    ]
    if not others:
        return None
    return Problem(
        f"another repository has the project {manifest.project} on {view.host}: vm/{others[0]} is its",
        hint="choose another project name; what is there may belong to either",
    )
