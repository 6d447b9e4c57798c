"""Where something is written: composes a text into marked nodes, only ever when there is an error."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode
from yaml._yaml import CParser
from yaml.composer import ComposerError

from kvmspec.core.problem import Problem, Where

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what libyaml counts as the end of a line
_SHOWN = 400  # characters of a source line
_MAX_DEPTH = 200


class _Composer(CParser):
    """libyaml's composer without PyYAML's resolver: tags do not matter here."""

    depth = 0

    def resolve(self, kind: type[Node], value: str | None, implicit: object) -> str:
        return ""

    def descend_resolver(self, parent: Node | None, index: object) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:  # libyaml recurses in C
            raise ComposerError(None, None, "too deep", None)

    def ascend_resolver(self) -> None:
        self.depth -= 1


def compose(text: str) -> Node | None:
    """The marked nodes of `text`. Raises yaml.YAMLError where parse() would have."""
    node: Node | None = _Composer(text).get_single_node()
    return node


def source_line(text: str, line: int) -> str:
    """Line `line` (from 0) of `text`, shortened."""
    lines = _lines(text)
    return lines[line][:_SHOWN] if line < len(lines) else ""


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    return _BREAK.split(text)


@lru_cache(maxsize=4)
def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in _BREAK.finditer(text))]


def at_mark(text: str, mark: Any, file: str) -> Where:
    """A libyaml mark as a Where."""
    return Where(file, mark.line + 1, mark.column + 1, source_line(text, mark.line))


def at_index(text: str, index: int, file: str) -> Where:
    """The character `index` of `text` as a Where."""
    starts = _line_starts(text)
    line = bisect_right(starts, index) - 1
    return Where(file, line + 1, index - starts[line] + 1, source_line(text, line))


def duplicate_keys(text: str, file: str) -> list[Problem]:
    """One Problem for every key that its mapping already has."""
    problems = []
    for mapping in _mappings(compose(text)):
        first: dict[str, Any] = {}
        for key, _ in mapping.value:
            if key.value in first:
                message = f"the key `{key.value}` is already in this map, at line {first[key.value].line + 1}"
                where = at_mark(text, key.start_mark, file)
                problems.append(Problem(message, where, hint="remove one of the two"))
            first.setdefault(key.value, key.start_mark)
    return problems


def _mappings(root: Node | None) -> Iterator[MappingNode]:
    """Every mapping, each once however many aliases lead to it."""
    todo, seen = [root], set[int]()
    while todo:
        node = todo.pop()
        if node is None or id(node) in seen or isinstance(node, ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            yield node
            todo += [value for _, value in node.value]
        else:
            todo += node.value


class Tree:
    """The marked nodes of one valid text, walked by path."""

    def __init__(self, text: str, file: str) -> None:
        self._text, self._file = text, file
        self._root = compose(text)
        self._keys: dict[int, Mapping[str, tuple[Node, Node]]] = {}

    def where(self, path: tuple[str | int, ...], *, key: bool = False, needle: str = "") -> Where:
        """The place of `path`, or of its deepest ancestor that is written.

        key     the key itself rather than its value
        needle  the place of this text inside the scalar, where it is written literally
        """
        label, value, found = self._walk(path)
        if value is None:
            return Where(self._file, 1, 1, source_line(self._text, 0))
        if needle and found:
            start, end = value.start_mark.index, value.end_mark.index
            if (index := self._text.find(needle, start, end)) >= 0:
                return at_index(self._text, index, self._file)
        block = not isinstance(value, ScalarNode) and not value.flow_style
        return at_mark(self._text, (label if key or block or not found else value).start_mark, self._file)

    def _walk(self, path: tuple[str | int, ...]) -> tuple[Any, Any, bool]:
        """(the key's node, the value's node, whether the whole path was found)."""
        label = node = self._root
        for step in path:
            if isinstance(node, MappingNode):
                pair = self._pairs(node).get(str(step))
            elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
                pair = (node.value[step], node.value[step])
            else:
                pair = None
            if pair is None:
                return label, node, False
            label, node = pair
        return label, node, True

    def _pairs(self, node: MappingNode) -> Mapping[str, tuple[Node, Node]]:
        """A mapping's (key, value) nodes by key, those of its merge keys included."""
        if id(node) not in self._keys:
            pairs: dict[str, tuple[Node, Node]] = {}
            for key, value in node.value:
                if key.value == "<<" and not key.style:
                    for each in value.value if isinstance(value, SequenceNode) else [value]:
                        pairs = {**self._pairs(each), **pairs}
            for key, value in node.value:
                pairs[key.value] = (key, value)
            self._keys[id(node)] = pairs
        return self._keys[id(node)]
