"""Never worse than before: a VM or network whose chain of steps fails gets its definition back, and its
guest what it had. Live changes that cannot be taken back are named in the outcome."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import (
    Action,
    AttachDevice,
    DetachDevice,
    EditDomain,
    EditNetwork,
    FinishInstall,
    RenameDomain,
    RestartNetwork,
    ShutdownDomain,
    StartDomain,
    StartNetwork,
    UpdateNetwork,
    Waiting,
)
from kvmspec.core.address import Address
from kvmspec.core.errors import KvmspecError
from kvmspec.core.plan import Outcome, Plan, Status, Step
from kvmspec.kinds.base import Kind
from kvmspec.kinds.domain import undoing
from kvmspec.kinds.domain.defining import define

_COUNTED = re.compile(r" connections='\d+'")
_DEFINES = (EditDomain, AttachDevice, DetachDevice)
_UNDOABLE = (*_DEFINES, RenameDomain, ShutdownDomain, EditNetwork, *undoing.LIVE)
_HALF_DONE = (DetachDevice,)  # gone from the definition, when the guest does not let go of it


def _undoable(action: Action) -> bool:
    """An update of a network's definition alone goes back as an edit does; one of the running network
    stays, and the definition with it."""
    if isinstance(action, UpdateNetwork):
        return action.config and not action.live
    return isinstance(action, _UNDOABLE)


@dataclass(frozen=True, slots=True)
class _Before:
    """A VM or network before its first step. `name` is what it was called."""

    name: str
    xml: str
    running: bool
    active_xml: str | None


class Undo:
    """Remembers each VM and network that is changed, and puts it back."""

    def __init__(self, plan: Plan, hosts: Mapping[str, Host], kinds: Mapping[str, Kind]) -> None:
        self._hosts, self._kinds = hosts, kinds
        self._chains = _chains(plan)
        self._before: dict[int, _Before] = {}
        self._lock = threading.Lock()

    def before(self, step: Step) -> None:
        """Take note of an object that is about to be changed for the first time."""
        chain = self._chains.get(step.number)
        if chain is None or chain[0].number != step.number:
            return
        address, host = step.action.address, self._hosts[step.action.address.host]
        objects = host.networks if address.kind == "network" else host.domains
        observed = objects.get(address.name)
        with self._lock:
            self._before[chain[0].number] = _Before(
                observed.name, observed.xml, observed.running, observed.active_xml
            )

    def after_failure(self, failed: Step, outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
        """Put the object of a failed step back; returns the outcomes that are different now."""
        if isinstance(failed.action, Waiting):
            return {}
        chain = self._chains.get(failed.number, ())
        before = self._before.get(chain[0].number) if chain else None
        done = [s for s in chain if s.number in outcomes and outcomes[s.number].status is Status.DONE]
        undoable = [s for s in done if _undoable(s.action)]
        if before is None or not (undoable or isinstance(failed.action, _HALF_DONE)):
            return {}
        host = self._hosts[failed.action.address.host]
        try:
            self._put_back(before, undoable, host, failed)
        except KvmspecError as error:
            return _told(failed, outcomes, f"and could not be put back as it was: {error.message}")
        live = failed.action.address.kind == "vm" and before.active_xml is not None
        undone, words = self._put_back_live(before, done, host) if live else ([], "")
        settled = [s for s in undoable if not isinstance(s.action, undoing.LIVE)] + undone
        changed = {s.number: replace(outcomes[s.number], status=Status.UNDONE) for s in settled}
        return changed | (_told(failed, outcomes, words) if words else {})

    def _put_back_live(self, before: _Before, done: list[Step], host: Host) -> tuple[list[Step], str]:
        """What was taken back of the running guest, and words on what could not be."""
        undone, words = [], ""
        if not host.domains.is_active(before.name):
            return [], ""
        for step in reversed(done):
            if not isinstance(step.action, undoing.LIVE):
                continue
            try:
                undoing.undo(step.action, host, before.active_xml or "", lambda text: None)
                undone.append(step)
            except (KvmspecError, LookupError) as error:
                words += f"; {step.text} could not be taken back: {error}"
        if any(isinstance(step.action, _DEFINES) for step in undone):
            define(host, before.name, before.xml)  # a device that went back went into the definition, too
        return undone, words.lstrip("; ")

    def _put_back(self, before: _Before, done: list[Step], host: Host, failed: Step) -> None:
        if failed.action.address.kind == "network":
            self._put_network_back(before, host, failed)
            return
        for step in reversed(done):
            if isinstance(step.action, RenameDomain):
                host.domains.rename(step.action.new_name, before.name)
        if isinstance(failed.action, _DEFINES) or any(isinstance(step.action, _DEFINES) for step in done):
            define(host, before.name, before.xml)
        stopped = any(isinstance(step.action, ShutdownDomain) for step in done)
        if before.running and (stopped or isinstance(failed.action, StartDomain)):
            host.domains.start(before.name)

    def _put_network_back(self, before: _Before, host: Host, failed: Step) -> None:
        """Its definition, and where it ran, the guests on it; with another definition already running,
        it is restarted with its own."""
        host.networks.define(before.xml)
        if not before.running:
            return
        restart = isinstance(failed.action, RestartNetwork) and not _runs_as(before, host)
        again = RestartNetwork(failed.action.address, ()) if restart else StartNetwork(failed.action.address)
        self._kinds["network"].apply(again, host, lambda text: None)


def _runs_as(before: _Before, host: Host) -> bool:
    """Whether a network is stopped, or runs as it did; how many guests are on it changes."""
    now = host.networks.get(before.name).active_xml
    return now is None or _COUNTED.sub("", now) == _COUNTED.sub("", before.active_xml or "")


def _told(failed: Step, outcomes: Mapping[int, Outcome], words: str) -> dict[int, Outcome]:
    outcome = outcomes[failed.number]
    return {failed.number: replace(outcome, error=f"{outcome.error}; {words}")}


def _chains(plan: Plan) -> dict[int, tuple[Step, ...]]:
    """step number → the whole chain of its object, for VMs and networks that exist and are changed."""
    by_object: dict[Address, list[Step]] = {}
    renamed: dict[Address, Address] = {}
    for step in plan.steps:
        address = step.action.address
        if address.kind not in ("vm", "network"):
            continue
        address = renamed.get(address, address)
        if isinstance(step.action, FinishInstall):
            by_object.pop(address, None)  # that a VM is installed is never undone
            continue
        by_object.setdefault(address, []).append(step)
        if isinstance(step.action, RenameDomain):
            renamed[Address(address.host, "vm", step.action.new_name)] = address
    chains = (tuple(chain) for chain in by_object.values())
    return {
        step.number: chain for chain in chains if any(_undoable(s.action) for s in chain) for step in chain
    }
