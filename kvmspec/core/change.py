"""What differs between the manifest and a host."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kvmspec.core.address import Address
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.problem import Problem


class Verb(StrEnum):
    """What is to happen to an object as a whole."""

    NO_OP = "no-op"
    ADOPT = "adopt"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: its manifest path (`disks.root.size`), both values as a user writes them,
    what changing it costs, and why.

    A value of None means absent. `sensitive` values are never shown. `drift` says that the
    field was changed outside kvmspec since the last apply. `avoid` says, of a restart, what could
    be stated instead to do without it (`up to 4 it goes live`); empty where nothing could.
    """

    path: str
    before: Any
    after: Any
    impact: Impact
    reason: str = ""
    sensitive: bool = False
    drift: bool = False
    avoid: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is to be said of one object. No-ops are kept.

    changes     what apply would change
    pending     persistent fields a running guest has not booted with yet, nor one that was saved
    unmanaged   sentences about things that are not ours and stay
    notes       sentences a reviewer should know (`its volumes stay: …`)
    refusals    reasons why nothing may be done at all (exit 4)
    invalid     references to what is neither in the manifest nor on the host (exit 3)
    detail      what the kind needs to turn this into actions; opaque to others
    permitted   permissions the manifest itself gives (`lifecycle.restart: allowed`)
    impact_floor  an impact beyond that of the fields (deletion, data loss)
    """

    address: Address
    verb: Verb
    changes: tuple[FieldChange, ...] = ()
    pending: tuple[FieldChange, ...] = ()
    unmanaged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refusals: tuple[Problem, ...] = ()
    invalid: tuple[Problem, ...] = ()
    impact_floor: Impact = Impact.NONE
    before: Any = None
    after: Any = None
    label: str = ""
    permitted: frozenset[Permission] = frozenset()
    detail: Any = field(default=None, compare=False, repr=False)

    @property
    def impact(self) -> Impact:
        """The worst of the changes' impacts and the floor."""
        return max([self.impact_floor, *(change.impact for change in self.changes)])

    @property
    def drift(self) -> tuple[FieldChange, ...]:
        return tuple(change for change in self.changes if change.drift)
