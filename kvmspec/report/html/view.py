"""A plan as the page shows it: everything worked out, nothing drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from kvmspec import __version__
from kvmspec.core.address import Address
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem
from kvmspec.report.effects import EFFECTS, NO_OP, REFUSED, Effect
from kvmspec.report.html.anchors import Anchors
from kvmspec.report.html.headline import Part, headline
from kvmspec.report.html.objects import KINDS, Item, Items, worst_first
from kvmspec.report.summary import effective, in_order
from kvmspec.report.topology import Picture, picture
from kvmspec.report.values import clean

MAX_OPEN = 12
"""Objects that change are unfolded at once where there are no more than these."""
MAX_PICTURE = 60
"""The picture is unfolded at once where it has no more objects than these."""


@dataclass(frozen=True, slots=True)
class HostView:
    """A host: its objects that change, worst first, and those that do not."""

    name: str
    uri: str
    unknown: str
    hint: str
    changing: tuple[Item, ...]
    quiet: tuple[Item, ...]
    counts: tuple[tuple[Effect, int], ...]


@dataclass(frozen=True, slots=True)
class PermissionView:
    name: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """What is worth knowing of one object, although nothing may have to be done."""

    item: Item
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is done, and the object it is about where that is known."""

    problem: Problem
    item: Item | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One button of a filter."""

    value: str
    text: str
    count: int
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A group of buttons; key is what its rows carry as `data-<key>`."""

    key: str
    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class StepView:
    number: int
    name: str
    anchor: str
    text: str
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    version: str
    project: str
    created_at: str
    headline: tuple[Part, ...]
    hosts: tuple[HostView, ...]
    permissions: tuple[PermissionView, ...]
    allow: str
    refusals: tuple[Refusal, ...]
    warnings: tuple[Problem, ...]
    dangers: tuple[Item, ...]
    remarks: tuple[tuple[str, tuple[Remark, ...]], ...]
    picture: Picture | None
    open_picture: bool
    open_objects: bool
    total: int
    filters: tuple[Filter, ...]
    steps: tuple[StepView, ...]
    anchors: Anchors

    @property
    def unknown(self) -> tuple[HostView, ...]:
        return tuple(host for host in self.hosts if host.unknown)

    @property
    def several(self) -> bool:
        """Whether a host has to be named beside an object."""
        return len(self.hosts) > 1

    def listed(self, address: Address) -> str:
        """The fragment that shows all objects of its kind on its host: what a fold stands for."""
        if not self.anchors[address]:
            return ""
        asked = {"host": address.host, "kind": address.kind}
        choices = [
            f"{group.key}={quote(clean(asked[group.key]), safe='')}"
            for group in self.filters
            if group.key in asked
        ]
        return f"?{'&'.join(choices)}" if choices else "objects"


def view(plan: Plan) -> Page:
    """Everything the page shows of a plan, free of secrets and control characters."""
    differences = sorted(effective(plan), key=worst_first)
    anchors = Anchors(difference.address for difference in differences)
    maker = Items(plan, anchors)
    items = [(difference.address.host, maker.item(difference)) for difference in differences]
    hosts = tuple(_hosts(plan, items))
    every = [item for _, item in items]
    changing = [item for item in every if item.effect is not NO_OP]
    drawing = picture(plan)
    line = tuple(headline(plan))
    return Page(
        title=" · ".join(part.text for part in line),
        version=__version__,
        project=clean(plan.project),
        created_at=_moment(plan.created_at),
        headline=line,
        hosts=hosts,
        permissions=tuple(PermissionView(p, p in plan.granted) for p in in_order(plan.required)),
        allow=",".join(in_order(plan.required)),
        refusals=tuple(_refusals(plan, every)),
        warnings=plan.warnings,
        dangers=tuple(item for item in every if item.effect.dangerous and item.effect is not REFUSED),
        remarks=tuple(_remarks(every)),
        picture=drawing,
        open_picture=drawing is not None and len(drawing.nodes) <= MAX_PICTURE,
        open_objects=len(changing) <= MAX_OPEN,
        total=len(items),
        filters=tuple(_filters(every, hosts)),
        steps=tuple(_step(step, anchors, len(plan.hosts) > 1) for step in plan.steps),
        anchors=anchors,
    )


def _moment(text: str) -> str:
    """`2026-11-22 20:00:00 UTC`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return clean(text)
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def _hosts(plan: Plan, items: Iterable[tuple[str, Item]]) -> Iterator[HostView]:
    by_host: dict[str, list[Item]] = {}
    for name, item in items:
        by_host.setdefault(name, []).append(item)
    known = {host.name: host for host in plan.hosts}
    for name in dict.fromkeys([*known, *by_host]):
        yield _host(known.get(name, HostSummary(name, "")), by_host.get(name, []))


def _host(host: HostSummary, items: Sequence[Item]) -> HostView:
    counts = Counter(item.effect for item in items)
    return HostView(
        name=clean(host.name),
        uri=clean(host.uri),
        unknown=host.unknown,
        hint=host.hint,
        changing=tuple(item for item in items if item.effect is not NO_OP),
        quiet=tuple(item for item in items if item.effect is NO_OP),
        counts=tuple((effect, counts[effect]) for effect in EFFECTS if effect in counts),
    )


def _refusals(plan: Plan, items: Iterable[Item]) -> Iterator[Refusal]:
    """All of them once: the plan's own and those of its objects."""
    of = {problem: item for item in items for problem in item.refusals}
    for problem in dict.fromkeys([*plan.refusals, *of]):
        yield Refusal(problem, of.get(problem))


_SUBJECTS: tuple[tuple[str, Callable[[Item], tuple[str, ...]]], ...] = (
    ("Drift: changed outside kvmspec", lambda item: item.drift),
    ("Restart pending: set, but not booted with yet", lambda item: item.due),
    ("Not ours: left alone", lambda item: item.unmanaged),
    ("Notes on what stays as it is", lambda item: item.notes if item.effect is NO_OP else ()),
)


def _remarks(items: Sequence[Item]) -> Iterator[tuple[str, tuple[Remark, ...]]]:
    """What is true of objects whether or not they change, by subject."""
    for title, texts in _SUBJECTS:
        if found := tuple(Remark(item, texts(item)) for item in items if texts(item)):
            yield title, found


def _filters(items: Sequence[Item], hosts: Sequence[HostView]) -> Iterator[Filter]:
    """The groups of filter buttons; one with a single choice would filter nothing."""
    effects = Counter(item.effect for item in items)
    kinds, places = Counter(item.kind for item in items), Counter(item.host for item in items)
    groups = (
        Filter(
            "impact",
            "Impact",
            tuple(Choice(e.key, e.word, effects[e], e) for e in EFFECTS if e in effects),
        ),
        Filter("host", "Host", tuple(Choice(host.name, host.name, places[host.name]) for host in hosts)),
        Filter("kind", "Kind", tuple(Choice(k, KINDS.get(k, k), kinds[k]) for k in sorted(kinds))),
    )
    return (group for group in groups if len(group.choices) > 1)


def _step(step: Step, anchors: Anchors, several: bool) -> StepView:
    address = step.action.address
    name = clean(str(address) if several else address.short)
    return StepView(step.number, name, anchors[step.subject], clean(step.text), tuple(sorted(step.after)))
