"""A pool's difference, and the actions for it. A pool is small: all of it is here.

field table: type, path: never (its volumes would be left behind); state, autostart: live;
anything else that libvirt's definition has: removed, read at the pool's next start.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from posixpath import normpath
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from kvmspec.canon.compare import drop, get, leaves
from kvmspec.canon.read import read
from kvmspec.core.action import DefinePool, DeletePool, Edit, EditPool, SetAutostart, StartPool
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.leaving import gone_with_vms
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.manifest.types import format_size

Path = tuple[str, ...]

FIGURES: tuple[Path, ...] = (("capacity",), ("allocation",), ("available",), ("target", "permissions"))
"""What changes by itself."""

KNOWN: tuple[Path, ...] = (
    ("@type",),
    ("name",),
    ("uuid",),
    ("target", "path"),
    *FIGURES,
)
"""What a definition says of itself or libvirt 9.0 fills in; the rest is a change."""


class Detail(NamedTuple):
    """What the steps are made from: edits of the definition, whether to start, what to set."""

    edits: tuple[Edit, ...]
    start: bool
    autostart: bool | None


def render(desired: Desired, context: Context) -> str:
    """The XML with which the pool is created."""
    name = desired.address.name
    uuid = desired.spec.uuid or derived_uuid(context.manifest.project, "pool", name)
    return context.renderer.render("pool.xml.j2", name=name, uuid=uuid, pool=desired.spec)


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare a pool with what is there."""
    match = compare.match(desired, view.pools, context)
    if match.refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(match.refusal,))
    if match.observed is None:
        refusals = tuple(_same_folder(desired, view, context))
        after = {"type": desired.spec.type, "path": desired.spec.path}
        verb = Verb.NO_OP if refusals else Verb.CREATE
        return Difference(
            desired.address, verb, refusals=refusals, after=after, detail=render(desired, context)
        )
    return _compare(desired, match.observed, match.adopted, context)


def _same_folder(desired: Desired, view: HostView, context: Context) -> Iterator[Problem]:
    """libvirt refuses a second pool on a folder ("Storage source conflict with pool")."""
    for other in view.pools.values():
        if folder(other) == normpath(desired.spec.path):
            yield context.problem(
                (*desired.path, "path"),
                f"pool/{other.name} on {view.host} is on {desired.spec.path} already",
                f"declare it as `{other.name}` with `uuid: {other.uuid}`, or choose another path",
            )


def _compare(desired: Desired, observed: Observed, adopted: bool, context: Context) -> Difference:
    data, spec = read(observed.xml), desired.spec
    refusals = tuple(_cannot_change(desired, observed, data, context))
    others = [] if adopted else list(_others(data))
    wanted = spec.autostart if spec.autostart is not None or adopted else True
    autostart = wanted if wanted not in (None, observed.autostart) else None
    changes = [FieldChange(f"xml:{'/'.join(path)}", "set", None, Impact.LIVE) for path in others]
    if not observed.running:
        changes.append(FieldChange("state", "stopped", "running", Impact.LIVE))
    if autostart is not None:
        changes.append(FieldChange("autostart", observed.autostart, autostart, Impact.LIVE))
    before = {"type": data.get("@type"), "path": folder(observed), "state": observed.state}
    return Difference(
        desired.address,
        Verb.UPDATE if changes and not refusals else Verb.NO_OP,
        () if refusals else tuple(changes),
        refusals=refusals,
        before=before | {"autostart": observed.autostart},
        after={
            "type": spec.type,
            "path": spec.path,
            "state": "running",
            "autostart": observed.autostart if spec.autostart is None else spec.autostart,
        },
        detail=Detail(tuple(Edit("remove", path) for path in others), not observed.running, autostart),
    )


def _cannot_change(
    desired: Desired, observed: Observed, data: dict[str, Any], context: Context
) -> Iterator[Problem]:
    if data.get("@type") != desired.spec.type:
        yield context.problem(
            (*desired.path, "type"),
            f"{desired.address.short} is a pool of type {data.get('@type')} on {desired.address.host}",
            "a pool's type cannot change: declare a new pool under another name",
        )
    elif folder(observed) != normpath(desired.spec.path):
        yield context.problem(
            (*desired.path, "path"),
            f"a pool's path cannot change from {folder(observed)}: its volumes would be left behind",
            "declare a new pool under another name, and move the volumes there",
        )


def _others(data: dict[str, Any]) -> list[Path]:
    """What the definition has besides; an empty element says nothing."""
    rest = deepcopy(data)
    for path in KNOWN:
        drop(rest, path)
    return [path for path, value in leaves(rest) if path and value != {}]


def without_figures(data: dict[str, Any]) -> dict[str, Any]:
    """A definition less what changes by itself."""
    rest = deepcopy(data)
    for path in FIGURES:
        drop(rest, path)
    return rest


def folder(observed: Observed) -> str | None:
    """The folder of a pool of type dir."""
    path = get(read(observed.xml), ("target", "path", "#"))
    return normpath(path) if path else None


def steps(difference: Difference, context: Context) -> Chain:
    """The actions for a difference, in their order."""
    address, detail = difference.address, difference.detail
    if difference.verb is Verb.DELETE:
        return [(DeletePool(address), "delete")]
    if difference.verb is Verb.CREATE:
        desired = context.desired.get(address)
        chain: Chain = [(DefinePool(address, detail), "create"), (StartPool(address), "start")]
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
    notes = [f"its files stay in {path}: {listed}"] if some else [f"its folder {path} stays"]
    return compare.deletion(observed, view, notes, refusals)


def _uses(root: ET.Element, pool: str, path: str | None) -> bool:
    """Whether a disk lies in the pool, by name or by path, or rests on a file in it."""
    for source in root.iterfind("devices/disk//source"):
        file = source.get("file") or ""
        if source.get("pool") == pool or (path and normpath(file).startswith(f"{path}/")):
            return True
    return False
