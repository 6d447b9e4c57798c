"""The actions that bring an existing VM to where it should be, in their order."""

from __future__ import annotations

from collections.abc import Collection

from kvmspec.canon.compare import get
from kvmspec.core.action import (
    Edit,
    EditDomain,
    RemoveSeed,
    RenameDomain,
    SetAutostart,
    SetDomainMetadata,
    ShutdownDomain,
    StartDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.change import FieldChange
from kvmspec.core.impact import Impact
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.domain import controllers, dimms, edits, iothreads, live, seeding, swapping
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.match import Match
from kvmspec.kinds.domain.record import record_of, sealed_xml
from kvmspec.kinds.seeds import is_seed, strays

_NOT_ALONE = (("disk",), ("graphics",), ("hostdev",), ("filesystem",))
"""Devices that something else comes with."""


class Builder:
    """The chain of actions for a VM that exists. `at_boot` are the paths of the changes that the guest has to
    boot for: without a restart they are defined only."""

    def __init__(
        self,
        comparison: Comparison,
        changes: list[FieldChange],
        canonical: list[Change],
        by_hand: list[Change],
        record_same: bool,
        adopting: bool,
        restart_pending: bool,
        found: Match,
        at_boot: Collection[tuple[str, ...]] = (),
    ) -> None:
        self.c, self.changes, self.canonical = comparison, changes, canonical
        self.live = [change for change in (*canonical, *by_hand) if change.path not in at_boot]
        self.plugged = [change for change in self.live if live.plugged(change)]
        self.record_same, self.adopting, self.found = record_same, adopting, found
        self.address = comparison.desired.address
        self.running = comparison.observed.running
        self.stop = any(c.path == "state" and c.after == "stopped" for c in changes)
        swaps = swapping.names(comparison, canonical) if self.running else set()
        costly = any(
            c.impact is Impact.RESTART or (c.impact is Impact.REPLACE and c.path not in swaps)
            for c in changes
            if c.path != "state"
        )
        self.restart = self.running and not self.stop and (costly or restart_pending)
        self.goes_live = self.running and not self.stop and not self.restart

    def chain(self, context: Context) -> Chain:
        """Live steps first, so that a kill between two steps leaves the definition, or the record in it,
        saying what is still to be done; then the definition; then power."""
        rename = self.found.old_name is not None
        at = Address(self.address.host, "vm", self.found.old_name) if self.found.old_name else self.address
        chain: Chain = []
        if self.goes_live:
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
            if self.c.restores:
                chain += live.steps(self.c.restored(), self.live)
            if self.c.spec.wait_for is not None:
                from kvmspec.kinds.domain.wait import waiting

                chain += waiting(self.address, self.c.spec.wait_for)
        return chain + [
            (RemoveSeed(seed), "delete cloud-init's old seed") for seed in old_seeds(self.c, context)
        ]

    def _shutdown(self, address: Address) -> tuple[ShutdownDomain, str]:
        lifecycle = self.c.spec.lifecycle
        if lifecycle.force_off_after is not None:
            return ShutdownDomain(address, lifecycle.force_off_after, True), "shut down (or power off)"
        return ShutdownDomain(address, lifecycle.shutdown_timeout), "shut down"

    def _definition(self, context: Context) -> Chain:
        chain: Chain = []
        swaps = swapping.swapped(self.c, self.canonical) if self.goes_live else ()
        left = [
            change
            for change in self.canonical
            if not (self.goes_live and change in self.plugged) and change.path[:3] not in swaps
        ]
        made = [edit for change in left for edit in self._edits(change)]
        if made or not self.record_same or self.adopting:
            made += [*dimms.totals(self.c), *self._record(context)]
            chain.append((EditDomain(self.address, tuple(edits.settled(made))), _words(self.changes)))
        auto = next((c for c in self.canonical if c.path == ("autostart",)), None)
        if auto is not None:
            enabled = bool(auto.after)
            chain.append((SetAutostart(self.address, enabled), f"{'set' if enabled else 'clear'} autostart"))
        return chain

    def _edits(self, change: Change) -> list[Edit]:
        if change.path[:2] == iothreads.THREADS:
            return list(iothreads.edits(self.c))
        if change.path == edits.TWIN and change.after is None and get(self.c.stated, ("devices", "serial")):
            return []  # the first of those that are stated
        if change.after is None:
            made = list(edits.removing(change.path, self.c.persistent, self.c.stated))
            return made + edits.with_firmware(change.path, self.c.stated)
        known = self.c.whole() if change.path == edits.MACHINE else self.c.persistent
        made = list(edits.writing(change.path, change.after, self.c.element, known))
        return made + self._with_device(change)

    def _with_device(self, change: Change) -> list[Edit]:
        """What a new device cannot do without: a SCSI controller, a USB port, a video card."""
        if change.path[1:2] not in _NOT_ALONE:
            return []
        whole = self.c.whole()
        found = list(controllers.beside(change.path, change.after, whole))
        on_usb = controllers.bus_of(change.path, change.after) == "usb"
        if on_usb and self.c.defined.free_usb_ports() < len(self.canonical):
            found += self._usb_anew()
        bare = "video" not in whole.get("devices", {}) and not self.c.spec.devices.cards
        if change.path[:2] == ("devices", "graphics") and change.before is None and bare:
            xml = '<video><model type="virtio"/></video>'
            found.append(Edit("add", ("devices", "video", "#0"), xml))
        return found

    def _usb_anew(self) -> list[Edit]:
        """libvirt adds a hub to a definition, and puts it where a device was that has no port any more."""
        disks = self.c.persistent.get("devices", {}).get("disk", {})
        on_usb = (name for name, disk in disks.items() if get(disk, ("target", "@bus")) == "usb")
        return [Edit("remove", ("devices", "disk", name, "address")) for name in on_usb]

    def _record_xml(self, context: Context) -> str:
        return sealed_xml(record_of(self.c, context), context)

    def _record(self, context: Context) -> list[Edit]:
        return [Edit("remove", edits.METADATA), Edit("add", edits.METADATA, self._record_xml(context))]

    def _live(self, context: Context) -> Chain:
        """What the running guest gets at once."""
        chain: Chain = []
        texts = {c.path[0]: c for c in self.live if c.path[0] in ("title", "description", "metadata")}
        metadata_too = bool(self.canonical or texts) or not self.record_same or self.adopting
        if metadata_too:
            title, description = (_text(texts.get(name)) for name in ("title", "description"))
            record, system = self._record_xml(context), self._system()
            metadata = SetDomainMetadata(self.address, title, description, record, system)
            chain.append((metadata, "set metadata"))
        return chain + live.steps(self.c, self.live)

    def _system(self) -> str | None:
        """libosinfo's id of the guest's system, where it changes."""
        changed = any(change.path[0] == "metadata" for change in self.live)
        return self.c.spec.osinfo or "" if changed else None


def old_seeds(comparison: Comparison, context: Context) -> list[Address]:
    """Seeds that were made for the VM, and that it has no more, or never got."""
    host, record = comparison.desired.address.host, comparison.record
    if record is None:
        return []
    view, current = context.views[host], seeding.seed_of(comparison.spec)
    listed = [key for key in record.volumes if is_seed(key) and key in view.volumes]
    found = (*listed, *strays(comparison.desired.address.name, record.volumes, view))
    return [Address(host, "volume", key) for key in dict.fromkeys(found) if key != current]


def _text(change: Change | None) -> str | None:
    if change is None:
        return None
    after = change.after
    return "" if after is None else str(after["#"] if isinstance(after, dict) else after)


def _words(changes: list[FieldChange]) -> str:
    names = [c.path for c in changes if c.path not in ("state", "name", "autostart")]
    if not names:
        return "record what is stated"
    return "define " + (
        ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"
    )
