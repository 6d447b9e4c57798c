"""What a running guest gets at once: changes → actions, each by the libvirt call of its field's row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kvmspec.canon.compare import covers, get
from kvmspec.core.action import (
    Action,
    AttachDevice,
    DetachDevice,
    Edit,
    EditDomain,
    SetMemory,
    SetVcpus,
    UpdateDevice,
)
from kvmspec.core.live import Call
from kvmspec.kinds.base import Chain
from kvmspec.kinds.domain import (
    dimms,
    disk_tuning,
    edits,
    fields,
    iothreads,
    live_tuning,
    replugging,
    swapping,
)
from kvmspec.kinds.domain.compare import Change, Comparison, last_first
from kvmspec.kinds.domain.controllers import SCSI, SCSI_XML, needs_scsi
from kvmspec.manifest.types import format_size

Path = tuple[str, ...]
Maker = Callable[[Comparison, Path, list[Change]], Iterator[tuple[Action, str]]]

DETACH_TIMEOUT = 30  # seconds; a guest that boots hears nothing at first, one that runs lets go in one


def steps(comparison: Comparison, changes: list[Change]) -> Chain:
    """The actions for changes that the running guest can have. What goes goes first: it makes room."""
    groups: dict[tuple[Call, Path], list[Change]] = {}
    swapped = swapping.swapped(comparison, changes)
    for change in changes:
        if change.path[:3] in swapped:
            continue
        row, unit = fields.lookup(change.path)
        if row.call in _MAKERS and (_always(change, row.call) or lacks(comparison, change)):
            groups.setdefault((row.call, _object(row.call, unit)), []).append(change)
    chain = [
        link for (call, path), found in groups.items() for link in _MAKERS[call](comparison, path, found)
    ]
    chain += [link for path in swapped for link in swapping.steps(comparison, path, changes)]
    chain += _threads_first(comparison, chain)
    return sorted(dict.fromkeys(chain), key=lambda link: _order(link[0]))


def _threads_first(comparison: Comparison, chain: Chain) -> Chain:
    """New I/O threads are defined before a disk that uses one is, or libvirt refuses its definition."""
    used = any(isinstance(action, AttachDevice) and " iothread=" in action.xml for action, _ in chain)
    if not used or not any(live_tuning.is_new_thread(action) for action, _ in chain):
        return []
    edit = EditDomain(comparison.desired.address, tuple(edits.settled(iothreads.edits(comparison))))
    return [(edit, "define the I/O threads")]


def lacks(comparison: Comparison, change: Change) -> bool:
    """Whether the running guest is to be told of a change: not of one that it has, nor of one inside a device
    that comes as a whole at its next boot."""
    return not has_it(comparison, change) and not comes_at_boot(comparison, change.path)


def comes_at_boot(comparison: Comparison, path: Path) -> bool:
    """Whether a path is inside a device of the definition that the running guest has not."""
    inside = path[0] == "devices" and len(path) > 3
    return inside and get(comparison.active, path[:3]) is None and fields.is_device(path)


def has_it(comparison: Comparison, change: Change) -> bool:
    """Whether the running guest has a change already."""
    have = get(comparison.active, change.path)
    return have is None if change.after is None else have is not None and covers(change.after, have)


def _always(change: Change, call: Call) -> bool:
    """A balloon moves for a while, and the plan that is looked at again under the lock has to be the same."""
    return call is Call.MEMORY or plugged(change)


def plugged(change: Change) -> bool:
    """Whether a change is a whole device that comes or goes while the guest runs. Its step writes the
    definition, too, and so there is one also where the guest has the change already."""
    row, unit = fields.lookup(change.path)
    return row.call is Call.PLUG and unit == change.path and None in (change.before, change.after)


def _object(call: Call, unit: Path) -> Path:
    """What one call is about: a device, or the whole machine."""
    return unit[:3] if unit[0] == "devices" else unit if call is Call.PLUG else unit[:1]


def _plug(comparison: Comparison, path: Path, changes: list[Change]) -> Iterator[tuple[Action, str]]:
    vm, name = comparison.desired.address, _name(comparison, path)
    if changes[0].after is None:
        yield DetachDevice(vm, path, DETACH_TIMEOUT), f"detach {name}"
        return
    controlled = comparison.guest.controllers("scsi") and comparison.defined.controllers("scsi")
    if needs_scsi(path, changes[0].after) and not controlled:
        yield AttachDevice(vm, SCSI, SCSI_XML), "attach a SCSI controller"
    yield AttachDevice(vm, path, _whole(comparison, path)), f"attach {name}"


def _whole(comparison: Comparison, path: Path) -> str:
    """The XML of a device that is plugged in. One that was unplugged by hand is in the definition, with all
    that the manifest does not say: its model, its format, its address."""
    defined = get(comparison.persistent, path) is not None
    return replugging.element(comparison, path) if defined else comparison.element(path)


def _update(comparison: Comparison, path: Path, changes: list[Change]) -> Iterator[tuple[Action, str]]:
    made = [edit for change in changes for edit in _edits(comparison, change)]
    rows = (fields.lookup(change.path) for change in changes)
    names = dict.fromkeys(
        fields.manifest_path(row, unit, comparison.all_keys) for row, unit in rows if not row.twin
    )
    text = f"change {', '.join(names)}"
    yield UpdateDevice(comparison.desired.address, path, tuple(dict.fromkeys(made))), text


def _edits(comparison: Comparison, change: Change) -> Iterator[Edit]:
    if change.after is None or get(comparison.active, change.path) is None:
        yield from edits.removing(change.path)  # an ejected CD leaves an empty <source>
    if change.after is not None:
        yield from edits.writing(change.path, change.after, comparison.element, comparison.active or {})


def _name(comparison: Comparison, path: Path) -> str:
    row, unit = fields.lookup(path)
    return fields.manifest_path(row, unit, comparison.all_keys)


def _vcpus(comparison: Comparison, path: Path, changes: list[Change]) -> Iterator[tuple[Action, str]]:
    count = int(changes[-1].after)
    yield SetVcpus(comparison.desired.address, count), f"set {count} vCPUs"


def _memory(comparison: Comparison, path: Path, changes: list[Change]) -> Iterator[tuple[Action, str]]:
    after = changes[-1].after
    size = int(after["#"] if isinstance(after, dict) else after)
    dimm = dimms.plugged(dimms.after(comparison, comparison.active or {}), "dimm")
    yield SetMemory(comparison.desired.address, size + dimm), f"set memory to {format_size(size)}"


_MAKERS: Mapping[Call, Maker] = {
    Call.PLUG: _plug,
    Call.UPDATE: _update,
    Call.VCPUS: _vcpus,
    Call.MEMORY: _memory,
    Call.BLOCK_TUNE: disk_tuning.limits,
    **live_tuning.MAKERS,
}
"""Title, description and autostart are not here: they are set besides (chain.py)."""

OF_DEVICES = frozenset({Call.PLUG, Call.UPDATE, Call.BLOCK_TUNE, *live_tuning.MAKERS})
"""Calls that libvirt's test driver does not have, or not for a running guest."""


def _order(action: Action) -> tuple[int, int]:
    """What goes goes first: it makes room. An I/O thread comes before the disk that uses it."""
    if isinstance(action, DetachDevice):
        return 0, last_first(action.path)
    if live_tuning.is_new_thread(action):
        return 1, 0
    if isinstance(action, EditDomain):
        return 1, 1
    return 2 if isinstance(action, AttachDevice) else 3, 0
