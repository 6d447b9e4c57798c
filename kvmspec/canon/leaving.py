"""The fragment that is left over between two trees.

For each group of like elements several ways of saying it are tried on the rendered tree; of those that
come out as the original, the shortest is taken. The last one says the whole group anew, so one always does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """The shortest saying of one group that comes out right; all of it anew only where nothing else does."""
    if alike(mine, theirs, path, meaning):
        return []
    for ways in (_partly, _anew):
        tried = [way for way in ways(mine, theirs, path, meaning) if _right(way, mine, theirs, path, meaning)]
        if tried:
            return min(tried, key=_length)
    raise AssertionError(f"no fragment restores {'/'.join(path)}")


def _length(way: Nodes) -> int:
    return sum(len(lxml().tostring(one, method="c14n")) for one in way)


def _right(way: Nodes, mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> bool:
    parent = lxml().Element("trial")
    parent.extend(deepcopy(one) for one in theirs)
    merge_group(parent, way, path, meaning)
    return alike(mine, parent.findall(path[-1]), path, meaning)


def _partly(mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> Iterator[list[Any]]:
    if meaning.opaque(path):
        if mine and theirs:
            yield [difference(mine[0], theirs[0], path, meaning)]
        return
    if len(mine) > len(theirs) > 0:
        yield [_added(one) for one in mine[len(theirs) :]]
    if not meaning.listed(path, len(mine), len(theirs)) and (mine or meaning.identity(path)):
        for anchored, every in ((False, False), (True, False), (True, True)):
            yield _by_key(mine, theirs, path, meaning, anchored=anchored, every=every)


def _anew(mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning) -> Iterator[list[Any]]:
    whole = [deepcopy(one) if meaning.opaque(path) else plain(one) for one in mine]
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


def _by_key(
    mine: Nodes, theirs: Nodes, path: Tags, meaning: Meaning, *, anchored: bool, every: bool
) -> list[Any]:
    """Element by element. Anchored: what is new comes with the name of its neighbour, to be in its place."""
    identity = meaning.identity(path)
    names, known = keys(mine, identity), dict(zip(keys(theirs, identity), theirs, strict=True))
    said: dict[int, Any] = {}
    for number, (name, node) in enumerate(zip(names, mine, strict=True)):
        if name not in known:
            clash = bool(known) and named(identity, node) != name
            said[number] = _added(node) if clash else plain(node)
        elif (change := difference(node, known[name], path, meaning)) is not None:
            said[number] = _over(_name(node, path, meaning), change)
    for number in _needed(mine, set(said), names, known, path, meaning, anchored, every):
        said.setdefault(number, _name(mine[number], path, meaning))
    gone = [node for name, node in known.items() if name not in names]
    removals = [_example(node, theirs, path, meaning) for node in gone]
    return removals + [said[number] for number in sorted(said)]


def _needed(
    mine: Nodes, said: set[int], names: list[str], known: dict[str, Any], path: Tags, meaning: Meaning,
    anchored: bool, every: bool,
) -> set[int]:  # fmt: skip
    """Which elements have to be named although nothing changes: those that make a key come out right,
    and, where it is to be anchored, a neighbour of each new one."""
    if every:
        return set(range(len(mine)))
    identity, needed = meaning.identity(path), set()
    for number in said:
        if names[number] in known:
            own = named(identity, mine[number])
            needed |= {before for before in range(number) if named(identity, mine[before]) == own}
        elif anchored and number:
            needed.add(number - 1)
        elif anchored and number + 1 < len(mine):
            needed.add(number + 1)
    return needed


def _name(node: Any, path: Tags, meaning: Meaning) -> Any:
    """The least that says which element is meant."""
    identity = meaning.identity(path)
    if identity is None:
        return empty(node)
    own = named(identity, node)
    return pruned(node, lambda less: named(identity, less) == own)


def _example(node: Any, among: Nodes, path: Tags, meaning: Meaning) -> Any:
    """A removal of this element and of none of the others."""

    def only(example: Any) -> bool:
        return [one for one in among if shows(example, one, path, meaning)] == [node]

    name = _name(node, path, meaning)
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
