"""A YAML text as lines and nodes: what the steps of formatting work on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from kvmspec.manifest.layout.nodes import Composer, Node

BLANKS = " \t"
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#")


class Text:
    """One valid document whose lines end in `\\n`.

    lines     without their ends
    root      None when there is nothing but comments
    explicit  whether it has explicit keys (`? key`)
    """

    def __init__(self, text: str) -> None:
        self.lines = text.removesuffix("\n").split("\n")
        composer = Composer(text, self.lines)
        self.root, self.explicit = composer.document(), composer.explicit

    def joined(self, end: str = "\n") -> str:
        """The whole text, each line ending in `end`."""
        return "".join(f"{line}{end}" for line in self.lines)

    @cached_property
    def inside(self) -> frozenset[int]:
        """Lines that begin inside a scalar: nothing at their beginning or on them alone is layout."""
        found: set[int] = set()
        for node in self._nodes():
            if node.body:
                found.update(range(node.body.first, node.body.last + 1))
            elif node.kind == "scalar":
                found.update(range(node.text.line + 1, node.end.line + 1))
        return frozenset(found)

    @cached_property
    def tails(self) -> dict[int, int]:
        """Line → column of the `#` of a comment, on a line of its own or after something."""
        after = dict.fromkeys(range(len(self.lines)), 0)
        for node in self._nodes():
            if node.body:
                for line in range(node.body.first, node.body.last + 1):
                    after.pop(line, None)
                after[node.text.line] = max(after.get(node.text.line, 0), node.text.column)
            elif node.kind == "scalar":
                for line in range(node.text.line, node.end.line):
                    after.pop(line, None)
                if node.end.line in after:
                    after[node.end.line] = max(after[node.end.line], node.end.column)
        found = ((line, _COMMENT.search(self.lines[line], column)) for line, column in after.items())
        return {line: match.start() for line, match in found if match}

    def comments(self) -> list[str]:
        """All comments, sorted."""
        return sorted(self.lines[line][column:].rstrip(BLANKS) for line, column in self.tails.items())

    def is_comment(self, line: int) -> bool:
        """Whether a line is nothing but a comment."""
        return line in self.tails and not self.lines[line][: self.tails[line]].strip(BLANKS)

    def is_blank(self, line: int) -> bool:
        """Whether a line is empty, and not part of a scalar."""
        return line not in self.inside and not self.lines[line].strip(BLANKS)

    def last_line(self, node: Node) -> int:
        """The last line of a node's content."""
        if node.body:
            return node.body.last
        if not node.block:
            return node.end.line
        places = [node.dashes[-1].line] if node.dashes else []
        return max([node.start.line, *places, *(self.last_line(inner) for inner in node.inner())])

    def _nodes(self) -> Iterator[Node]:
        return self.root.all() if self.root else iter(())
