"""The nodes of a YAML text with their places, from libyaml's events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from yaml import BlockEntryToken, CollectionEndEvent, KeyToken
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+|#.*\n\s*)*")
_HEADER = re.compile(r"[|>]([-+0-9]*)")

Kind = Literal["map", "seq", "scalar", "alias"]


@dataclass(frozen=True, slots=True)
class Place:
    """A character; line and column from 0."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A node as written.

    start  where it begins, anchor and tag included
    text   where a scalar itself begins, after them
    name   its anchor, or what an alias stands for
    """

    kind: Kind
    start: Place
    end: Place
    text: Place
    flow: bool = True
    name: str = ""
    body: Body | None = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    dashes: list[Place] = field(default_factory=list)

    @property
    def block(self) -> bool:
        """Whether it is a collection with a line for each entry."""
        return not self.flow and self.kind in ("map", "seq")

    @property
    def column(self) -> int:
        """Where the keys of a block map stand."""
        return self.pairs[0][0].start.column

    def inner(self) -> Iterator[Node]:
        """The nodes directly inside, keys included."""
        for pair in self.pairs:
            yield from pair
        yield from self.items

    def all(self) -> Iterator[Node]:
        """The node and all below it, in the order in which they are written."""
        yield self
        for node in self.inner():
            yield from node.all()


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of a block scalar, after the line of its `|`.

    indent  what is not content at the beginning of each
    fixed   the header says how much that is
    keeps   blank lines after it are content, too
    """

    first: int
    last: int
    indent: int
    fixed: bool
    keeps: bool


class Composer:
    """Builds the nodes of `text` from libyaml's events, and the dashes of lists from its tokens.

    explicit  whether it has explicit keys (`? key`)
    """

    def __init__(self, text: str, lines: Sequence[str]) -> None:
        self.text, self.lines = text, lines
        self.explicit = False
        self.next: Any = CParser(text).get_event
        self.dashes = iter(list(self._scan()))

    def document(self) -> Node | None:
        """The root, or None."""
        while not isinstance(event := self.next(), DocumentStartEvent):
            if event is None:
                return None
        root = self._node(self.next(), -1)
        while not isinstance(self.next(), DocumentEndEvent):
            pass
        return root

    def _scan(self) -> Iterator[Place]:
        scanner = CParser(self.text)
        while scanner.check_token():
            token: Any = scanner.get_token()
            mark = token.start_mark
            if isinstance(token, BlockEntryToken):
                yield Place(mark.line, mark.column)
            elif isinstance(token, KeyToken) and self.lines[mark.line][mark.column : mark.column + 2] in (
                "?",
                "? ",
            ):
                self.explicit = True

    def _node(self, event: Any, parent: int) -> Node:
        """The node that begins with `event`. `parent`: the column that its lines are deeper than."""
        start, end = _place(event.start_mark), _place(event.end_mark)
        name = event.anchor or ""
        if isinstance(event, AliasEvent):
            return Node("alias", start, end, start, name=name)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, parent)
        if isinstance(event, MappingStartEvent):
            return self._map(Node("map", start, end, start, bool(event.flow_style), name))
        assert isinstance(event, SequenceStartEvent)
        return self._seq(Node("seq", start, end, start, bool(event.flow_style), name))

    def _scalar(self, event: Any, parent: int) -> Node:
        start, end = _place(event.start_mark), _place(event.end_mark)
        node = Node("scalar", start, end, start, name=event.anchor or "")
        index = event.start_mark.index
        if event.anchor or event.tag:
            before = _PROPERTIES.match(self.text, index, event.end_mark.index)
            assert before is not None
            lines = before[0].split("\n")
            index = before.end()
            node.text = Place(start.line + len(lines) - 1, len(lines[-1]) + start.column * (len(lines) == 1))
        if event.style in ("|", ">"):
            header = _HEADER.match(self.text, index)
            assert header is not None
            node.body = self._body(header[1], node.text.line + 1, parent)
        return node

    def _map(self, node: Node) -> Node:
        while not isinstance(event := self.next(), CollectionEndEvent):
            key = self._node(event, -1)
            node.pairs.append((key, self._node(self.next(), key.start.column)))
        return self._ended(node, event)

    def _seq(self, node: Node) -> Node:
        while not isinstance(event := self.next(), CollectionEndEvent):
            if not node.flow:
                node.dashes.append(next(self.dashes))
            parent = -1 if node.flow else node.dashes[-1].column
            node.items.append(self._node(event, parent))
        return self._ended(node, event)

    @staticmethod
    def _ended(node: Node, event: Any) -> Node:
        node.end = _place(event.end_mark)
        return node

    def _body(self, header: str, first: int, parent: int) -> Body:
        """The lines of a block scalar from `first` on, found as libyaml does."""
        lines = self.lines
        digits = header.strip("+-")
        indent = parent + int(digits) if digits else _first_indent(lines[first:], parent)
        last = content = first - 1
        for number in range(first, len(lines)):
            spaces = len(lines[number]) - len(lines[number].lstrip(" "))
            if spaces < min(indent, len(lines[number])):
                break
            last = number
            if len(lines[number]) > indent:
                content = number
        keeps = "+" in header
        return Body(first, last if keeps else content, indent, bool(digits), keeps)


def _place(mark: Any) -> Place:
    return Place(mark.line, mark.column)


def _first_indent(lines: Sequence[str], parent: int) -> int:
    """The indentation of the first line that is not blank; it decides for all."""
    for line in lines:
        if line.strip(" "):
            return max(len(line) - len(line.lstrip(" ")), parent + 1)
    return parent + 1
