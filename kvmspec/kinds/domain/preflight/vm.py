"""One VM that is to be made or changed, held against its host. Asked only for what is new in it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.canon.edit import edit
from kvmspec.core.action import Action, AttachDevice, DefineDomain, EditDomain, StartDomain
from kvmspec.core.desired import Desired
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.observed import HostView
from kvmspec.kinds import records
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain.preflight import absent, capable, clashing
from kvmspec.kinds.domain.preflight.absent import Places
from kvmspec.kinds.domain.preflight.claims import Claim, Wanted, read
from kvmspec.kinds.leaving import vms_leaving
from kvmspec.manifest.types import format_size

_TELLING = frozenset({"devices", "os", "cpu", "memoryBacking", "launchSecurity", "features", "@type"})
"""What changes of a definition are looked at: the rest asks for nothing that a host may not have."""
_AT_DEFINE = frozenset({"disk.bus", "graphics.type", "security", "tpm.model", "vcpus", "video.model"})
"""Claims that libvirt 9.0 does not define a VM with; with others it does, VALIDATE or not, and does not start
it."""
_MACHINE = re.compile(r"machine '?([\w.-]+)'?")


class Finding(NamedTuple):
    """What is wrong with a field. `always`: libvirt would not even define it; else it would not start.
    `mild`: it would, or nobody knows before it is tried, and a reviewer should know."""

    field: str
    message: str
    hint: str
    always: bool = False
    mild: bool = False


class Change(NamedTuple):
    """A definition as it is to be, and as it is; "" where there is none yet."""

    after: str
    before: str


def change_of(actions: Iterable[Action], before: str, *, whole: bool = False) -> Change | None:
    """What a chain of actions makes of a definition; None where it asks nothing new of the host. `whole`:
    whatever changes is looked at, since it may be what no field vouches for."""
    after, telling = before, not before
    for action in actions:
        match action:
            case DefineDomain(xml=xml):
                after, telling = xml, True
            case EditDomain(edits=edits):
                after = edit(after, edits)
                telling = telling or whole or any(each.path[0] in _TELLING for each in edits)
            case AttachDevice(xml=xml):
                after, telling = after.replace("</devices>", f"{xml}</devices>", 1), True
    return Change(after, before) if telling and after else None


def findings(
    change: Change,
    actions: Iterable[Action],
    desired: Desired,
    view: HostView,
    context: Context,
    probe: Probe,
    places: Places,
) -> list[Finding]:
    """What the host would refuse. Raises xml.etree.ElementTree.ParseError."""
    wanted, old = _read(change.after), _read(change.before) if change.before else None
    new = _new(wanted, old)
    starts = any(isinstance(action, StartDomain) for action in actions)
    found = [
        *_machine(wanted, new, probe),
        *_clashes(new, desired, view, context),
        *(Finding(c.field, text, hint) for c, text, hint in absent.judge(
            new, wanted.memory, probe, places, view.host)),
    ]  # fmt: skip
    if starts or old is None or wanted.memory > old.memory:
        found += _memory(wanted, view, probe)
    return found


def grown(spec: int, before: str, view: HostView, probe: Probe) -> list[Finding]:
    """The same of a VM of which nothing else than its memory changes. Raises
    xml.etree.ElementTree.ParseError."""
    old = _read(before)
    return list(_memory(old._replace(memory=spec), view, probe)) if spec > old.memory else []


def _read(xml: str) -> Wanted:
    root = ET.fromstring(xml)
    return read(root, records.read(xml, root.findtext("uuid") or ""))


def _new(wanted: Wanted, old: Wanted | None) -> tuple[Claim, ...]:
    """What was not asked for before; of another machine, all that it may not have."""
    if old is None:
        return wanted.claims
    known = {(claim.what, claim.value) for claim in old.claims}
    other = capable.KNOWN if wanted.model != old.model else frozenset()
    return tuple(c for c in wanted.claims if (c.what, c.value) not in known or c.what in other)


def _machine(wanted: Wanted, new: tuple[Claim, ...], probe: Probe) -> Iterator[Finding]:
    asked = [claim for claim in new if claim.what in capable.KNOWN]
    if not asked:
        return
    try:
        capabilities = probe.capabilities(wanted.model)
    except LibvirtFailure as error:
        text = error.message
        named = wanted.emulator and wanted.emulator in text and "KVM" not in text
        field = "accel" if "KVM" in text else "machine" if _MACHINE.search(text) else "arch"
        field = "emulator" if named and field == "arch" else field
        yield Finding(field, text, "`virsh capabilities` on that host lists what it can run", always=True)
        return
    if capabilities:
        for claim, message, hint in capable.judge(wanted, asked, capabilities, probe):
            yield Finding(claim.field, message, hint, always=claim.what in _AT_DEFINE)


def _clashes(new: tuple[Claim, ...], desired: Desired, view: HostView, context: Context) -> Iterator[Finding]:
    """VMs of the manifest are held against each other when it is loaded."""
    declared = {
        address.name for address in context.desired if address.kind == "vm" and address.host == view.host
    }
    apart = set(vms_leaving(view, context)) | declared
    here = view.domains.get(desired.address.name)
    for clash in clashing.judge(new, here.uuid if here else "", apart, view):
        yield Finding(clash.claim.field, clash.message, clash.hint, mild=clash.mild)


def _memory(wanted: Wanted, view: HostView, probe: Probe) -> Iterator[Finding]:
    """A VM with more memory than its host has. QEMU starts with it as far as there is swap, and with any
    amount of a file or memfd (7.2)."""
    has = probe.memory()
    if has and wanted.memory > has:
        text = f"{view.host} has {has / 2**30:.1f}GiB of memory, and it needs {format_size(wanted.memory)}"
        mild = wanted.shared or wanted.memory <= probe.most_memory()
        yield Finding("memory", text, "give it less, or place it on another host", mild=mild)
