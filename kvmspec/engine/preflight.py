"""What the hosts would refuse of a plan, told before anything is done: each at its line of the manifest.

Asked only for what is new or changes, so that a plan without changes costs nothing. Reads only.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import CreateVolume
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain.preflight import vm
from kvmspec.kinds.domain.preflight.absent import Places
from kvmspec.kinds.network import preflight as network
from kvmspec.manifest.locate import locate
from kvmspec.manifest.types import format_size

_MAKES = (Verb.CREATE, Verb.UPDATE, Verb.ADOPT)
_BRIDGE = re.compile(r"<bridge name=[\"']([^\"']+)")
_OF_HOST = re.compile(r"<forward mode=[\"']bridge")
_FIXED = ("logical", "disk", "zfs", "iscsi", "scsi", "mpath")
"""Types of pools whose volumes take their whole size at once."""
_NETWORK_FIELDS = {"bridge", "interfaces", "subnet", "mode", "ipv6.subnet"}


def preflight(
    differences: Iterable[Difference], context: Context, hosts: Mapping[str, Host]
) -> list[Difference]:
    """The differences with what their hosts would refuse: as invalid where it is to run, else as a note."""
    differences = list(differences)
    found, told = [], set[tuple[str, str]]()
    space = _Space(context, hosts)
    gone = {each.address for each in differences if each.verb is Verb.DELETE}
    for difference in differences:
        desired = context.desired.get(difference.address)
        if difference.verb in _MAKES and desired is not None and difference.address.host in hosts:
            difference = _held(difference, desired, context, hosts[difference.address.host], told, gone)
            difference = space.held(difference)
        found.append(difference)
    return found


def _held(
    difference: Difference,
    desired: Desired,
    context: Context,
    host: Host,
    told: set[tuple[str, str]],
    gone: set[Address],
) -> Difference:
    view = context.views[difference.address.host]
    match difference.address.kind:
        case "vm":
            findings, runs = _of_vm(difference, desired, view, context, host), _runs(desired)
        case "network":
            findings = list(_of_network(difference, view, context, host, gone))
            runs = desired.spec.state == "running"
        case _:
            return difference
    notes, invalid = [], []
    for finding in findings:
        problem = _placed(finding, desired, context)
        if finding.mild:
            notes.append(finding.message)
        elif not (finding.always or runs):
            notes.append(f"{finding.message}; it is not to be started yet")
        elif (key := (str(problem.where), problem.message)) not in told:
            told.add(key)
            invalid.append(problem)
    if not findings:
        return difference
    return replace(difference, notes=(*difference.notes, *notes), invalid=(*difference.invalid, *invalid))


def _runs(desired: Desired) -> bool:
    return desired.spec.state == "running" or desired.spec.install is not None


def _placed(finding: vm.Finding, desired: Desired, context: Context) -> Problem:
    path = ".".join((*map(str, desired.path), finding.field)).rstrip(".")
    where = locate(context.manifest, desired.path, finding.field)
    return Problem(finding.message, where, path, finding.hint)


# --- VMs
def _of_vm(
    difference: Difference, desired: Desired, view: HostView, context: Context, host: Host
) -> list[vm.Finding]:
    actions = [action for action, _ in difference.detail or ()]
    old = next((str(c.before) for c in difference.changes if c.path == "name"), difference.address.name)
    observed = None if difference.verb is Verb.CREATE else view.domains.get(old)
    try:
        change = vm.change_of(
            actions, observed.xml if observed is not None else "", whole=bool(desired.spec.xml)
        )
        if change is None:
            grows = any(each.path.startswith("memory") for each in difference.changes)
            size = (desired.spec.memory.max or desired.spec.memory.size or 0) if grows else 0
            return vm.grown(size, observed.xml, view, host.probe) if size and observed is not None else []
        places = _places(view, context)
        found = vm.findings(change, actions, desired, view, context, host.probe, places)
    except (LookupError, ET.ParseError):  # what cannot be foreseen: apply tells
        return []
    return [*found, *_schema(change, desired, host)]


def _places(view: HostView, context: Context) -> Places:
    """Bridges that networks make and folders of pools, there already or wanted."""
    xmls = [each.active_xml or each.xml for each in view.networks.values()]
    bridges = [name for xml in xmls if not _OF_HOST.search(xml) for name in _BRIDGE.findall(xml)]
    folders = [ET.fromstring(pool.xml).findtext("target/path") for pool in view.pools.values()]
    for address, wanted in context.desired.items():
        if address.host == view.host and address.kind == "network" and wanted.spec.mode != "bridge":
            bridges.append(getattr(wanted.spec, "bridge", None) or "")
        elif address.host == view.host and address.kind == "pool":
            folders.append(wanted.spec.target_of(address.name))
    return Places(frozenset(bridges), tuple(f"{folder.rstrip('/')}/" for folder in folders if folder))


def _schema(change: vm.Change, desired: Desired, host: Host) -> Iterator[vm.Finding]:
    """What libvirt's own schema has against the XML, where it is the one of the host's version. What it has
    against the definition that is there is not ours to tell; of what the fields say libvirt may know more
    than its schema does (`kinds.domain.defining`)."""
    from kvmspec.canon import rng  # lxml

    if not rng.SCHEMA_DIR.is_dir() or not host.probe.has_our_schemas:
        return
    errors = rng.errors(change.after)
    if not errors or (change.before and rng.errors(change.before)):
        return
    what, fragment = rng.culprit(change.after), getattr(desired.spec, "xml", None) or ""
    tag = what.split()[0].rstrip(">") if what else "<"
    message = f"libvirt's schema does not take {what or f'its XML: {errors[0]}'}"
    if re.search(rf"{re.escape(tag)}\b", str(fragment)):
        hint = f"`kvmspec render --target {desired.address.short}` shows the XML"
        yield vm.Finding("xml", message, hint, True)
    else:
        yield vm.Finding("", f"{message}, and libvirt may all the same", "", mild=True)


# --- networks
def _of_network(
    difference: Difference, view: HostView, context: Context, host: Host, gone: set[Address]
) -> Iterator[vm.Finding]:
    create = difference.verb is Verb.CREATE
    if not create and not _NETWORK_FIELDS & {change.path for change in difference.changes}:
        return
    xml = difference.detail if create else difference.detail.rendered
    addresses = {name: Address(view.host, "network", name) for name in view.networks}
    leaving = {name for name, a in addresses.items() if a in gone or a in context.desired}
    interfaces = host.probe.interfaces()
    bridges = _places(view, context).bridges if interfaces else frozenset[str]()
    for told in network.findings(xml, difference.address.name, view, leaving, interfaces | bridges):
        yield vm.Finding(told.field, told.message, told.hint, mild=told.mild)


# --- pools
class _Space:
    """The room that the new volumes of a pool take, one after the other."""

    def __init__(self, context: Context, hosts: Mapping[str, Host]) -> None:
        self._context, self._hosts = context, hosts
        self._wanted: dict[tuple[str, str], int] = {}

    def held(self, difference: Difference) -> Difference:
        """With a problem, or a note, where the volumes it makes have no room."""
        for action, _ in _chain(difference, self._context):
            if isinstance(action, CreateVolume):
                difference = self._volume(difference, action)
        return difference

    def _volume(self, difference: Difference, action: CreateVolume) -> Difference:
        host, pool = action.address.host, action.address.name.rpartition("/")[0]
        observed = self._context.views[host].pools.get(pool)
        free = self._hosts[host].probe.space(pool) if observed is not None and observed.running else None
        if observed is None or free is None:
            return difference
        wanted = self._wanted[host, pool] = self._wanted.get((host, pool), 0) + action.capacity
        if wanted <= free:
            return difference
        text = (
            f"the new volumes of pool/{pool} may grow to {format_size(wanted)}, and {_about(free)} are free"
        )
        if ET.fromstring(observed.xml).get("type") not in _FIXED:
            return replace(difference, notes=(*difference.notes, text))
        desired = self._context.desired[difference.address]
        finding = vm.Finding("size", text.replace("may grow to", "need"), "make room, or choose another pool")
        problem = _placed(finding, desired, self._context)
        return replace(difference, invalid=(*difference.invalid, problem))


def _chain(difference: Difference, context: Context) -> Any:
    if difference.address.kind == "vm":
        return difference.detail or ()
    if difference.address.kind != "volume":
        return ()
    from kvmspec.kinds.registry import KINDS

    return KINDS["volume"].steps(difference, context.views[difference.address.host], context)


def _about(size: int) -> str:
    return f"{size / 2**30:.1f}GiB"
