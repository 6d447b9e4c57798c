"""A VM that is not installed yet: what is still to be done until it is.

The definition is the final one from the start. The installer is another run of the same domain, started
with other XML (see installer.py); how far it is stands in the VM's metadata, so that an apply that was
killed is carried on by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from kvmspec.core.action import AwaitAgent, AwaitInstall, FinishInstall, StartDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import records
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.domain import install_media as media
from kvmspec.kinds.domain.match import Match
from kvmspec.kinds.domain.sources import Places, own_volumes
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap, Record

if TYPE_CHECKING:
    from kvmspec.kinds.domain.install import InstallSpec

_TIMEOUT = 7200  # s; where the manifest does not say any more how it was installed
_WORDS = {"destroyed": "it was powered off", "crashed": "it crashed", "saved": "it was saved to a file"}


class Stage(Enum):
    """How far the installation of a VM is."""

    PENDING = "the installer has not run yet"
    HELD = "the installer is there, paused"
    RUNNING = "the installer runs"
    ENDED = "the installer has powered off"
    FORGOTTEN = "the installer is off, and libvirt does not know how it ended"
    BROKEN = "the installer was stopped"
    BOOTED = "it was started from its disk"


def stage_of(observed: Observed, record: Record) -> Stage:
    """From the VM's metadata and its power state."""
    if observed.running:
        active = records.read(observed.active_xml or "", observed.uuid)
        if active is None or active.install != records.RUNNING:
            return Stage.BOOTED
        return Stage.HELD if observed.state == "paused" else Stage.RUNNING
    if record.install == records.PENDING:
        return Stage.PENDING
    return {"shutdown": Stage.ENDED, "": Stage.FORGOTTEN}.get(observed.ended, Stage.BROKEN)


# --- what is to be done
def of_new(desired: Desired, keys: KeyMap, places: Places, context: Context) -> Chain:
    """The actions that install a VM that was just defined."""
    start = _install(desired, desired.address, keys, places, context)
    return [*start, *_end(desired.address, desired.spec)]


def of_new_told(spec: VmSpec) -> tuple[str, ...]:
    """What a reviewer should know of it."""
    install = spec.install
    if install is None:
        return ()
    then = "" if spec.state == "stopped" else ", then starts from its disk"
    return (f"is installed from {_iso(install)}{then}; that may take up to {_time(install.timeout)}",)


def written_over(desired: Desired, view: HostView, places: Places) -> Iterator[str]:
    """That the installer writes over data: disks of the VM's own that are there from before."""
    spec = desired.spec
    for _, pool, name in own_volumes(desired.address.name, spec, places) if spec.install else ():
        found = view.volumes.get(f"{pool}/{name}")
        if found is not None and found.has_data:
            yield f"is installed over the data in {name}, unless `install:` is taken out"


def _install(desired: Desired, at: Address, keys: KeyMap, places: Places, context: Context) -> Chain:
    action = media.action_for(desired, at, keys, places, context)
    install = desired.spec.install
    return [(action, f"install from {_iso(install)}"), _await(at, install)]


def _await(at: Address, install: InstallSpec | None) -> tuple[AwaitInstall, str]:
    timeout = install.timeout if install else _TIMEOUT
    return AwaitInstall(at, timeout), f"wait for the installation, {_time(timeout)} at most"


def _end(at: Address, spec: VmSpec, booted: bool = False) -> Chain:
    """What comes after the installer has ended."""
    chain: Chain = []
    if spec.install is not None and spec.install.done_when == "agent":
        if not booted:
            chain.append((StartDomain(at), "start"))
        chain.append((AwaitAgent(at, spec.install.timeout), "wait for the guest agent"))
    return [*chain, (FinishInstall(at), "note that it is installed")]


def starts_it(spec: VmSpec) -> bool:
    """Whether the installation itself leaves the VM running."""
    return spec.install is not None and spec.install.done_when == "agent"


def difference(
    desired: Desired,
    found: Match,
    view: HostView,
    context: Context,
    then: Callable[[Desired, Match], Difference],
) -> Difference:
    """Of a VM that exists and is not installed yet: the rest of its installation, and then whatever else
    differs, as if it were installed already. `then` compares it so."""
    observed, record, spec = found.observed, found.record, desired.spec
    assert observed is not None and record is not None, "it exists, and is ours"
    stage = stage_of(observed, record)
    again = stage is Stage.BROKEN and Permission.DATA_LOSS in context.granted
    if stage is Stage.BROKEN and not again:
        return Difference(desired.address, Verb.NO_OP, refusals=(_broken(desired, observed, context),))
    at = Address(desired.address.host, "vm", observed.name)
    places = Places(context.manifest, view, record.own)
    chain: Chain = []
    if spec.install is not None and (again or stage in (Stage.PENDING, Stage.HELD)):
        invalid = media.missing(desired, places, context)
        if invalid:
            return Difference(desired.address, Verb.NO_OP, invalid=tuple(invalid))
        chain += _install(desired, at, record.keys, places, context)
    elif stage in (Stage.HELD, Stage.RUNNING):
        chain.append(_await(at, spec.install))
    booted = stage is Stage.BOOTED
    chain += _end(at, spec, booted)
    rest = then(desired, found._replace(observed=_after(observed, spec, booted), record=_done(record)))
    changes = tuple(replace(c, drift=False) for c in rest.changes if c.path != "state")
    return replace(
        rest,
        verb=Verb.UPDATE,
        changes=changes,
        notes=(*_notes(stage, spec, again, bool(changes)), *rest.notes),
        before={path: value for path, value in (rest.before or {}).items() if path != "state"},
        after={path: value for path, value in (rest.after or {}).items() if path != "state"},
        impact_floor=max(rest.impact_floor, Impact.DATA_LOSS if again else Impact.NONE),
        label=_LABELS.get(stage, "its installation is finished"),
        detail=(*chain, *rest.detail) if rest.detail else tuple(chain),
    )


_LABELS = {
    Stage.PENDING: "to be installed",
    Stage.HELD: "to be installed",
    Stage.RUNNING: "being installed",
    Stage.BROKEN: "to be installed anew",
}


def _after(observed: Observed, spec: VmSpec, booted: bool) -> Observed:
    """The VM as it will be when it is installed."""
    if booted:
        return observed
    if starts_it(spec):
        return replace(observed, state="running", active_xml=observed.xml)
    return replace(observed, state="stopped", active_xml=None)


def _done(record: Record) -> Record:
    return replace(record, install="", installer=())


def _broken(desired: Desired, observed: Observed, context: Context) -> Problem:
    how = _WORDS.get(observed.ended, f"it ended as {observed.ended}")
    return context.problem(
        (*desired.path, "install"),
        f"{desired.address.short} was being installed, and {how} before it was done",
        f"if it is installed all the same, `virsh start {observed.name}` says so; `--allow data-loss` "
        "installs it anew, over what is on its disks",
    )


def _notes(stage: Stage, spec: VmSpec, again: bool, changing: bool) -> list[str]:
    told = []
    if stage is Stage.RUNNING and changing:
        told.append("whatever else is to change waits until it is installed")
    if stage is Stage.FORGOTTEN:
        told.append("libvirt does not know any more how its installer ended; it is taken for installed")
    if stage is Stage.BOOTED and not starts_it(spec):
        told.append("was started from its disk by hand; it is taken for installed")
    if again:
        told.append("its installer was stopped; it is installed anew, over what is on its disks")
    if stage in (Stage.PENDING, Stage.HELD) or again:
        told += of_new_told(spec)
    return told


def _iso(install: InstallSpec) -> str:
    return install.iso.rpartition("/")[2]


def _time(seconds: int) -> str:
    """As one would write it in a manifest."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
