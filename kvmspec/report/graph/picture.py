"""A topology as boxes and arrows; many that are alike become one box."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kvmspec.core.address import Address
from kvmspec.core.plan import HostSummary
from kvmspec.core.topology import Thing, Topology
from kvmspec.report.graph.fate import UNMARKED, Fate, fates
from kvmspec.report.values import clean, cut

_LABELS = {("vm", "vm"): "starts after", ("volume", "volume"): "over", ("volume", "image"): "from"}
"""Arrows that need a word, by the kinds of their ends."""
_LONGEST = 80
"""Of a line, in characters."""
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Box:
    """`lines` are what is written in it; `count` how many things it stands for."""

    id: str
    kind: str
    lines: tuple[str, ...]
    css: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Area:
    """A host, and the boxes in it."""

    id: str
    lines: tuple[str, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From what refers to what it refers to, by the boxes' ids."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn. `notes` say what is not, or is drawn as one."""

    project: str
    areas: tuple[Area, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folding:
    """Things that are alike become one box where they are more than `most`; 0 is never.

    alike  whether they need not be written as one entry with `count`
    """

    most: int = 0
    alike: bool = False


def picture(topology: Topology, folding: Folding = Folding()) -> Picture:
    """The boxes and arrows of a topology."""
    marks = fates(topology.plan)
    groups = _groups(topology, marks, folding)
    boxes: dict[str, list[Box]] = defaultdict(list)
    ids: dict[Address, str] = {}
    for number, things in enumerate(groups, 1):
        ids |= {thing.address: f"n{number}" for thing in things}
        boxes[things[0].address.host].append(_box(f"n{number}", things, marks))
    hosts = {host.name: host for host in topology.hosts}
    areas = [
        Area(f"h{number}", _host_lines(name, hosts.get(name)), tuple(boxes[name]))
        for number, name in enumerate(dict.fromkeys([*hosts, *boxes]), 1)
    ]
    arrows = dict.fromkeys(
        Arrow(ids[start], ids[end], _LABELS.get((start.kind, end.kind), ""))
        for start, end in _links(topology)
    )
    folded = [box for area in areas for box in area.boxes if box.count > 1]
    return Picture(topology.project, tuple(areas), tuple(arrows), tuple(_notes(folded)))


def _links(topology: Topology) -> list[tuple[Address, Address]]:
    """Without those that others imply: a VM is on the pools of its volumes."""
    volumes = defaultdict(set)
    for start, end in topology.links:
        if start.kind == "vm" and end.kind == "volume":
            volumes[start].add(Address(end.host, "pool", end.name.rpartition("/")[0]))
    return [(start, end) for start, end in topology.links if end not in volumes[start] and start != end]


def _notes(folded: Sequence[Box]) -> Iterable[str]:
    if folded:
        total = sum(box.count for box in folded)
        yield f"{total} objects that are alike are drawn as {len(folded)}; --fold 0 draws each"


# --- boxes
def _box(number: str, things: Sequence[Thing], marks: Mapping[Address, Fate]) -> Box:
    first = things[0]
    fate = marks.get(first.address, UNMARKED)
    lines = [_title(things), first.about if _all_same(thing.about for thing in things) else "", fate.text]
    css = fate.css or ("" if first.managed else "elsewhere")
    return Box(number, first.address.kind, _shown(*lines), css, len(things))


def _shown(*lines: str) -> tuple[str, ...]:
    return tuple(cut(clean(line), _LONGEST) for line in lines if line)


def _title(things: Sequence[Thing]) -> str:
    """`vm/web-1`, or `vm/web-1 … web-40 (40)`."""
    kind = things[0].address.kind
    names = [thing.address.leaf if kind == "volume" else thing.address.name for thing in things]
    names.sort(key=_natural)
    return f"{kind}/{names[0]}" if len(names) == 1 else f"{kind}/{names[0]} … {names[-1]} ({len(names)})"


def _natural(name: str) -> list[tuple[int, str]]:
    """web-2 before web-10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _DIGITS.split(name)]


def _host_lines(name: str, host: HostSummary | None) -> tuple[str, ...]:
    if host is None:
        return _shown(name)
    return _shown(host.name, host.uri, "could not be read" if host.unknown else "")


def _all_same(values: Iterable[str]) -> bool:
    return len(set(values)) == 1


# --- folding
def _groups(topology: Topology, marks: Mapping[Address, Fate], folding: Folding) -> list[list[Thing]]:
    """The things, those together that become one box; in their order."""
    if not folding.most:
        return [[thing] for thing in topology.things]
    looks = _looks(topology, marks, folding)
    groups: dict[Hashable, list[Thing]] = defaultdict(list)
    for thing in topology.things:
        groups[looks[thing.address]].append(thing)
    result: list[list[Thing]] = []
    for things in groups.values():
        result += [things] if len(things) > folding.most else [[thing] for thing in things]
    return result


def _looks(topology: Topology, marks: Mapping[Address, Fate], folding: Folding) -> dict[Address, Hashable]:
    """What two things have the same of where they can be drawn as one: kind, host, fate, where they are
    written, and what they refer to and are referred to by."""
    things = {thing.address: thing for thing in topology.things}
    own = {address: _own_look(thing, marks, folding) for address, thing in things.items()}
    out: dict[Address, set[Hashable]] = defaultdict(set)
    into: dict[Address, set[Hashable]] = defaultdict(set)
    for start, end in topology.links:
        out[start].add(own[end])
        if things[end].owner != start:
            into[end].add(own[start])
    around = {a: (own[a], frozenset(out[a]), frozenset(into[a])) for a in things}
    return {
        address: (around[address], around.get(thing.owner)) if thing.owner else around[address]
        for address, thing in things.items()
    }


def _own_look(thing: Thing, marks: Mapping[Address, Fate], folding: Folding) -> Hashable:
    address = thing.address
    if address.kind not in ("vm", "volume") or not thing.managed:
        return address
    if address.kind == "volume" and thing.owner is None and not folding.alike:
        return address
    if thing.owner:
        name = address.leaf.replace(thing.owner.name, "*", 1)
    else:
        name = "" if thing.entry or folding.alike else _DIGITS.sub("#", address.name)
    pool = address.name.rpartition("/")[0] if address.kind == "volume" else ""
    written = (thing.entry, thing.about) if not folding.alike and thing.entry else ""
    fate = marks.get(address, UNMARKED)
    return address.host, address.kind, pool, name, written, fate, bool(thing.entry)
