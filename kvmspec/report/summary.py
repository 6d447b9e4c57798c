"""A plan in figures: shared by the text and the JSON report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kvmspec.core.action import DeleteVolume, RestartNetwork, ShutdownDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem
from kvmspec.manifest.types import parse_size
from kvmspec.report.values import about, counted

_ORDER = ("restart", "delete", "replace", "data-loss")


@dataclass(frozen=True, slots=True)
class Summary:
    """How many objects a plan touches in which way. `next_start` are the VMs of which something is put
    off to their next start; `lost` are the objects whose data goes, each
    with its size in bytes where that is known."""

    create: int
    change: int
    delete: int
    adopt: int
    no_op: int
    restart: int
    next_start: int
    lost: Mapping[Address, int | None]

    @property
    def lost_bytes(self) -> int:
        """The size of all that is lost; 0 where part of it is not known."""
        sizes = [size for size in self.lost.values() if size is not None]
        return sum(sizes) if len(sizes) == len(self.lost) else 0

    @property
    def counts(self) -> str:
        """`1 to create, 2 to change`; empty where there is nothing to do."""
        numbers = {
            "create": self.create,
            "adopt": self.adopt,
            "change": self.change,
            "delete": self.delete,
        }
        return ", ".join(f"{number} to {verb}" for verb, number in numbers.items() if number)

    @property
    def loss(self) -> str:
        """`1 volume (10 GiB)`; empty where no data is lost."""
        if not self.lost:
            return ""
        noun = "volume" if all(address.kind == "volume" for address in self.lost) else "object"
        size = f" ({about(self.lost_bytes)})" if self.lost_bytes else ""
        return f"{counted(len(self.lost), noun)}{size}"


def summarise(plan: Plan) -> Summary:
    """Count a plan's differences."""
    differences = effective(plan)
    verbs = [difference.verb for difference in differences]
    return Summary(
        create=verbs.count(Verb.CREATE),
        change=verbs.count(Verb.UPDATE),
        delete=verbs.count(Verb.DELETE),
        adopt=verbs.count(Verb.ADOPT),
        no_op=verbs.count(Verb.NO_OP),
        restart=len(restarted(differences, plan)),
        next_start=sum(any(map(_put_off, item.changes)) for item in differences),
        lost=_lost(differences, plan),
    )


def effective(plan: Plan) -> tuple[Difference, ...]:
    """The plan's differences, where one that has steps is never called a no-op."""
    texts: dict[Address, list[str]] = {}
    for step in plan.steps:
        texts.setdefault(step.subject, []).append(step.text)
    return tuple(_honest(difference, texts.get(difference.address, ())) for difference in plan.differences)


def refusals(plan: Plan) -> list[Problem]:
    """Why nothing may be done at all: of the whole plan, and of each object; each once."""
    return list(dict.fromkeys([*plan.refusals, *(p for item in plan.differences for p in item.refusals)]))


def in_order(permissions: Iterable[str]) -> list[str]:
    """Permissions in the order in which `--allow` documents them."""
    return sorted({str(getattr(item, "value", item)) for item in permissions}, key=_ORDER.index)


def _honest(difference: Difference, texts: Iterable[str]) -> Difference:
    if difference.verb is not Verb.NO_OP or not texts:
        return difference
    return replace(difference, verb=Verb.UPDATE, notes=(*filter(None, texts), *difference.notes))


def restarted(differences: Iterable[Difference], plan: Plan) -> set[Address]:
    """What is stopped for a change: by its impact, or because a step of it says so."""
    stopping = {s.subject for s in plan.steps if isinstance(s.action, ShutdownDomain | RestartNetwork)}
    return {
        difference.address
        for difference in differences
        if difference.verb in (Verb.UPDATE, Verb.ADOPT)
        and (difference.impact is Impact.RESTART or difference.address in stopping)
    }


def unbooted(difference: Difference) -> tuple[FieldChange, ...]:
    """What a guest has not booted with when the plan is carried out, and no restart is in it."""
    return (*difference.pending, *filter(_put_off, difference.changes))


def _put_off(change: FieldChange) -> bool:
    return change.impact is Impact.NEXT_START


def _lost(differences: Iterable[Difference], plan: Plan) -> dict[Address, int | None]:
    """Volumes that are deleted (a VM's own are steps of the VM), and whatever else loses data."""
    lost: dict[Address, int | None] = {
        step.action.address: None for step in plan.steps if isinstance(step.action, DeleteVolume)
    }
    for difference in differences:
        if difference.impact is not Impact.DATA_LOSS:
            continue
        here, before = difference.address, _before(difference)
        volumes = before.get("volumes") if here.kind == "vm" else None
        if isinstance(volumes, Mapping):
            lost |= {Address(here.host, "volume", name): _bytes(size) for name, size in volumes.items()}
        elif here.kind == "volume" or not lost:
            lost[here] = _bytes(before.get("size", before.get("capacity")))
    return lost


def _before(difference: Difference) -> Mapping[str, Any]:
    if isinstance(difference.before, Mapping):
        return difference.before
    return {change.path: change.before for change in difference.changes}


def _bytes(value: Any) -> int | None:
    """`10GiB` or 10737418240 as bytes; None where it is neither."""
    if isinstance(value, int):
        return value
    try:
        return parse_size(value)
    except ValueError:  # PydanticCustomError is one
        return None
