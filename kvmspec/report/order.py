"""The objects of a plan, the most dangerous first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kvmspec.core.action import DeleteVolume
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.report.summary import effective, restarted

_VERBS = (Verb.DELETE, Verb.UPDATE, Verb.ADOPT, Verb.CREATE, Verb.NO_OP)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A plan's differences, worst first, then in the plan's order.

    severity  what each costs: its impact, and what only the steps tell (a volume that goes with its VM)
    """

    differences: tuple[Difference, ...]
    severity: Mapping[Address, Impact]

    @classmethod
    def of(cls, plan: Plan) -> Ordered:
        differences = effective(plan)
        severity = _severity(differences, plan)
        key = {verb: place for place, verb in enumerate(_VERBS)}
        ordered = sorted(differences, key=lambda item: (-severity[item.address], key[item.verb]))
        return cls(tuple(ordered), severity)

    @property
    def changing(self) -> tuple[Difference, ...]:
        """Those with something to do."""
        return tuple(item for item in self.differences if item.verb is not Verb.NO_OP)

    def dangerous(self, difference: Difference) -> bool:
        """Whether somebody notices: a guest, a reader of data."""
        return self.severity[difference.address] >= Impact.RESTART


def worst_fields(difference: Difference) -> list[FieldChange]:
    """The fields of an object, the costliest first. A deletion or creation has none to show."""
    shown = difference.changes if difference.verb in (Verb.UPDATE, Verb.ADOPT) else ()
    return sorted(shown, key=lambda change: -change.impact)


def _severity(differences: tuple[Difference, ...], plan: Plan) -> dict[Address, Impact]:
    stopped = restarted(differences, plan)
    losing = {step.subject for step in plan.steps if isinstance(step.action, DeleteVolume)}
    return {
        item.address: max(
            item.impact,
            Impact.DELETE if item.verb is Verb.DELETE else Impact.NONE,
            Impact.RESTART if item.address in stopped else Impact.NONE,
            Impact.DATA_LOSS if item.address in losing else Impact.NONE,
        )
        for item in differences
    }
