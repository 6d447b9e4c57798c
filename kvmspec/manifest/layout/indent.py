"""Indents by two, lists below their key; comments go with what they stand at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from kvmspec.manifest.layout.nodes import Node
from kvmspec.manifest.layout.order import Shape
from kvmspec.manifest.layout.text import BLANKS, Text

STEP = 2
Column = tuple[int, int]
"""A column as it was and as it will be."""
Chain = tuple[Column, ...]


def indented(text: Text, shape: Shape) -> list[str]:
    """The lines of `text` with canonical indentation."""
    if text.root is None or not text.root.block:
        return text.lines
    plan = _Plan(text)
    plan.block(text.root, 0, ())
    return _Indenter(text, plan).lines()


@dataclass
class _Plan:
    """Where each line goes.

    stops    line → where its first parts begin: dashes, a key
    chains   line → the columns of all collections that it is in
    shifts   line inside a value → how far it moves
    content  line of a block scalar → the column at which its content begins
    """

    text: Text
    stops: dict[int, list[Column]] = field(default_factory=lambda: defaultdict(list))
    chains: dict[int, Chain] = field(default_factory=dict)
    shifts: dict[int, int] = field(default_factory=dict)
    content: dict[int, int] = field(default_factory=dict)

    def block(self, node: Node, column: int, chain: Chain) -> None:
        """A map or list whose keys or dashes go to `column`."""
        if node.kind == "map":
            stop = (node.column, column)
            for key, value in node.pairs:
                self._stop(key.start.line, stop, (*chain, stop))
                self._value(value, key.end.line, stop, column - node.column, (*chain, stop))
            return
        for dash, item in zip(node.dashes, node.items, strict=True):
            stop = (dash.column, column)
            self._stop(dash.line, stop, (*chain, stop))
            begins = item.start.line == dash.line and item.start.column > dash.column + 1
            if begins:
                self.stops[dash.line].append((item.start.column, column + STEP))
            shift = column + STEP - item.start.column if begins else column - dash.column
            self._value(item, dash.line, stop, shift, (*chain, stop))

    def _stop(self, line: int, stop: Column, chain: Chain) -> None:
        if stop not in self.stops[line]:
            self.stops[line].append(stop)
        self.chains[line] = chain

    def _value(self, node: Node, line: int, parent: Column, shift: int, chain: Chain) -> None:
        """What a key or a dash on `line` leads to. `shift`: how far the rest of that line moves."""
        column = parent[1] + STEP
        if node.block:
            self.block(node, column, chain)
        elif node.body:
            lines = range(node.body.first, node.body.last + 1)
            moved = parent[1] - parent[0] if node.body.fixed else column - node.body.indent
            self.shifts |= dict.fromkeys(lines, moved)
            self.content |= dict.fromkeys(lines, node.body.indent)
        else:
            if node.start.line > line:
                stop = (node.start.column, column)
                self._stop(node.start.line, stop, (*chain, stop))
                shift = column - node.start.column
            self.shifts |= dict.fromkeys(range(node.start.line + 1, node.end.line + 1), shift)


@dataclass
class _Indenter:
    """Moves the lines to where the plan says."""

    text: Text
    plan: _Plan

    def lines(self) -> list[str]:
        """All lines."""
        text, plan = self.text, self.plan
        made = {
            line: self._content(line)
            for line in range(len(text.lines))
            if (line in plan.stops or line in plan.shifts) and not text.is_comment(line)
        }
        tails = self._aligned(made)
        result = []
        for line, old in enumerate(text.lines):
            if text.is_comment(line):
                result.append(" " * self._column(line, tails) + old.strip(BLANKS))
            elif line in tails:
                result.append(made[line].ljust(tails[line]) + old[text.tails[line] :])
            else:
                result.append(made.get(line, old))
        return result

    def _content(self, line: int) -> str:
        """A line without its comment, moved."""
        text = self.text.lines[line]
        if line in self.text.tails:
            text = text[: self.text.tails[line]].rstrip(BLANKS)
        if line not in self.plan.stops:
            return self._shifted(line, text)
        stops = self.plan.stops[line]
        result = ""
        for (old, new), (end, _) in pairwise(stops):
            result = result.ljust(new) + text[old:end].rstrip(BLANKS)
        return result.ljust(stops[-1][1]) + text[stops[-1][0] :]

    def _shifted(self, line: int, text: str) -> str:
        """A line inside a value; blank ones are empty, unless their blanks are content."""
        bare = text.lstrip(" ")
        spaces = len(text) - len(bare)
        if not bare and spaces <= self.plan.content.get(line, spaces):
            return ""
        return " " * max(spaces + self.plan.shifts[line], 0) + bare

    def _aligned(self, made: dict[int, str]) -> dict[int, int]:
        """Where the comments behind something go: what was in one column stays in one column."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        section = 0
        for line in sorted(made):
            section += len(self.plan.chains.get(line, ())) == 1
            if line in self.text.tails:
                groups[section, self.text.tails[line]].append(line)
        result: dict[int, int] = {}
        for (_, column), lines in groups.items():
            before = (len(self.text.lines[line][:column].rstrip(BLANKS)) for line in lines)
            gap = column - max(before)
            result |= dict.fromkeys(lines, max(len(made[line]) for line in lines) + gap)
        return result

    def _column(self, line: int, tails: dict[int, int]) -> int:
        """The column of a comment on a line of its own: that of what it stands at."""
        column = self.text.tails[line]
        if line in self.plan.shifts:  # between brackets
            return max(column + self.plan.shifts[line], 0)
        above = line - 1
        while self.text.is_comment(above) and self.text.tails[above] == column:
            above -= 1
        if above in tails and self.text.tails[above] == column:
            return tails[above]  # it goes on below the comment of another line
        columns = (pair for pair in self._around[line] if pair[0] <= column)
        old, new = max(columns, default=(0, 0))
        return new + column - old if column else 0

    @cached_property
    def _around(self) -> list[Chain]:
        """For each line, the columns of what stands above and below it."""
        lines = range(len(self.text.lines))
        above, below = self._nearest(lines), self._nearest(reversed(lines))
        return [(*one, *other) for one, other in zip(above, reversed(below), strict=True)]

    def _nearest(self, lines: Iterable[int]) -> list[Chain]:
        found: list[Chain] = []
        last: Chain = ()
        for line in lines:
            last = self.plan.chains.get(line, last)
            found.append(last)
        return found
