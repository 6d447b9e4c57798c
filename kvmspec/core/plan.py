"""A plan, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kvmspec.core.action import Action
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.impact import Permission
from kvmspec.core.problem import Problem


@dataclass(frozen=True, slots=True)
class Step:
    """One action, and the numbers of the steps that must have succeeded before it.

    `text` says in a few words what it does (`create`, `grow disk root to 40GiB`).
    """

    number: int
    action: Action
    after: frozenset[int] = frozenset()
    text: str = ""
    owner: Address | None = None

    @property
    def subject(self) -> Address:
        """The object whose difference the step belongs to: growing a disk is its VM's step."""
        return self.owner or self.action.address


@dataclass(frozen=True, slots=True)
class HostSummary:
    """A host as the plan saw it. `unknown` is why it could not be read, `hint` what to do."""

    name: str
    uri: str
    unknown: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do. Pure data: apply re-decides nothing.

    required      permissions without which nothing is done
    refusals      reasons why nothing may be done at all
    fingerprints  digest of each object the steps rest on; absent objects have ""
    links         what refers to what: (vm/web, network/front); also to what the manifest does not
                  manage. The topology that `graph` and the HTML report draw
    """

    project: str
    created_at: str
    hosts: tuple[HostSummary, ...]
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]
    required: frozenset[Permission] = frozenset()
    granted: frozenset[Permission] = frozenset()
    refusals: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    fingerprints: Mapping[Address, str] = field(default_factory=dict)
    links: tuple[tuple[Address, Address], ...] = ()

    @property
    def missing(self) -> frozenset[Permission]:
        """Permissions that are required and were not granted."""
        return self.required - self.granted

    @property
    def empty(self) -> bool:
        return not self.steps

    @property
    def unknown(self) -> tuple[HostSummary, ...]:
        return tuple(host for host in self.hosts if host.unknown)


class Status(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # something it needs failed
    NOT_STARTED = "not-started"  # interrupted
    UNDONE = "undone"  # done, then put back because a later step of the same object failed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step. `note` is what only doing it could tell (`reconnected vm/web`)."""

    step: Step
    status: Status
    seconds: float = 0.0
    error: str = ""
    hint: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Progress while executing: `started`, any number of `progress` with a note, then one of
    Status's values."""

    step: Step
    what: str
    seconds: float = 0.0
    error: str = ""
    note: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcomes of a whole apply, in the plan's order.

    `remaining` is what still differs after a last look, although every step succeeded;
    `unverified` are hosts that could not be looked at any more.
    """

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    remaining: tuple[Difference, ...] = ()
    unverified: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.status is Status.FAILED)
