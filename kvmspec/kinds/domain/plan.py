"""One VM: match → compare → difference with its chain of actions."""

from __future__ import annotations

from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.core.action import (
    DefineDomain,
    Edit,
    EditDomain,
    RenameDomain,
    SetAutostart,
    SetDomainMetadata,
    SetMemory,
    SetVcpus,
    ShutdownDomain,
    StartDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostFacts, HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.domain import diff, edits, fields, foreign, match, metadata, render
from kvmspec.kinds.domain.diff import Change, Comparison
from kvmspec.kinds.domain.fit import fit
from kvmspec.kinds.domain.keys import KeyMap, allocate
from kvmspec.kinds.domain.match import Match
from kvmspec.kinds.domain.sources import Places
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.manifest.types import format_size


def difference(desired: Desired, view: HostView, context: Context) -> Difference:
    """What is to be said and done about one VM of the manifest. Pure."""
    found = match.find(desired, view, context)
    if found.refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(found.refusal,))
    if found.observed is None:
        return _creation(desired, found, view, context)
    comparison = diff.compare(desired, found.observed, found.record, view, context)
    return _update(comparison, found, view, context)


# --- creation
def _creation(desired: Desired, found: Match, view: HostView, context: Context) -> Difference:
    address, spec = desired.address, desired.spec
    missing = _missing(desired, view, context)
    if spec.memory is None or spec.memory.size is None:
        missing = [*missing, context.problem(desired.path, "`memory` is required to create it")]
    if missing and spec.state == "running":
        return Difference(address, Verb.NO_OP, invalid=tuple(missing))
    xml, _ = creation_xml(desired, found.uuid, context, view)
    chain: Chain = [(DefineDomain(address, xml), "define")]
    if spec.autostart:
        chain.append((SetAutostart(address, True), "set autostart"))
    if spec.state == "running":
        chain.append((StartDomain(address), "start"))
    notes = tuple(f"{problem.message}; it is not to be started yet" for problem in missing)
    return Difference(
        address, Verb.CREATE, after=_facts(spec), notes=notes, impact_floor=Impact.NONE, label=_label(spec),
        detail=tuple(chain),
    )  # fmt: skip


def creation_xml(desired: Desired, uuid: str, context: Context, view: HostView | None) -> tuple[str, KeyMap]:
    """The XML a VM is created with, its metadata in it. Without a view: offline, as for `render`."""
    name, spec = desired.address.name, desired.spec
    places = Places(context.manifest, view)
    sources = tuple(places.source(name, spec, disk) for disk in spec.disks)
    keys = allocate(context.manifest.project, name, spec, KeyMap(), {}, [source.path for source in sources])
    facts = view.facts if view is not None else HostFacts(kvm=True)
    stated = read(render.stated(context.renderer, name, spec, sources, keys, frozenset()))
    fit(stated, {}, spec, keys)
    record = diff.record_for(name, uuid, spec, keys, _applied(stated, context), context)
    xml = render.created(context.renderer, name, uuid, spec, sources, keys, facts, record.xml())
    return xml, keys


def _applied(stated: dict[str, Any], context: Context) -> dict[str, Any]:
    sealed: dict[str, Any] = metadata.sealed(stated, context.manifest.secrets.reveal)
    return sealed


def _label(spec: VmSpec) -> str:
    parts = []
    if spec.cpus and spec.cpus.count:
        parts.append(f"{spec.cpus.count} vCPU{'s' if spec.cpus.count > 1 else ''}")
    if spec.memory and spec.memory.size:
        parts.append(format_size(spec.memory.size))
    if spec.state != "running":
        parts.append("stays stopped")
    return ", ".join(parts)


def _facts(spec: VmSpec) -> dict[str, Any]:
    shown: dict[str, Any] = spec.model_dump(mode="json", exclude_unset=True)
    for graphics in shown.get("graphics") or ():
        if "password" in graphics:
            graphics["password"] = "(secret)"
    return shown


def _missing(desired: Desired, view: HostView, context: Context) -> list[Problem]:
    """References that are neither in the manifest nor on the host."""
    found = []
    places = Places(context.manifest, view)
    for position, disk in enumerate(desired.spec.disks):
        source = places.source(desired.address.name, desired.spec, disk)
        if source.missing:
            found.append(
                context.problem((*desired.path, "disks", position), f"{source.missing} {view.host}".strip(),
                "declare it in the manifest, or create it on the host")
            )  # fmt: skip
    for position, nic in enumerate(desired.spec.networks):
        if nic.network and nic.network not in view.networks:
            if Address(view.host, "network", nic.network) in context.desired:
                continue
            found.append(
                context.problem(
                    (*desired.path, "networks", position),
                    f"network {nic.network} is neither in the manifest nor on {view.host}",
                    "declare it under `networks:`, or create it on the host",
                )
            )
    return found


# --- update
def _update(comparison: Comparison, found: Match, view: HostView, context: Context) -> Difference:
    spec, observed = comparison.spec, comparison.observed
    adopting = found.record is None
    changes, canonical = _changes(comparison)
    record = diff.record_of(comparison, context)
    record_same = diff.same_record(record, found.record, comparison.applied)
    changes += _state(comparison)
    if found.old_name is not None:
        changes.append(_renamed(found.old_name, comparison))
    pending = () if any(c.impact >= Impact.RESTART for c in changes) else tuple(_pending(comparison, changes))
    if not record_same and not adopting and not any(_is_field(c) for c in changes):
        changes.append(FieldChange("metadata", None, "record what is stated now", _live(observed.running), ""))
    restart_pending = bool(pending) and _may_restart(spec, context)
    plan = _Plan(comparison, changes, canonical, record_same, adopting, restart_pending, found)
    verb = Verb.ADOPT if adopting else Verb.UPDATE if changes or restart_pending else Verb.NO_OP
    return Difference(
        comparison.desired.address,
        verb,
        changes=tuple(changes),
        pending=pending,
        unmanaged=tuple(foreign.unmanaged(comparison)),
        notes=tuple([*comparison.notes, *_remarks(comparison, bool(canonical))]),
        refusals=tuple(_refusals(comparison, changes, context)),
        invalid=tuple(_missing(comparison.desired, view, context)) if canonical else (),
        impact_floor=Impact.RESTART if restart_pending else Impact.NONE,
        permitted=frozenset({Permission.RESTART} if spec.lifecycle.restart == "allowed" else ()),
        before={c.path: None if c.sensitive else c.before for c in changes},
        after={c.path: None if c.sensitive else c.after for c in changes},
        detail=tuple(plan.chain(context)) if verb is not Verb.NO_OP else (),
    )


def _is_field(change: FieldChange) -> bool:
    return change.path != "state"


def _live(running: bool) -> Impact:
    return Impact.LIVE if running else Impact.NONE


def _changes(comparison: Comparison) -> tuple[list[FieldChange], list[Change]]:
    """Field changes as users see them, one a manifest path, and the canonical ones behind them."""
    if comparison.same:
        return [], []
    pairs = [(diff.field_change(change, comparison), change) for change in comparison.changes()]
    skipped = diff.ignored([field for field, _ in pairs], comparison.spec)
    shown: dict[str, FieldChange] = {}
    for field, _ in pairs:
        if field.path in skipped:
            continue
        if field.path not in shown or field.impact > shown[field.path].impact:
            shown[field.path] = field
    in_order = sorted(shown.values(), key=lambda change: _rank(change.path))
    return in_order, [change for field, change in pairs if field.path not in skipped]


def _rank(path: str) -> int:
    """Fields are shown in the order of the table."""
    first = path.partition(".")[0]
    return next((n for n, row in enumerate(fields.FIELDS) if row.manifest.partition(".")[0] == first), 999)


def _state(comparison: Comparison) -> list[FieldChange]:
    wanted, observed = comparison.spec.state, comparison.observed
    if wanted == "running" and not observed.running:
        return [FieldChange("state", observed.state, "running", Impact.NONE, "", drift=_was_ours(comparison))]
    if wanted == "stopped" and observed.running:
        reason = "the guest is asked to shut down"
        return [FieldChange("state", observed.state, "stopped", Impact.RESTART, reason, drift=_was_ours(comparison))]
    return []


def _was_ours(comparison: Comparison) -> bool:
    """The wanted state is not recorded; with nothing else to do it was changed outside."""
    return comparison.record is not None and comparison.same


def _renamed(old: str, comparison: Comparison) -> FieldChange:
    running = comparison.observed.running
    impact = Impact.RESTART if running else Impact.NONE
    reason = "libvirt renames stopped VMs only" if running else ""
    return FieldChange("name", old, comparison.desired.address.name, impact, reason)


def _pending(comparison: Comparison, changes: list[FieldChange]) -> list[FieldChange]:
    if not comparison.observed.running or comparison.spec.state == "stopped":
        return []
    named = {change.path for change in changes}
    return [
        change
        for change in diff.pending(comparison)
        if change.path not in named and change.path not in diff.ignored([change], comparison.spec)
    ]


def _may_restart(spec: VmSpec, context: Context) -> bool:
    return spec.lifecycle.restart == "allowed" or (
        spec.lifecycle.restart == "ask" and Permission.RESTART in context.granted
    )


def _remarks(comparison: Comparison, changing: bool) -> list[str]:
    observed = comparison.observed
    found = []
    if observed.state == "paused" and comparison.spec.state == "running":
        found.append("it is paused, which kvmspec leaves alone; `virsh resume` continues it")
    if observed.managed_save and (changing or comparison.spec.state == "running"):
        found.append("it has a managed save: its next start restores the configuration it was saved with")
    return found


def _refusals(comparison: Comparison, changes: list[FieldChange], context: Context) -> list[Problem]:
    desired, spec = comparison.desired, comparison.spec
    restarting = [change for change in changes if change.impact is Impact.RESTART and change.path != "state"]
    if restarting and spec.lifecycle.restart == "never":
        paths = ", ".join(change.path for change in restarting)
        return [
            context.problem(
                (*desired.path, "lifecycle"),
                f"{desired.address.short} must not be restarted (lifecycle.restart: never), "
                f"and {paths} cannot change without",
                "take the change back, or allow the restart",
            )
        ]
    return []


class _Plan:
    """The chain of actions for a VM that exists."""

    def __init__(
        self,
        comparison: Comparison,
        changes: list[FieldChange],
        canonical: list[Change],
        record_same: bool,
        adopting: bool,
        restart_pending: bool,
        found: Match,
    ) -> None:
        self.c, self.changes, self.canonical = comparison, changes, canonical
        self.record_same, self.adopting, self.found = record_same, adopting, found
        self.address = comparison.desired.address
        self.running = comparison.observed.running
        self.stop = any(c.path == "state" and c.after == "stopped" for c in changes)
        costly = any(c.impact in (Impact.RESTART, Impact.REPLACE) and c.path != "state" for c in changes)
        self.restart = self.running and not self.stop and (costly or restart_pending)

    def chain(self, context: Context) -> Chain:
        """Live steps first, so that a kill between two steps leaves the definition saying what is
        still to be done; then the definition; then power."""
        rename = self.found.old_name is not None
        at = Address(self.address.host, "vm", self.found.old_name) if self.found.old_name else self.address
        chain: Chain = []
        if self.running and not self.stop and not self.restart:
            chain += self._live(context)
        if rename and self.running:
            chain.append(self._shutdown(at))
        if rename:
            chain.append((RenameDomain(at, self.address.name), f"rename to {self.address.name}"))
        chain += self._definition(context)
        if (self.stop or self.restart) and not (rename and self.running):
            chain.append(self._shutdown(self.address))
        if self.restart or (self.c.spec.state == "running" and not self.running):
            chain.append((StartDomain(self.address), "start"))
        return chain

    def _shutdown(self, address: Address) -> tuple[ShutdownDomain, str]:
        lifecycle = self.c.spec.lifecycle
        if lifecycle.force_off_after is not None:
            return ShutdownDomain(address, lifecycle.force_off_after, True), "shut down (or power off)"
        return ShutdownDomain(address, lifecycle.shutdown_timeout), "shut down"

    def _definition(self, context: Context) -> Chain:
        chain: Chain = []
        made = [edit for change in self.canonical for edit in self._edits(change)]
        if made or not self.record_same or self.adopting:
            made += self._record(context)
            chain.append((EditDomain(self.address, tuple(_distinct(made))), _words(self.changes)))
        auto = next((c for c in self.canonical if c.path == ("autostart",)), None)
        if auto is not None:
            enabled = bool(auto.after)
            chain.append((SetAutostart(self.address, enabled), f"{'set' if enabled else 'clear'} autostart"))
        return chain

    def _edits(self, change: Change) -> list[Edit]:
        if change.after is None:
            return list(edits.removing(change.path))
        made = list(edits.writing(change.path, change.after, self.c.rendered, self.c.persistent))
        return made + self._with_device(change)

    def _with_device(self, change: Change) -> list[Edit]:
        """What a new device cannot do without: a SCSI controller, a video card."""
        devices = self.c.persistent.get("devices", {})
        found = []
        if change.path[:2] == ("devices", "disk") and change.before is None and len(change.path) == 3:
            scsi = any(k.get("@type") == "scsi" for k in devices.get("controller", {}).values())
            if get(change.after, ("target", "@bus")) == "scsi" and not scsi:
                xml = '<controller type="scsi" index="0" model="virtio-scsi"/>'
                found.append(Edit("add", ("devices", "controller", "scsi/0/"), xml))
        if change.path[:2] == ("devices", "graphics") and change.before is None and "video" not in devices:
            xml = '<video><model type="virtio"/></video>'
            found.append(Edit("add", ("devices", "video", "#0"), xml))
        return found

    def _record_xml(self, context: Context) -> str:
        record = diff.record_for(
            self.address.name,
            self.c.observed.uuid,
            self.c.spec,
            self.c.keys,
            _applied(self.c.recorded, context),
            context,
            self.found.record,
        )
        return record.xml()

    def _record(self, context: Context) -> list[Edit]:
        return [Edit("remove", edits.METADATA), Edit("add", edits.METADATA, self._record_xml(context))]

    def _live(self, context: Context) -> Chain:
        """What the running guest gets at once."""
        chain: Chain = []
        texts = {c.path[0]: c for c in self.canonical if c.path[0] in ("title", "description")}
        metadata_too = bool(self.canonical) or not self.record_same or self.adopting
        if metadata_too:
            title, description = (_text(texts.get(name)) for name in ("title", "description"))
            record = self._record_xml(context)
            chain.append((SetDomainMetadata(self.address, title, description, record), "set metadata"))
        for change in self.canonical:
            if change.path[:2] == ("vcpu", "@current"):
                chain.append((SetVcpus(self.address, int(change.after)), f"set {change.after} vCPUs"))
            if change.path[0] == "currentMemory":
                size = change.after["#"] if isinstance(change.after, dict) else change.after
                chain.append((SetMemory(self.address, int(size)), f"set memory to {format_size(int(size))}"))
        return chain


def _text(change: Change | None) -> str | None:
    if change is None:
        return None
    after = change.after
    return "" if after is None else str(after["#"] if isinstance(after, dict) else after)


def _distinct(made: list[Edit]) -> list[Edit]:
    return list(dict.fromkeys(made))


def _words(changes: list[FieldChange]) -> str:
    names = [c.path for c in changes if c.path not in ("state", "name", "autostart")]
    if not names:
        return "record what is stated"
    return "define " + (", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more")


