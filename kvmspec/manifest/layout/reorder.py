"""Puts keys into canonical order, each with the comments that describe it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kvmspec.manifest.layout.nodes import Node
from kvmspec.manifest.layout.order import HEAD, Shape
from kvmspec.manifest.layout.text import BLANKS, Text

_MODELINE = re.compile(r"#!|#\s*(yaml-language-server:|vim?:|-\*-|kate:)")
_BETWEEN = re.compile(r"[\s,{]*")


def reordered(text: Text, shape: Shape) -> list[str]:
    """The lines of `text` with its block maps in order."""
    if text.root is None or not text.root.block:
        return text.lines
    return _Mover(text).lines(text.root, shape, 0, len(text.lines), top=True)


def reordered_flow(text: Text, shape: Shape) -> list[str]:
    """The lines of `text` with the maps in braces in order; one over several lines stays as it is."""
    lines = list(text.lines)
    if text.root is not None:
        _swap(text.root, shape, lines)
    return lines


def constrained(wanted: Sequence[int], nodes: Sequence[Sequence[Node]]) -> list[int]:
    """`wanted`, except that nothing comes before the anchors that it refers to.

    wanted  places in the order asked for
    nodes   all nodes of each place
    """
    makers = {n.name: i for i, group in enumerate(nodes) for n in group if n.name and n.kind != "alias"}
    needs = [
        {makers[n.name] for n in group if n.kind == "alias" and n.name in makers} - {i}
        for i, group in enumerate(nodes)
    ]
    result: list[int] = []
    while len(result) < len(wanted):  # an alias is always below its anchor, so that this ends
        result.append(next(i for i in wanted if i not in result and needs[i] <= set(result)))
    return result


def _order(node: Node, shape: Shape, text: Sequence[str]) -> list[int]:
    keys = [_key(key, text) for key, _ in node.pairs]
    wanted, as_written = shape.sorted(keys), list(range(len(keys)))
    if wanted == as_written:
        return as_written
    nodes = [[*key.all(), *value.all()] for key, value in node.pairs]
    if any(inner.body and inner.body.keeps for group in nodes for inner in group):
        return as_written  # `|+` would take in the blank lines that come to stand below it
    return constrained(wanted, nodes)


def _key(node: Node, text: Sequence[str]) -> str:
    """A key as text. One that is no plain or quoted word on one line is nothing we know."""
    if node.kind != "scalar" or node.start.line != node.end.line:
        return ""
    return text[node.start.line][node.start.column : node.end.column].strip("\"'")


def _swap(node: Node, shape: Shape, lines: list[str]) -> None:
    """Order the maps in braces of `node`, the innermost first."""
    for item in node.items:
        _swap(item, shape, lines)
    for key, value in node.pairs:
        _swap(value, shape.below(_key(key, lines)), lines)
    if node.kind != "map" or not node.flow or node.start.line != node.end.line or not node.pairs:
        return
    order = _order(node, shape, lines)
    number, line = node.start.line, lines[node.start.line]
    spans = [(key.start.column, max(key.end.column, value.end.column)) for key, value in node.pairs]
    begins = line.find("{", node.start.column)
    gaps = [begins, *(end for _, end in spans)]
    if not all(_BETWEEN.fullmatch(line, gap, start) for gap, (start, _) in zip(gaps, spans, strict=False)):
        return
    parts = [line[: spans[0][0]]]
    for place, source in enumerate(order):
        following = spans[place + 1][0] if place + 1 < len(spans) else len(line)
        parts += [line[slice(*spans[source])], line[spans[place][1] : following]]
    lines[number] = "".join(parts)


@dataclass
class _Chunk:
    """An entry with all that belongs to it. `key`: the place of the key's line among its lines."""

    lines: list[str] = field(default_factory=list)
    key: int = 0
    spaced: bool = False


@dataclass
class _Mover:
    text: Text

    def lines(self, node: Node, shape: Shape, start: int, end: int, *, top: bool = False) -> list[str]:
        """The lines from `start` to before `end`, in which `node` lies."""
        if not node.block:
            return self.text.lines[start:end]
        if node.kind == "seq":
            starts = [dash.line for dash in node.dashes]
            result = self.text.lines[start : starts[0]]
            for item, begin, stop in zip(node.items, starts, [*starts[1:], end], strict=True):
                result += self.lines(item, shape, begin, stop)
            return result
        return self._map(node, shape, start, end, top)

    def _map(self, node: Node, shape: Shape, start: int, end: int, top: bool) -> list[str]:
        bounds = self._bounds(node, start, end, top)
        chunks = [self._chunk(node, i, shape, bounds[i], bounds[i + 1]) for i in range(len(node.pairs))]
        order = _order(node, shape, self.text.lines)
        if order != sorted(order):
            _space(
                chunks, order, [_key(key, self.text.lines) in HEAD for key, _ in node.pairs] if top else []
            )
            prefix = self.text.lines[node.pairs[0][0].start.line][: node.column]
            if prefix.strip():
                _exchange(chunks[0], chunks[order[0]], prefix)
        result = self.text.lines[start : bounds[0]]
        for chunk in (chunks[i] for i in order):
            result += [""] * chunk.spaced + chunk.lines
        return result + self.text.lines[bounds[-1] : end]

    def _chunk(self, node: Node, index: int, shape: Shape, start: int, end: int) -> _Chunk:
        key, value = node.pairs[index]
        begin = start
        while self.text.is_blank(begin):
            begin += 1
        head = [self._lifted(line, node.column) for line in range(begin, key.start.line)]
        rest = self.lines(value, shape.below(_key(key, self.text.lines)), key.start.line, end)
        return _Chunk(head + rest, len(head), spaced=begin > start and index > 0)

    def _lifted(self, line: int, column: int) -> str:
        """A comment above an entry, no deeper than it: below a block scalar it would be content."""
        text = self.text.lines[line]
        return " " * column + text.lstrip(BLANKS) if self.text.tails.get(line, 0) > column else text

    def _bounds(self, node: Node, start: int, end: int, top: bool) -> list[int]:
        """Where each entry of a map begins, comments above included, and where the last one ends."""
        text, first = self.text, node.pairs[0][0].start.line
        begin = first
        while begin > start and text.is_comment(begin - 1):
            begin -= 1
        while top and begin < first and _MODELINE.match(text.lines[begin]):
            begin += 1
        bounds = [begin]
        nexts = [key.start.line for key, _ in node.pairs[1:]]
        for (key, value), following in zip(node.pairs, [*nexts, None], strict=True):
            last = max(key.end.line, text.last_line(value))
            bounds.append(self._cut(node, value, last, end if following is None else following, following))
        return bounds

    def _cut(self, node: Node, value: Node, last: int, end: int, following: int | None) -> int:
        """The line after an entry that ends at `last`: what follows it may still belong to it."""
        text, cut = self.text, last + 1
        while cut < end and text.is_comment(cut) and text.tails[cut] == text.tails.get(last, -1):
            cut += 1  # a comment that goes on below
        adjacent = cut
        while adjacent < end and text.is_comment(adjacent):
            adjacent += 1
        reach = end if value.block or following is None else adjacent
        deeper = (n for n in range(cut, reach) if text.is_comment(n) and text.tails[n] > node.column)
        cut = max([cut, *(n + 1 for n in deeper)])
        if following is not None and cut < adjacent < end:  # a comment close below it and far from the next
            cut = adjacent
        return cut


def _space(chunks: list[_Chunk], order: list[int], heads: list[bool]) -> None:
    """Blank lines between entries in a new order: everywhere where they were everywhere.

    heads  which of the root's entries are those that begin a manifest; empty below the root
    """
    later = [chunk.spaced for chunk in chunks[1:]]
    for place, index in enumerate(order):
        if place == 0:
            chunks[index].spaced = False
        elif all(later) or (heads and not heads[index]):
            chunks[index].spaced = True


def _exchange(first: _Chunk, new: _Chunk, prefix: str) -> None:
    """Another entry goes to the line of the dash; the comments above it, above the dash."""
    indent = prefix[: len(prefix) - len(prefix.lstrip())]
    first.lines[first.key] = " " * len(prefix) + first.lines[first.key][len(prefix) :]
    new.lines[new.key] = prefix + new.lines[new.key][len(prefix) :]
    new.lines[: new.key] = [
        indent + line.lstrip(BLANKS) if line.strip(BLANKS) else line for line in new.lines[: new.key]
    ]
