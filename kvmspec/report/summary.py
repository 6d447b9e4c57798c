"""A plan in figures: shared by the text and the JSON report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.manifest.types import parse_size

_ORDER = ("restart", "delete", "replace", "data-loss")


@dataclass(frozen=True, slots=True)
class Summary:
    """How many objects a plan touches in which way. `lost` are the objects whose data goes,
    `lost_bytes` their size as far as it is known."""

    create: int
    change: int
    delete: int
    adopt: int
    no_op: int
    restart: int
    lost: tuple[Difference, ...]
    lost_bytes: int


def summarise(plan: Plan) -> Summary:
    """Count a plan's differences."""
    differences = effective(plan)
    verbs = [difference.verb for difference in differences]
    lost = tuple(difference for difference in differences if difference.impact is Impact.DATA_LOSS)
    return Summary(
        create=verbs.count(Verb.CREATE),
        change=verbs.count(Verb.UPDATE),
        delete=verbs.count(Verb.DELETE),
        adopt=verbs.count(Verb.ADOPT),
        no_op=verbs.count(Verb.NO_OP),
        restart=sum(map(_restarts, differences)),
        lost=lost,
        lost_bytes=sum(_size(difference.before) for difference in lost),
    )


def effective(plan: Plan) -> tuple[Difference, ...]:
    """The plan's differences, where one that has steps is never called a no-op."""
    texts: dict[Address, list[str]] = {}
    for step in plan.steps:
        texts.setdefault(step.action.address, []).append(step.text)
    return tuple(_honest(difference, texts.get(difference.address, ())) for difference in plan.differences)


def in_order(permissions: Iterable[str]) -> list[str]:
    """Permissions in the order in which `--allow` documents them."""
    return sorted({str(getattr(item, "value", item)) for item in permissions}, key=_ORDER.index)


def _honest(difference: Difference, texts: Iterable[str]) -> Difference:
    if difference.verb is not Verb.NO_OP or not texts:
        return difference
    return replace(difference, verb=Verb.UPDATE, notes=(*filter(None, texts), *difference.notes))


def _restarts(difference: Difference) -> bool:
    return difference.verb in (Verb.UPDATE, Verb.ADOPT) and difference.impact in (
        Impact.RESTART,
        Impact.REPLACE,
    )


def _size(before: Any) -> int:
    """Bytes of a volume that is described as `{size: 10GiB}` or `{capacity: 10737418240}`."""
    if not isinstance(before, Mapping):
        return 0
    value = before.get("size", before.get("capacity", 0))
    if isinstance(value, int):
        return value
    try:
        return parse_size(value)
    except ValueError:  # PydanticCustomError is one
        return 0
