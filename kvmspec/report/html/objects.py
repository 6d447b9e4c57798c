"""One object as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan, Step
from kvmspec.core.problem import Problem
from kvmspec.report.effects import EFFECTS, RESTART, Effect, effect_of
from kvmspec.report.html.anchors import Anchors
from kvmspec.report.html.dangers import Reason, permission_for, reasons
from kvmspec.report.html.sides import Marked, marked, whole
from kvmspec.report.topology.graph import natural
from kvmspec.report.values import arrow, clean, prose

MAX_RELATED = 12
"""Most objects that are named in `used by`."""

KINDS = {"vm": "VM"}
"""Kinds that are not written as they are."""

_PHRASES = {
    (Verb.DELETE, "data-loss"): "Deleted, and its data with it.",
    (Verb.DELETE, "delete"): "Deleted.",
    (Verb.UPDATE, "data-loss"): "Replaced; its data is lost.",
    (Verb.UPDATE, "replace"): "Changed; a part of it is replaced.",
    (Verb.UPDATE, "restart"): "Changed; takes effect after a restart.",
    (Verb.UPDATE, "next-start"): "Changed; takes effect at its next start.",
    (Verb.UPDATE, "live"): "Changed while it runs.",
    (Verb.UPDATE, "change"): "Changed; nothing that runs notices.",
    (Verb.CREATE, "create"): "Created.",
    (Verb.ADOPT, "adopt"): "Adopted: it is there already, and is managed from now on.",
    (Verb.ADOPT, "next-start"): "Adopted, and changed; takes effect at its next start.",
    (Verb.ADOPT, "restart"): "Adopted, and changed; takes effect after a restart.",
    (Verb.NO_OP, "no-op"): "As the manifest states it.",
    (Verb.NO_OP, "refused"): "Refused: nothing is done on any host until this is settled.",
}

_WORDS = {
    Impact.NONE: "",
    Impact.LIVE: "live",
    Impact.NEXT_START: "next start",
    Impact.RESTART: "restart",
    Impact.DELETE: "delete",
    Impact.REPLACE: "replace",
    Impact.DATA_LOSS: "data loss",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the table of an object's fields."""

    path: str
    before: Marked
    after: Marked
    absent: tuple[bool, bool]
    key: str
    word: str
    reason: str
    avoid: str
    drift: bool


@dataclass(frozen=True, slots=True)
class Related:
    """A named object; without an anchor when the page has none of it."""

    name: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Relation:
    title: str
    objects: tuple[Related, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Item:
    """gist tells in a few words what the fold holds; `open` whether it is unfolded at first."""

    anchor: str
    host: str
    kind: str
    noun: str
    name: str
    about: str
    effect: Effect
    phrase: str
    gist: str
    tags: tuple[str, ...]
    fields: tuple[Field, ...]
    pending: tuple[Field, ...]
    notes: tuple[str, ...]
    unmanaged: tuple[str, ...]
    refusals: tuple[Problem, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    relations: tuple[Relation, ...]
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    permission: str
    permission_key: str
    drift: tuple[str, ...]
    due: tuple[str, ...]


class Items:
    """Makes them: knows a plan's steps and links by object."""

    def __init__(self, plan: Plan, anchors: Anchors) -> None:
        self._plan, self._anchors = plan, anchors
        self._steps: dict[Address, list[Step]] = {}
        for step in plan.steps:
            self._steps.setdefault(step.subject, []).append(step)
        self._uses: dict[Address, list[Address]] = {}
        self._users: dict[Address, list[Address]] = {}
        for user, used in dict.fromkeys(plan.links):
            self._uses.setdefault(user, []).append(used)
            self._users.setdefault(used, []).append(user)

    def item(self, difference: Difference) -> Item:
        address, effect = difference.address, effect_of(difference)
        steps = tuple(self._steps.get(address, ()))
        before, after = whole(difference)
        permission = permission_for(difference, self._plan)
        return Item(
            anchor=self._anchors[address],
            host=clean(address.host),
            kind=clean(address.kind),
            noun=KINDS.get(address.kind, clean(address.kind)),
            name=clean(address.name),
            about=clean(difference.label),
            effect=effect,
            phrase=_phrase(difference, effect),
            gist=_gist(difference, after),
            tags=_tags(difference),
            fields=tuple(map(_field, difference.changes)),
            pending=tuple(map(_field, difference.pending)),
            notes=tuple(map(prose, difference.notes)),
            unmanaged=tuple(map(prose, difference.unmanaged)),
            refusals=difference.refusals,
            before=before,
            after=after if (difference.verb is not Verb.NO_OP or after != before) else (),
            relations=tuple(self._relations(address)),
            steps=steps,
            reasons=tuple(reasons(difference, steps)) if effect.dangerous else (),
            permission=permission[0],
            permission_key=permission[1],
            drift=tuple(f"{clean(change.path)} {arrow(change)}" for change in difference.drift),
            due=tuple(f"{clean(change.path)} {arrow(change)}" for change in difference.pending),
        )

    def _relations(self, address: Address) -> Iterator[Relation]:
        for title, links in (("Uses", self._uses), ("Used by", self._users)):
            if related := sorted(links.get(address, ()), key=lambda a: (a.kind, natural(a.name), a.host)):
                shown = tuple(self._related(each, address) for each in related[:MAX_RELATED])
                yield Relation(title, shown, max(len(related) - MAX_RELATED, 0))

    def _related(self, other: Address, here: Address) -> Related:
        return Related(clean(other.short if other.host == here.host else str(other)), self._anchors[other])


def _phrase(difference: Difference, effect: Effect) -> str:
    known = _PHRASES.get((difference.verb, effect.key))
    if difference.verb is Verb.UPDATE and effect is RESTART and difference.address.kind != "vm":
        return f"Changed; the {clean(difference.address.kind)} is restarted."
    return known or effect.word.capitalize() + "."


def _gist(difference: Difference, after: Sequence[str]) -> str:
    """What a folded row tells: why it is refused, else the worst field, else what the kind says of it."""
    changes = difference.changes
    if difference.refusals:
        return prose(difference.refusals[0].message)
    if changes:
        worst = max(changes, key=lambda change: change.impact)
        more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
        return f"{clean(worst.path)} {arrow(worst)}{more}"
    label = clean(difference.label) if difference.verb is not Verb.DELETE else ""
    if difference.verb is Verb.CREATE:
        return label or ", ".join(after[:3])
    said = map(prose, (*difference.notes, *difference.unmanaged))
    return "; ".join(filter(None, (label, next(said, ""))))


def _tags(difference: Difference) -> tuple[str, ...]:
    tags = {
        "drift": difference.drift,
        "restart pending": difference.pending,
        "not ours": difference.unmanaged,
    }
    return tuple(tag for tag, found in tags.items() if found)


def _field(change: FieldChange) -> Field:
    before, after = marked(change)
    return Field(
        clean(change.path),
        before,
        after,
        (change.before is None, change.after is None),
        change.impact.label,
        _WORDS[change.impact],
        prose(change.reason),
        prose(change.avoid),
        change.drift,
    )


def worst_first(difference: Difference) -> tuple[int, str, list[object]]:
    """Sorts a host's objects."""
    address = difference.address
    return EFFECTS.index(effect_of(difference)), address.kind, natural(address.name)
