"""A fragment into a tree."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from kvmspec.canon.meaning import Meaning, keys, shows
from kvmspec.canon.shape import SHAPES, Tags
from kvmspec.canon.trees import (
    ADD,
    OWN,
    REMOVE,
    elements,
    groups,
    lxml,
    namespace,
    namespace_of,
    plain,
    text_of,
)

# libvirt's schemas want some elements before others: of the root, and of devices
_FIRST_OF_ROOT = (
    "name uuid genid title description metadata maxMemory memory currentMemory blkiotune memtune \
memoryBacking vcpu vcpus iothreads iothreadids cputune numatune resource sysinfo os idmap features cpu clock"
)
_LAST_OF_ROOT = "on_poweroff on_reboot on_crash pm perf devices seclabel"
_FIRST_OF_DEVICE = "emulator driver auth source protocol log backingStore mac target"
_LAST_OF_DEVICE = "boot alias address"
_MIDDLE = 100


def _ranks(first: str, last: str) -> dict[str, int]:
    ranks = {tag: rank for rank, tag in enumerate(first.split())}
    return ranks | {tag: _MIDDLE + rank for rank, tag in enumerate(last.split(), 1)}


_RANKS = {
    True: _ranks(_FIRST_OF_ROOT, _LAST_OF_ROOT),
    False: _ranks(_FIRST_OF_DEVICE, _LAST_OF_DEVICE),
}


def merge_into(node: Any, fragment: Any, path: Tags, meaning: Meaning) -> None:
    """Give `node` what the fragment says of it: first what goes, then what comes."""
    if meaning.opaque(path):
        _foreign(node, fragment)
        return
    for name in (fragment.get(REMOVE) or "").split():
        _drop(node, name, fragment.nsmap, path, meaning)
    if meaning.size(path) and text_of(fragment):
        node.attrib.pop("unit", None)  # an amount without a unit is not one in the unit that was there
    for name, value in fragment.attrib.items():
        if namespace_of(name) != OWN:
            node.set(name, value)
    if text := text_of(fragment):
        node.text = text
    for tag, (stated,) in groups(fragment).items():
        merge_group(node, stated, (*path, tag), meaning)


def _drop(node: Any, name: str, spaces: dict[str | None, str], path: Tags, meaning: Meaning) -> None:
    if name == "#":
        node.text = None
    elif name.startswith("@"):
        node.attrib.pop(resolved(name[1:], spaces), None)
    else:
        tag = resolved(name, spaces)
        for child in node.findall(tag):
            _detach(child, meaning.opaque((*path, tag)))


def _detach(node: Any, opaque: bool) -> None:
    """Remove an element; of metadata what is kvmspec's own stays."""
    if opaque:
        for child in elements(node):
            if namespace(child) != OWN:
                node.remove(child)
    if not opaque or not elements(node):
        node.getparent().remove(node)


def resolved(name: str, spaces: dict[str | None, str]) -> str:
    """`qemu:arg` with its namespace. Raises KeyError on a prefix that is not declared."""
    prefix, colon, local = name.partition(":")
    return f"{{{spaces[prefix]}}}{local}" if colon else name


def merge_group(node: Any, stated: Sequence[Any], path: Tags, meaning: Meaning) -> None:
    """The elements of one tag that a fragment has, into `node`."""
    tag = path[-1]
    for example in stated:
        if example.get(REMOVE) == ".":
            for child in node.findall(tag):
                if shows(example, child, path, meaning):
                    _detach(child, meaning.opaque(path))
    wanted = [one for one in stated if one.get(REMOVE) != "."]
    known = node.findall(tag)
    given = [one for one in wanted if one.get(ADD) != "."]
    if given and meaning.listed(path, len(given), len(known)):
        _replace(node, known, wanted)
    else:
        _merge_each(node, known, wanted, path, meaning)


def _replace(node: Any, known: Sequence[Any], wanted: Sequence[Any]) -> None:
    for child in known:
        node.remove(child)
    node.extend(plain(one) for one in wanted)


def _merge_each(node: Any, known: Sequence[Any], wanted: Sequence[Any], path: Tags, meaning: Meaning) -> None:
    """What is there is merged; what is not comes behind the one stated before it, else before the one
    stated behind it, else at the end."""
    identity = meaning.identity(path)
    there = dict(zip(keys(known, identity), known, strict=True))
    given = [one for one in wanted if one.get(ADD) != "."]
    names = dict(zip(given, keys(given, identity), strict=True))
    found = [there.get(names[one]) if one in names else None for one in wanted]
    last = None
    for number, (one, target) in enumerate(zip(wanted, found, strict=True)):
        if target is not None:
            merge_into(target, one, path, meaning)
        else:
            target = _new(one, path, meaning)
            behind = next((other for other in found[number:] if other is not None), None)
            _insert(node, target, last, behind if names.get(one) else None)
        last = target


def _new(stated: Any, path: Tags, meaning: Meaning) -> Any:
    if not meaning.opaque(path):
        return plain(stated)
    element = lxml().Element(stated.tag)
    _foreign(element, stated)
    return element


def _insert(node: Any, new: Any, last: Any, behind: Any) -> None:
    if last is not None:
        last.addnext(new)
    elif behind is not None:
        behind.addprevious(new)
    else:
        _in_order(node, new)


def _in_order(node: Any, new: Any) -> None:
    """Behind the last of its like, else where libvirt writes it."""
    alike = node.findall(new.tag)
    if alike:
        alike[-1].addnext(new)
        return
    order = _RANKS[node.tag in SHAPES]
    rank = order.get(new.tag, _MIDDLE)
    later = next((child for child in elements(node) if order.get(child.tag, _MIDDLE) > rank), None)
    if later is not None:
        later.addprevious(new)
    else:
        node.append(new)


def _foreign(metadata: Any, fragment: Any) -> None:
    """Other tools' metadata: libvirt keeps one element a namespace, which is taken whole."""
    for stated in elements(fragment):
        for known in elements(metadata):
            if namespace(known) == namespace(stated):
                metadata.remove(known)
        if stated.get(REMOVE) != ".":
            copy = deepcopy(stated)
            copy.tail = None
            if OWN in copy.nsmap.values():
                lxml().cleanup_namespaces(copy)
            metadata.append(copy)
