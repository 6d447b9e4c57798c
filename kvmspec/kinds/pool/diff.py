"""What differs between a pool of the manifest and the one on the host.

Its type and place never change, since the volumes would be left behind. Everything else is written into its
definition, and read when the pool is started next; its power state and autostart are set at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from posixpath import normpath
from typing import Any, NamedTuple

from kvmspec.canon.compare import drop, get, leaves, uncovered
from kvmspec.canon.read import read
from kvmspec.core.action import Edit
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare, secrets
from kvmspec.kinds.base import Context
from kvmspec.kinds.fragments import merged, taken_away
from kvmspec.kinds.ownership import derived_uuid

Path = tuple[str, ...]
Data = dict[str, Any]

FIGURES: tuple[Path, ...] = (("capacity",), ("allocation",), ("available",), ("target", "permissions"))
"""What changes by itself: permissions are those the folder has, once the pool was started (9.0)."""
NEVER: tuple[Path, ...] = (("@type",), ("target", "path"))
"""What cannot change."""
OWN: tuple[Path, ...] = (("name",), ("uuid",))
FILLED_IN: tuple[tuple[Path, str], ...] = (
    (("source", "format", "@type"), "auto"),
    (("source", "format", "@type"), "unknown"),
    (("source", "format", "@type"), "lvm2"),
    (("source", "dir", "@path"), "/"),
)
"""What libvirt 9.0 writes into a definition that does not say it."""
LISTS: Mapping[Path, str] = {("source", "host"): "source.hosts", ("source", "device"): "source.devices"}
"""Lists that are compared as one."""
FIELDS: Mapping[Path, str] = {
    ("source", "name"): "source.name",
    ("source", "dir"): "source.dir",
    ("source", "adapter"): "source.adapter",
    ("source", "initiator"): "source.initiator",
    ("source", "auth", "@username"): "source.auth.username",
    ("source", "auth"): "source.auth",
    ("source", "format"): "source.format",
    ("source", "protocol"): "source.protocol_version",
    ("source", "vendor"): "source.vendor",
    ("source", "product"): "source.product",
    ("target", "permissions", "mode"): "permissions.mode",
    ("target", "permissions", "owner"): "permissions.owner",
    ("target", "permissions", "group"): "permissions.group",
    ("target", "permissions", "label"): "permissions.label",
    ("features", "cow"): "features.cow",
    ("refresh", "volume"): "volume_allocation",
    ("{http://libvirt.org/schemas/storagepool/fs/1.0}mount_opts",): "mount_options",
    ("{http://libvirt.org/schemas/storagepool/rbd/1.0}config_opts",): "rbd_options",
}
"""canonical path → the field; the longest that fits. What is not here, a fragment says."""
NEXT_START = "read when the pool is started next"


class Detail(NamedTuple):
    """What the steps are made from: edits of the definition, whether to start, what to set."""

    edits: tuple[Edit, ...]
    start: bool
    autostart: bool | None


def render(desired: Desired, context: Context) -> str:
    """The XML with which the pool is created."""
    name, spec = desired.address.name, desired.spec
    uuid = spec.uuid or derived_uuid(context.manifest.project, "pool", name)
    auth = spec.origin.auth
    secret = secrets.told(auth.secret, context.manifest) if auth else None
    xml = context.renderer.render("pool.xml.j2", name=name, uuid=uuid, pool=spec, secret=secret)
    return merged(xml, spec.xml)


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare a pool with what is there."""
    match = compare.match(desired, view.pools, context)
    if match.refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(match.refusal,))
    if match.observed is None:
        refusals = tuple(_same_folder(desired, view, context))
        verb = Verb.NO_OP if refusals else Verb.CREATE
        return Difference(
            desired.address, verb, refusals=refusals, after=_shown(desired), detail=render(desired, context)
        )
    return _compare(desired, match.observed, match.adopted, context)


def _shown(desired: Desired) -> Data:
    path = desired.spec.target_of(desired.address.name)
    return {"type": desired.spec.type} | ({"path": path} if path else {})


def _same_folder(desired: Desired, view: HostView, context: Context) -> Iterator[Problem]:
    """libvirt refuses a second pool on a folder ("Storage source conflict with pool")."""
    mine = desired.spec.path if desired.spec.type == "dir" else None
    for other in view.pools.values():
        if mine is not None and "type='dir'" in other.xml and folder(other) == normpath(mine):
            yield context.problem(
                (*desired.path, "path"),
                f"pool/{other.name} on {view.host} is on {mine} already",
                f"declare it as `{other.name}` with `uuid: {other.uuid}`, or choose another path",
            )


def _compare(desired: Desired, observed: Observed, adopted: bool, context: Context) -> Difference:
    spec, xml = desired.spec, render(desired, context)
    unsaid = _unsaid(spec) if adopted else []
    stated, live = read(xml), read(observed.xml)
    for each in unsaid:
        drop(stated, each)
    refusals = tuple(_cannot_change(desired, stated, live, context))
    gone = taken_away(observed.xml, spec.xml) if adopted else _others(stated, live)
    changed = dict(_changed(stated, live))
    wanted = spec.autostart if spec.autostart is not None or adopted else True
    autostart = wanted if wanted not in (None, observed.autostart) else None
    start = not observed.running and spec.state == "running"
    changes = [FieldChange(name, *values, Impact.LIVE, NEXT_START) for name, values in changed.items()]
    changes += [FieldChange(_field(path), "set", None, Impact.LIVE) for path in gone]
    if start:
        changes.append(FieldChange("state", "stopped", "running", Impact.LIVE))
    if autostart is not None:
        changes.append(FieldChange("autostart", observed.autostart, autostart, Impact.LIVE))
    edits = _edits(xml, unsaid, stated, live, gone) if changed or gone else ()
    before = {"type": live.get("@type")} | ({"path": path} if (path := folder(observed)) else {})
    return Difference(
        desired.address,
        Verb.UPDATE if changes and not refusals else Verb.NO_OP,
        () if refusals else tuple(changes),
        refusals=refusals,
        before=before
        | {"state": observed.state, "autostart": observed.autostart}
        | {name: values[0] for name, values in changed.items()},
        after=_shown(desired)
        | {
            "state": "running" if spec.state == "running" else observed.state,
            "autostart": observed.autostart if spec.autostart is None else spec.autostart,
        }
        | {name: values[1] for name, values in changed.items()},
        detail=Detail(edits, start, autostart),
    )


def _unsaid(spec: Any) -> list[Path]:
    """What is rendered of a pool that is adopted, and the manifest does not say."""
    found: list[Path] = [] if spec.source and spec.source.name else [("source", "name")]
    found += [] if "type" in spec.model_fields_set else [("@type",)]
    return found if "path" in spec.model_fields_set else [*found, ("target", "path")]


def _cannot_change(desired: Desired, stated: Data, live: Data, context: Context) -> Iterator[Problem]:
    before, after = live.get("@type"), stated.get("@type")
    if after not in (None, before):
        yield context.problem(
            (*desired.path, "type"),
            f"{desired.address.short} is a pool of type {before} on {desired.address.host}",
            "a pool's type cannot change: declare a new pool under another name",
        )
        return
    wanted, path = get(stated, ("target", "path", "#")), get(live, ("target", "path", "#"))
    if wanted and (path is None or normpath(path) != normpath(wanted)):
        yield context.problem(
            (*desired.path, "path"),
            f"a pool's path cannot change from {path}: its volumes would be left behind",
            "declare a new pool under another name, and move the volumes there",
        )


def _changed(stated: Data, live: Data) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """(field, (before, after)) of what is not as stated."""
    stated = deepcopy(stated)
    for path, name in LISTS.items():
        want, have = get(stated, path), get(live, path) or {}
        if want is not None and _keys(want) != _keys(have):
            yield name, (_listed(have) or None, _listed(want))
        drop(stated, path)
    for path in (*OWN, *NEVER):
        drop(stated, path)
    for path, after, before in uncovered(stated, live):
        yield _field(path), (_value(before), _value(after))


def _keys(group: Data) -> dict[str, Any]:
    """What is said of each: of a disk, libvirt adds what is free on it."""
    return {key: {k: v for k, v in entry.items() if k.startswith("@")} for key, entry in group.items()}


def _listed(group: Data) -> str:
    return ", ".join(key.rstrip("/") for key in group)


def _value(data: Any) -> Any:
    """The one value of an element, or that there is one."""
    found = [value for _, value in leaves(data)] if isinstance(data, dict) else [data]
    return found[0] if len(found) == 1 and found[0] != {} else "set"


def _field(path: Path) -> str:
    for length in range(len(path), 0, -1):
        if (name := {**LISTS, **FIELDS}.get(path[:length])) is not None:
            return name
    return f"xml:{'/'.join(path)}"


def _others(stated: Data, live: Data) -> list[Path]:
    """What the definition of a pool of ours has besides; an empty element says nothing."""
    rest = deepcopy(live)
    for path in (*OWN, *NEVER, *FIGURES, *LISTS):
        drop(rest, path)
    for path, value in FILLED_IN:
        if get(rest, path) == value:
            drop(rest, path)
    found = (path for path, value in leaves(rest) if path and value != {} and get(stated, path) is None)
    return list(dict.fromkeys(_topmost(path, stated) for path in found))


def _topmost(path: Path, stated: Data) -> Path:
    """The largest element that holds `path` and of which nothing is stated; no more than one field's."""
    known = max((length for length in range(1, len(path) + 1) if path[:length] in FIELDS), default=1)
    return next(path[:length] for length in range(known, len(path) + 1) if get(stated, path[:length]) is None)


def _edits(xml: str, unsaid: list[Path], stated: Data, live: Data, gone: list[Path]) -> tuple[Edit, ...]:
    """Lists are said anew; then everything that is stated, once more: what is so already stays so."""
    from kvmspec.canon.edit import edit  # lxml: only where something changes

    lists = [path for path in LISTS if (want := get(stated, path)) is not None
             and _keys(want) != _keys(get(live, path) or {})]  # fmt: skip
    said = edit(xml, [Edit("remove", path) for path in unsaid])
    return (*(Edit("remove", path) for path in (*gone, *lists)), Edit("merge", (), said))


def without_figures(data: Data) -> Data:
    """A definition less what changes by itself."""
    rest = deepcopy(data)
    for path in FIGURES:
        drop(rest, path)
    return rest


def folder(observed: Observed) -> str | None:
    """Where the volumes of a pool are on the host."""
    path = get(read(observed.xml), ("target", "path", "#"))
    return normpath(path) if path else None
