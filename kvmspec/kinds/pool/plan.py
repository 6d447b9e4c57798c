"""A pool's difference → actions; and which pools are to go."""

from __future__ import annotations

from posixpath import normpath
from xml.etree import ElementTree as ET

from kvmspec.core.action import DefinePool, DeletePool, EditPool, SetAutostart, StartPool
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Permission
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.leaving import gone_with_vms
from kvmspec.kinds.pool.diff import folder
from kvmspec.manifest.types import format_size


def steps(difference: Difference, context: Context) -> Chain:
    """The actions for a difference, in their order."""
    address, detail = difference.address, difference.detail
    if difference.verb is Verb.DELETE:
        return [(DeletePool(address), "delete")]
    if difference.verb is Verb.CREATE:
        desired = context.desired.get(address)
        chain: Chain = [(DefinePool(address, detail), "create")]
        if desired is None or desired.spec.state == "running":
            chain.append((StartPool(address), "start"))
        if desired is None or desired.spec.autostart is not False:
            chain.append((SetAutostart(address, True), "start with the host"))
        return chain
    if difference.verb is not Verb.UPDATE:
        return []
    chain = [(EditPool(address, detail.edits), "change its definition")] if detail.edits else []
    if detail.start:
        chain.append((StartPool(address), "start"))
    if detail.autostart is not None:
        text = "start with the host" if detail.autostart else "do not start with the host"
        chain.append((SetAutostart(address, detail.autostart), text))
    return chain


# --- what is to go
def leftovers(view: HostView, context: Context) -> list[Difference]:
    """Pools of the project that the manifest no longer names."""
    owned = compare.owned_leftovers("pool", view.pools, view, context)
    return [_deletion(observed, view, context) for observed in owned]


def _deletion(observed: Observed, view: HostView, context: Context) -> Difference:
    name, path = observed.name, folder(observed)
    using = compare.users(view, "source", lambda root: _uses(root, name, path))
    staying = compare.staying(using, context, Address(view.host, "pool", name))
    refusals = []
    if staying:
        message = f"pool/{name} on {view.host} holds disks of {compare.names(staying)}, which stays"
        hint = "move those disks to another pool, or keep this one in the manifest"
        refusals.append(Problem(message, hint=hint))
    gone = gone_with_vms(view, context)
    files = [v for key, v in view.volumes.items() if v.pool == name and key not in gone]
    listed = ", ".join(f"{volume.name} ({format_size(volume.capacity)})" for volume in files)
    some = files and Permission.DATA_LOSS not in context.granted
    notes = [f"its files stay in {path}: {listed}"] if some else [f"its folder {path} stays"] if path else []
    return compare.deletion(observed, view, notes, refusals)


def _uses(root: ET.Element, pool: str, path: str | None) -> bool:
    """Whether a disk lies in the pool, by name or by path, or rests on a file in it."""
    for source in root.iterfind("devices/disk//source"):
        file = source.get("file") or ""
        if source.get("pool") == pool or (path and normpath(file).startswith(f"{path}/")):
            return True
    return False
