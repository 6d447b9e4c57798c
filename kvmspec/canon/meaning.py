"""What the elements of a kind of XML are known by, and when two of them mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kvmspec.canon.read import identify
from kvmspec.canon.shape import SHAPES, Identity, Shape, Tags, attribute, joined
from kvmspec.canon.trees import OWN, elements, exactly, groups, namespace, text_of
from kvmspec.canon.units import to_bytes

# Known by what they say of something else. canon.read keeps these as lists in their order.
_MORE: dict[str, dict[Tags, Identity]] = {
    "domain": {
        ("vcpus", "vcpu"): attribute("id"),
        ("numatune", "memnode"): attribute("cellid"),
        ("cpu", "numa", "cell", "distances", "sibling"): attribute("id"),
        ("cputune", "vcpusched"): attribute("vcpus"),
        ("cputune", "iothreadsched"): attribute("iothreads"),
        ("memoryBacking", "hugepages", "page"): joined(attribute("size"), attribute("nodeset")),
        ("seclabel",): attribute("model"),
        ("devices", "graphics", "channel"): attribute("name"),
    }
}

# libvirt keeps the order of these as it is given, but gives it no meaning
_LOOSE = frozenset({("devices", "controller"), ("devices", "input"), ("cpu", "feature"), ("clock", "timer")})

# Attributes of <address> that are numbers in any base, and what they are where they are not stated
_PLACES: dict[str, dict[str, int | None]] = {
    "pci": {"domain": 0, "bus": 0, "slot": None, "function": 0},
    "drive": {"controller": 0, "bus": 0, "target": 0, "unit": 0},
}

# What says nothing to libvirt when it is defined: the state of what runs, figures of a pool
_STATE: dict[str, frozenset[str]] = {
    "domain": frozenset({"@id"}),
    "network": frozenset({"@connections"}),
    "pool": frozenset({"capacity", "allocation", "available"}),
}


class Meaning:
    """What is to be known of the elements below one kind of root ("domain", "network", …)."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.shape: Shape = SHAPES[root]
        self._keyed = {**self.shape.keyed, **_MORE.get(root, {})}
        self._unit = "KiB" if root == "domain" else "bytes"

    def identity(self, path: Tags) -> Identity | None:
        """How elements at `path` are known; None where only their place tells them apart."""
        return self._keyed.get(path)

    def opaque(self, path: Tags) -> bool:
        """Whether what is inside is another tool's, to be taken whole."""
        return path in self.shape.opaque

    def size(self, path: Tags) -> bool:
        """Whether the element is an amount with a unit."""
        return path in self.shape.sizes

    def loose(self, path: Tags) -> bool:
        """Whether the order of these has no meaning."""
        return self.root == "domain" and path in _LOOSE

    def listed(self, path: Tags, *counts: int) -> bool:
        """Whether these are a list that is said in full: their order has a meaning, or nothing tells
        one from another."""
        if path in self.shape.ordered:
            return True
        return path not in self._keyed and max(counts) > 1

    def state(self, path: Tags, name: str) -> bool:
        """Whether an attribute (`@name`) or element says how things are, not how they are to be."""
        return not path and name in _STATE.get(self.root, ())

    def attributes(self, node: Any, path: Tags) -> dict[str, str]:
        """Attributes as they are compared: MACs in lower case, none of ours."""
        found = {k: v for k, v in node.attrib.items() if not k.startswith(f"{{{OWN}}}")}
        for where, name in self.shape.macs:
            if where == path and name in found:
                found[name] = found[name].lower()
        if path and path[-1] == "address" and (places := _PLACES.get(found.get("type", ""))):
            found |= {k: v for k in places if (v := _place(found.get(k), places[k])) is not None}
        return {k: v for k, v in found.items() if not self.state(path, "@" + k)}

    def amount(self, node: Any) -> int | str:
        """The bytes of an amount; its text where that is not one."""
        try:
            return to_bytes((node.text or "").strip(), node.get("unit") or self._unit)
        except (KeyError, ValueError):
            return f"{node.text} {node.get('unit')}"

    def text(self, node: Any, path: Tags) -> str | int:
        """Text as it is compared."""
        if self.size(path):
            return self.amount(node)
        text = text_of(node)
        return text.strip().lower().replace("-", "") if path == ("uuid",) else text


def _place(text: str | None, default: int | None) -> str | None:
    """A part of an address as it is compared: its number, or the text that is none."""
    if text is None:
        return None if default is None else str(default)
    try:
        return str(int(text, 0))
    except ValueError:
        return text


def named(identity: Identity | None, node: Any) -> str | None:
    """What `identity` makes of a node; None also where the node is not as libvirt would write it."""
    if identity is None:
        return None
    try:
        return identity(node)
    except (ValueError, KeyError):
        return None


def keys(nodes: Iterable[Any], identity: Identity | None) -> list[str]:
    """The keys of like elements, as canon.read gives them; the second of a key is `key#1`."""
    taken: dict[str, None] = {}
    for node in nodes:
        taken[identify(lambda one: named(identity, one), node, taken)] = None
    return list(taken)


def same(one: Any, other: Any, path: Tags, meaning: Meaning) -> bool:
    """Whether two elements mean the same."""
    if meaning.opaque(path):
        return _foreign(one) == _foreign(other)
    mine, theirs = meaning.attributes(one, path), meaning.attributes(other, path)
    if meaning.size(path):
        mine.pop("unit", None)
        theirs.pop("unit", None)
    if mine != theirs or meaning.text(one, path) != meaning.text(other, path):
        return False
    return all(
        meaning.state(path, tag) or alike(first, second, (*path, tag), meaning)
        for tag, (first, second) in groups(one, other).items()
    )


def alike(one: Sequence[Any], other: Sequence[Any], path: Tags, meaning: Meaning) -> bool:
    """Whether two groups of like elements mean the same, in their order where it has a meaning."""
    if len(one) != len(other):
        return False
    if meaning.loose(path):
        identity = meaning.identity(path)
        one, other = _sorted(one, identity), _sorted(other, identity)
    return all(same(a, b, path, meaning) for a, b in zip(one, other, strict=True))


def _sorted(nodes: Sequence[Any], identity: Identity | None) -> list[Any]:
    return [node for _, node in sorted(zip(keys(nodes, identity), nodes, strict=True), key=_first)]


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _foreign(metadata: Any) -> dict[str, tuple[Any, ...]]:
    return {child.tag: exactly(child) for child in elements(metadata) if namespace(child) != OWN}


def shows(example: Any, node: Any, path: Tags, meaning: Meaning) -> bool:
    """Whether a node has everything that an example states."""
    stated, found = meaning.attributes(example, path), meaning.attributes(node, path)
    if not stated.items() <= found.items():
        return False
    text = meaning.text(example, path) if text_of(example) else None
    if text is not None and text != meaning.text(node, path):
        return False
    return all(
        any(shows(child, one, (*path, child.tag), meaning) for one in node.iterfind(child.tag))
        for child in elements(example)
    )
