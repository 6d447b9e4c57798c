"""What a picture is made of. Lengths in pixels of a page at its natural size."""

from __future__ import annotations

from dataclasses import dataclass, field

from kvmspec.core.address import Address
from kvmspec.report.effects import RANK, Effect

ROW = 28
"""Height of a node."""


@dataclass(frozen=True, slots=True)
class Column:
    x: int
    width: int
    title: str


@dataclass(slots=True)
class Node:
    """One object, or a fold of several: then `address` is None and `members` are what it stands for.

    `text` fits into it, `title` says all. x and y are its upper left corner.
    """

    members: tuple[Address, ...]
    effect: Effect
    text: str
    title: str
    x: int
    width: int
    address: Address | None = None
    y: float = 0
    number: int = 0
    height: int = ROW

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Edge:
    """A curve from one node to another: SVG path data. `effect` is the worse of both ends'."""

    start: int
    end: int
    path: str
    effect: Effect
    dashed: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """The box of a pool, around its volumes."""

    x: int
    y: float
    width: int
    height: float


@dataclass(slots=True)
class HostBox:
    """A host. `note` says why nothing is drawn in it."""

    name: str
    uri: str
    unknown: bool
    y: float
    height: float
    note: str = ""
    frames: list[Frame] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: float
    hosts: tuple[HostBox, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Those that occur, worst first, for a legend."""
        return tuple(sorted({node.effect for node in self.nodes}, key=lambda e: RANK.get(e, len(RANK))))
