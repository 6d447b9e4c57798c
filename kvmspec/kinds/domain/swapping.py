"""Another disk in the place of one: taken out and plugged in while the guest runs, never changed in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.edit import edit, select
from kvmspec.core.action import Action, AttachDevice, DetachDevice, Edit
from kvmspec.kinds.domain import edits, fields, rules
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.tables import disks

Path = tuple[str, ...]
DETACH_TIMEOUT = 30  # seconds, as in live.py


def swapped(comparison: Comparison, changes: list[Change]) -> list[Path]:
    """The disks of which another takes the place, and that can be plugged.

    Not the disk that the guest starts from: its system would lose the ground under its feet.
    """
    found: dict[Path, None] = {}
    for change in changes:
        row, _ = fields.lookup(change.path)
        path = change.path[:3]
        if row.rule is disks.SWAP and change.before is not None and _plugs(comparison, path):
            found[path] = None
    return [path for path in found if not _is_started_from(comparison, path)]


def names(comparison: Comparison, changes: list[Change]) -> set[str]:
    """The fields that a swap changes, as the manifest calls them."""
    paths = swapped(comparison, changes)
    rows = [fields.lookup(change.path) for change in changes if change.path[:3] in paths]
    return {fields.manifest_path(row, unit, comparison.all_keys) for row, unit in rows}


def steps(comparison: Comparison, path: Path, changes: list[Change]) -> Iterator[tuple[Action, str]]:
    """Detach and attach. The new one has of the old one what is not said otherwise, its slot too."""
    vm = comparison.desired.address
    made = [e for change in changes if change.path[:3] == path for e in _edits(comparison, change)]
    made += [Edit("remove", (*path, name)) for name in ("backingStore", "alias")]
    xml = select(edit(comparison.observed.xml, dict.fromkeys(made)), path)
    name = fields.manifest_path(*fields.lookup(path), comparison.all_keys)
    yield DetachDevice(vm, path, DETACH_TIMEOUT), f"detach {name}"
    yield AttachDevice(vm, path, xml), f"attach another {name}"


def _edits(comparison: Comparison, change: Change) -> Iterator[Edit]:
    if change.after is None:
        yield from edits.removing(change.path)
    else:
        yield from edits.writing(change.path, change.after, comparison.element, comparison.persistent)


def _plugs(comparison: Comparison, path: Path) -> bool:
    """Whether the guest has the disk, and it comes and goes on its bus."""
    disk = get(comparison.active, path)
    if not isinstance(disk, Mapping) or not comparison.hotplugs or rules.unpluggable_disk(disk):
        return False
    return comparison.guest.has_acpi or rules.disk_bus(disk) != "virtio"


def _is_started_from(comparison: Comparison, path: Path) -> bool:
    """Whether the firmware started the guest from it: the first by the order, else the first disk; of a
    guest whose kernel is the host's, none is known to be."""
    active: Any = comparison.active
    if get(active, ("os", "kernel")) is not None:
        return False
    group = get(active, ("devices", "disk")) or {}
    real = {key: disk for key, disk in group.items() if disk.get("@device") not in ("cdrom", "floppy")}
    ordered = {key: int(disk["boot"]["@order"]) for key, disk in real.items() if "boot" in disk}
    first = min(ordered, key=lambda key: ordered[key]) if ordered else next(iter(real), None)
    return path[2] == first
