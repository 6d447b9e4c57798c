"""Manifest texts as people write them: every style of YAML, every indentation, comments everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

PLAIN = ["1", "1GiB", "true", "null", "0x1F", "1e3", ".nan", "012", "12:30:45", "52:54:00:00:00:0a", "~", "a b",
         "ü→…", "http://x#y", "-1", "a-long-" + "word " * 40 + "end"]  # fmt: skip
QUOTED = ['"a # b"', "'it''s: {x}'", '"${name}"', '"\\u263a \\"q\\""', "''", '"- x"', "'# no comment'"]
BODIES = [
    ["one", "two"],
    ["", "one", "", "  deeper", "# no comment"],
    ["one  ", "", ""],
    ["key: value"],
    ["x", "   "],
]
NAMES = ["web", "db", "a.b", '"q"', "x-1", "front"]


@dataclass
class Writer:
    """Writes a random text. Comments say where they stand: `# above PATH`, `# behind PATH`."""

    draw: Callable[[Any], Any]
    comments: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    count: int = 0

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(0, one_in - 1)) == 0)

    def comment(self, word: str) -> str:
        self.count += 1
        text = f"# {word}#{self.count}"
        self.comments.append(text)
        return text

    def tail(self) -> str:
        if self.chance(5):
            return " " * self.draw(st.integers(1, 12)) + self.comment("behind")
        return " " * (3 * self.chance(12))

    def above(self, indent: int) -> list[str]:
        lines = [""] * self.draw(st.sampled_from([0, 0, 0, 0, 1, 1, 2]))
        if self.chance(5):
            lines += [" " * indent + self.comment("above") for _ in range(self.draw(st.integers(1, 2)))]
            if self.chance(6):
                lines.append("")
        if self.chance(25):
            lines.insert(0, self.comment("anywhere"))
        return lines

    def keys(self, shape: Any) -> list[str]:
        known = [*shape.ordered, "unknown"] if shape.ordered else NAMES
        return list(self.draw(st.lists(st.sampled_from(known), min_size=1, max_size=5, unique=True)))

    def flow(self, shape: Any, depth: int) -> str:
        """A value on one line, inside brackets or not."""
        kind = self.draw(st.sampled_from(["scalar", "scalar", "map", "seq"])) if depth < 4 else "scalar"
        if kind == "map":
            pad = " " * self.draw(st.integers(0, 1))
            inner = [f"{key}: {self.flow(shape.below(key), depth + 1)}" for key in self.keys(shape)]
            return "{" + pad + self.draw(st.sampled_from([", ", ",  ", " , "])).join(inner) + pad + "}"
        if kind == "seq":
            return (
                "["
                + ", ".join(self.flow(shape, depth + 1) for _ in range(self.draw(st.integers(0, 3))))
                + "]"
            )
        if self.anchors and self.chance(6):
            return "*" + self.draw(st.sampled_from(self.anchors)) + " "
        return str(self.draw(st.sampled_from([*PLAIN, *QUOTED])))

    def anchored(self) -> str:
        if not self.chance(8):
            return ""
        self.count += 1
        return f"&a{self.count} "

    def value(self, shape: Any, column: int, depth: int) -> list[str]:
        """What follows a key's `:` or a dash: the rest of the line, and more lines below `column`."""
        anchor = self.anchored()
        lines = [
            " " + anchor + line if n == 0 else line
            for n, line in enumerate(self._value(shape, column, depth))
        ]
        if anchor:
            self.anchors.append(anchor[1:-1])
        return lines

    def _value(self, shape: Any, column: int, depth: int) -> list[str]:
        deeper = column + self.draw(st.integers(1, 4))
        kinds = ["flow", "flow", "lines", "body", "quoted", "empty", "below"]
        kind = self.draw(st.sampled_from(kinds + (["map", "map", "map", "seq", "seq"] if depth < 5 else [])))
        if kind == "map":
            return [self.tail(), *self.map(shape, deeper, depth + 1)]
        if kind == "seq":
            return [self.tail(), *self.seq(shape, deeper, depth + 1)]
        if kind == "body":
            return self.body(deeper)
        if kind == "lines":
            keys = self.keys(shape)
            inner = [f"{' ' * deeper}{key}: {self.flow(shape.below(key), 3)},{self.tail()}" for key in keys]
            inner[1:1] = [" " * deeper + self.comment("inside")] if self.chance(4) else []
            return ["{" + self.tail(), *inner, " " * deeper + "}" + self.tail()]
        if kind == "quoted":
            return ['"one', "", " " * deeper + "# two  ", " " * deeper + 'three"' + self.tail()]
        if kind == "below":
            return [self.tail(), " " * deeper + self.flow(shape, depth) + self.tail()]
        return [self.flow(shape, depth) + self.tail() if kind == "flow" else self.tail()]

    def body(self, indent: int) -> list[str]:
        style, keep = self.draw(st.sampled_from("|>")), self.draw(st.sampled_from(["", "-", "+"]))
        lines = [" " * indent + line if line else "" for line in self.draw(st.sampled_from(BODIES))]
        return [style + keep + self.tail(), *lines]

    def map(self, shape: Any, column: int, depth: int, *, first: str = "") -> list[str]:
        """The lines of a block map; `first` stands before its first key."""
        lines: list[str] = []
        gap = " " * self.draw(st.sampled_from([1, 1, 1, 2, 4]))
        for key in self.keys(shape):
            if lines or not first:
                lines += self.above(column)
            rest = self.value(shape.below(key), column, depth)
            start = " " * column if lines or not first else first
            lines += [start + key + ":" + (gap[1:] + rest[0] if rest[0].strip() else ""), *rest[1:]]
        if self.chance(8):
            lines.append(" " * column + self.comment("foot"))
        return lines

    def seq(self, shape: Any, column: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self.draw(st.integers(1, 3))):
            lines += self.above(column)
            dash = " " * column + "-" + " " * self.draw(st.integers(1, 3))
            if self.chance(3):
                lines += self.map(shape, len(dash), depth + 1, first=dash)
            else:
                rest = self.value(shape, column, depth)
                lines += [dash.rstrip() + rest[0], *rest[1:]]
        return lines


@st.composite
def texts(draw: Any, shape: Any) -> tuple[str, list[str]]:
    """A text, and the comments in it."""
    writer = Writer(draw)
    lines = [writer.comment("modeline")] if writer.chance(4) else []
    lines += ["---"] if writer.chance(4) else []
    lines += writer.map(shape, draw(st.sampled_from([0, 0, 0, 2])), 0)
    lines += ["...", writer.comment("after")] if writer.chance(8) else []
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from([end, end, "", end * 3])), sorted(writer.comments)
