"""What a running guest may have of its host: changes → Tune actions, in the words of libvirt's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kvmspec.adapters.libvirt.tuning import UNLIMITED
from kvmspec.canon.compare import get
from kvmspec.core.action import Action, Tune
from kvmspec.core.live import Call
from kvmspec.kinds.domain import fields
from kvmspec.kinds.domain.compare import Change, Comparison
from kvmspec.kinds.domain.cpus_spec import SCHEDULING
from kvmspec.kinds.domain.tables.clock import LIFECYCLE
from kvmspec.kinds.domain.tables.cpus import default_of
from kvmspec.kinds.domain.tables.memory import MEMORY, STATS

Path = tuple[str, ...]
Made = Iterator[tuple[Action, str]]
Maker = Callable[[Comparison, Path, list[Change]], Made]
THREADS: Path = ("iothreadids", "iothread")


def is_new_thread(action: Action) -> bool:
    """Whether it adds an I/O thread, which a disk that is attached may need."""
    return isinstance(action, Tune) and action.call is Call.IOTHREAD and ("present", 1) in action.values


def _units(comparison: Comparison, changes: list[Change]) -> dict[Path, Any]:
    """What each row's element is to be; None where it goes."""
    units = dict.fromkeys(fields.lookup(change.path)[1] for change in changes)
    return {unit: get(comparison.stated, unit) for unit in units}


def _pins(call: Call, who: str) -> Maker:
    def make(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
        threads = get(comparison.stated, THREADS) or {}
        for unit, wanted in _units(comparison, changes).items():
            number = unit[2] if len(unit) > 2 else ""
            if call is Call.IOTHREAD_PIN and number not in threads:
                continue  # its pin goes with it
            cpus = wanted["@cpuset"] if wanted else get(comparison.active, ("vcpu", "@cpuset")) or ""
            name = f"{who} {number}".strip()
            text = f"pin {name} to {cpus}" if wanted else f"unpin {name}"
            yield Tune(comparison.desired.address, call, number, (("cpuset", cpus),)), text

    return make


def _iothreads(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    for unit, wanted in _units(comparison, changes).items():
        text = f"add I/O thread {unit[2]}" if wanted else f"remove I/O thread {unit[2]}"
        values = (("present", 1 if wanted else 0),)
        yield Tune(comparison.desired.address, Call.IOTHREAD, unit[2], values), text


def _scheduler(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    values = {
        SCHEDULING[unit[1]]: int(wanted["#"]) if wanted else default_of(unit[1])
        for unit, wanted in _units(comparison, changes).items()
    }
    known = tuple((name, value) for name, value in values.items() if value is not None)
    if known:
        text = f"set {', '.join(f'{name} {value}' for name, value in known)}"
        yield Tune(comparison.desired.address, Call.SCHEDULER, "", known), text


def _limits(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    """All in one call: libvirt refuses a limit that is above the other one, were it set by itself."""
    stated = {name: limit["#"] for name, limit in (get(comparison.stated, ("memtune",)) or {}).items()}
    units = _units(comparison, changes)
    gone = {unit[1]: UNLIMITED for unit, wanted in units.items() if wanted is None}
    names = ", ".join(f"memory.tuning.{unit[1]}" for unit in units)
    values = tuple((gone | stated).items())
    yield Tune(comparison.desired.address, Call.MEMORY_LIMITS, "", values), f"set {names}"


def _weight(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    for wanted in filter(None, _units(comparison, changes).values()):
        values = (("weight", int(wanted["#"])),)
        yield Tune(comparison.desired.address, Call.BLKIO, "", values), f"set blkio.weight {wanted['#']}"


def _nodes(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    nodes = get(comparison.stated, (*MEMORY, "@nodeset"))
    values = (("numa_nodeset", str(nodes)),)
    yield Tune(comparison.desired.address, Call.NUMA, "", values), f"set memory.numatune.nodes {nodes}"


def _period(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    seconds = int(get(comparison.stated, (*STATS, "@period")) or 0)
    text = f"set memory.stats_period {seconds}s" if seconds else "ask the balloon no more"
    yield Tune(comparison.desired.address, Call.BALLOON_PERIOD, "", (("period", seconds),)), text


def _lifecycle(comparison: Comparison, path: Path, changes: list[Change]) -> Made:
    """All events in one step, the same for each that changes: libvirt takes some of them together only."""
    values = []
    for event, default in LIFECYCLE.items():
        unsaid = default if event in comparison.applied else None
        wanted = get(comparison.stated, (event, "#")) or unsaid
        if wanted not in (None, get(comparison.active, (event, "#"))):
            values.append((event, str(wanted)))
    text = f"set {', '.join(f'{event} {action}' for event, action in values)}"
    yield Tune(comparison.desired.address, Call.LIFECYCLE, "", tuple(values)), text


MAKERS: Mapping[Call, Maker] = {
    Call.VCPU_PIN: _pins(Call.VCPU_PIN, "vCPU"),
    Call.EMULATOR_PIN: _pins(Call.EMULATOR_PIN, "the emulator"),
    Call.IOTHREAD_PIN: _pins(Call.IOTHREAD_PIN, "I/O thread"),
    Call.IOTHREAD: _iothreads,
    Call.SCHEDULER: _scheduler,
    Call.MEMORY_LIMITS: _limits,
    Call.BLKIO: _weight,
    Call.NUMA: _nodes,
    Call.BALLOON_PERIOD: _period,
    Call.LIFECYCLE: _lifecycle,
}
