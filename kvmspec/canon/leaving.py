"""The fragment that is left over between two trees.

For each group of like elements several ways of saying it are tried on the rendered tree, until one comes
out as the original. The last one says the whole group anew, so one always does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from kvmspec.canon.meaning import Meaning, alike, keys, named, same, shows
from kvmspec.canon.merging import merge_group
from kvmspec.canon.shape import Tags
from kvmspec.canon.trees import (
    ADD,
    OWN,
    REMOVE,
    elements,
    empty,
    exactly,
    groups,
    lxml,
    namespace,
    plain,
    pruned,
    text_of,
)

Nodes = Sequence[Any]


def difference(original: Any, rendered: Any, path: Tags, meaning: Meaning) -> Any:
    """What turns `rendered` into `original`, as an element of the same tag; None where they mean the same."""
    if same(original, rendered, path, meaning):
        return None
    if meaning.opaque(path):
        return _foreign(original, rendered)
    result = empty(original)
    gone = _attributes(result, original, rendered, path, meaning)
    if meaning.text(original, path) != meaning.text(rendered, path):
        result.text = text_of(original) or None
        gone += [] if result.text else ["#"]
    for tag, (mine, theirs) in groups(original, rendered).items():
        if not _given(path, tag, mine, meaning):
            result.extend(_group(mine, theirs, (*path, tag), meaning))
    if gone:
        result.set(REMOVE, " ".join(gone))
    return result


def _given(path: Tags, tag: str, mine: Nodes, meaning: Meaning) -> bool:
    """Whether an element is not a fragment's matter: a state, or a uuid the original says nothing of."""
    return meaning.state(path, tag) or (not path and tag == "uuid" and not mine)


def _attributes(result: Any, original: Any, rendered: Any, path: Tags, meaning: Meaning) -> list[str]:
    """Set what differs; return what has to go."""
    mine, theirs = meaning.attributes(original, path), meaning.attributes(rendered, path)
    if meaning.size(path):
        if meaning.amount(original) == meaning.amount(rendered):
            mine.pop("unit", None)
            theirs.pop("unit", None)
        elif "unit" in mine:
            theirs["unit"] = ""  # an amount is always said with its unit
    for name, value in mine.items():
        if theirs.get(name) != value:
            result.set(name, original.get(name, value))
    return [f"@{name}" for name in theirs if name not in mine and not (name == "unit" and meaning.size(path))]


def _group(mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> list[Any]:
    """The first saying of one group that comes out right."""
    if alike(mine, theirs, path, meaning):
        return []
    for way in _ways(mine, theirs, path, meaning):
        if _right(way, mine, theirs, path, meaning):
            return way
    raise AssertionError(f"no fragment restores {'/'.join(path)}")


def _right(way: Nodes, mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> bool:
    parent = lxml().Element("trial")
    parent.extend(deepcopy(one) for one in theirs)
    merge_group(parent, way, path, meaning)
    return alike(mine, parent.findall(path[-1]), path, meaning)


def _ways(mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> Iterator[list[Any]]:
    """From the shortest to all of it anew."""
    opaque = meaning.opaque(path)
    if opaque and mine and theirs:
        yield [difference(mine[0], theirs[0], path, meaning)]
    elif meaning.listed(path, len(mine), len(theirs)):
        if len(mine) > len(theirs) > 0:
            yield [_added(one) for one in mine[len(theirs) :]]
    elif not opaque and (mine or meaning.identity(path)):
        yield from _Each(mine, theirs, path, meaning).ways()
    whole = [deepcopy(one) if opaque else plain(one) for one in mine]
    if whole:
        yield whole
    if theirs:
        yield [_removal(theirs[0]), *whole]


def _removal(like: Any) -> Any:
    one = empty(like)
    one.set(REMOVE, ".")
    return one


def _added(node: Any) -> Any:
    copy = plain(node)
    copy.set(ADD, ".")
    return copy


class _Each:
    """The ways to say a group element by element."""

    def __init__(self, mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> None:
        self._mine, self._path, self._meaning = mine, path, meaning
        self._identity = meaning.identity(path)
        self._own = [named(self._identity, node) for node in mine]
        self._names = keys(mine, self._identity)
        self._known = dict(zip(keys(theirs, self._identity), theirs, strict=True))

    def ways(self) -> Iterator[list[Any]]:
        """With what makes the keys come out right; with the neighbours of what is new, so that it gets in
        its place; with all of them."""
        gone = [node for name, node in self._known.items() if name not in self._names]
        removals = [self._removal(node) for node in gone]
        said = self._said()
        for needed in (
            self._before(said),
            self._before(said) | self._beside(said),
            set(range(len(self._mine))),
        ):
            named_only = {number: self._name(self._mine[number]) for number in needed - set(said)}
            yield removals + [
                node for _, node in sorted((said | named_only).items(), key=lambda item: item[0])
            ]

    def _said(self) -> dict[int, Any]:
        """What there is to say, by position."""
        said: dict[int, Any] = {}
        for number, (name, node) in enumerate(zip(self._names, self._mine, strict=True)):
            if name not in self._known:
                clash = bool(self._known) and self._own[number] != name
                said[number] = _added(node) if clash else plain(node)
                continue
            change = difference(node, self._known[name], self._path, self._meaning)
            if change is not None:
                said[number] = _over(self._name(node), change)
        return said

    def _before(self, said: Iterable[int]) -> set[int]:
        """The elements of the same identity before those that are said."""
        old = [number for number in said if self._names[number] in self._known]
        return {
            before for number in old for before in range(number) if self._own[before] == self._own[number]
        }

    def _beside(self, said: Iterable[int]) -> set[int]:
        """A neighbour of each new element: the one before it, or behind the first."""
        new = [number for number in said if self._names[number] not in self._known]
        return {number - 1 if number else 1 for number in new if len(self._mine) > 1}

    def _name(self, node: Any) -> Any:
        """The least that says which element is meant."""
        identity = self._identity
        if identity is None:
            return empty(node)
        own = named(identity, node)
        return pruned(node, lambda less: named(identity, less) == own)

    def _removal(self, node: Any) -> Any:
        """A removal of this element and of none of the others."""

        def only(example: Any) -> bool:
            shown = (one for one in self._known.values() if shows(example, one, self._path, self._meaning))
            return list(shown) == [node]

        name = self._name(node)
        example = name if only(name) else pruned(node, only)
        example.set(REMOVE, ".")
        return example


def _over(name: Any, change: Any) -> Any:
    """A change that says whose it is: what is in `name` comes first, unless the change says it anyway."""
    for attribute, value in name.attrib.items():
        if attribute not in change.attrib:
            change.set(attribute, value)
    if name.text and not change.text:
        change.text = name.text
    for place, child in enumerate(elements(name)):
        there = next((one for one in change.iterfind(child.tag) if one.get(REMOVE) != "."), None)
        if there is None:
            change.insert(place, child)
        else:
            _over(child, there)
    return change


def _foreign(original: Any, rendered: Any) -> Any:
    """Other tools' metadata, each namespace whole."""
    result = empty(original)
    mine = {namespace(child): child for child in elements(original) if namespace(child) != OWN}
    theirs = {namespace(child): child for child in elements(rendered) if namespace(child) != OWN}
    for space, child in mine.items():
        if space not in theirs or exactly(child) != exactly(theirs[space]):
            copy = deepcopy(child)
            copy.tail = None
            result.append(copy)
    for space, child in theirs.items():
        if space not in mine:
            result.append(_removal(child))
    return result
