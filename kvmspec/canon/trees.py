"""XML trees for fragments: parsed without entities, compared by meaning, known by identity.

On lxml, since ElementTree loses comments and namespace prefixes in other tools' metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kvmspec.canon.read import identify
from kvmspec.canon.shape import SHAPES, Identity, Shape, Tags, attribute, joined
from kvmspec.canon.units import to_bytes

OWN = "urn:kvmspec:1"
REMOVE, ADD = f"{{{OWN}}}remove", f"{{{OWN}}}add"

# Known by what they say of something else. canon.read keeps these as lists in their order.
_MORE: dict[str, dict[Tags, Identity]] = {
    "domain": {
        ("vcpus", "vcpu"): attribute("id"),
        ("numatune", "memnode"): attribute("cellid"),
        ("cpu", "numa", "cell", "distances", "sibling"): attribute("id"),
        ("cputune", "vcpusched"): attribute("vcpus"),
        ("cputune", "iothreadsched"): attribute("iothreads"),
        ("sysinfo", "bios", "entry"): attribute("name"),
        ("sysinfo", "system", "entry"): attribute("name"),
        ("sysinfo", "chassis", "entry"): attribute("name"),
        ("sysinfo", "entry"): attribute("name"),
        ("memoryBacking", "hugepages", "page"): joined(attribute("size"), attribute("nodeset")),
        ("seclabel",): attribute("model"),
        ("devices", "graphics", "channel"): attribute("name"),
        ("devices", "interface", "ip"): attribute("address"),
    }
}

# libvirt keeps the order of these as it is given, but gives it no meaning
_LOOSE = frozenset({("devices", "controller"), ("devices", "input"), ("cpu", "feature"), ("clock", "timer")})

# What says nothing to libvirt when it is defined: the state of what runs, figures of a pool
_STATE: dict[str, frozenset[str]] = {
    "domain": frozenset({"@id"}),
    "network": frozenset({"@connections"}),
    "pool": frozenset({"capacity", "allocation", "available"}),
}


class FragmentError(ValueError):
    """A fragment, or the XML it is for, that cannot be used; the text says what and why."""


def lxml() -> Any:
    """lxml.etree, imported where it is needed: it takes 5 ms."""
    from lxml import etree

    etree.register_namespace("k", OWN)  # else it is called ns0 where a tree does not name it
    return etree


def parse(xml: str, what: str = "the XML") -> Any:
    """The root of `xml`. Raises FragmentError where it is not well-formed or has a document type."""
    etree = lxml()
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True, encoding="utf-8"
    )
    try:
        root = etree.fromstring(xml.strip().encode(), parser)
    except etree.XMLSyntaxError as error:
        raise FragmentError(f"{what} is not well-formed: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise FragmentError(f"{what} has a document type (<!DOCTYPE>), which could hold entities")
    return root


def elements(node: Any) -> list[Any]:
    """The child elements, without comments."""
    return [child for child in node if isinstance(child.tag, str)]


def groups(*nodes: Any) -> dict[str, list[list[Any]]]:
    """Child elements of several nodes by tag: for each tag one list a node, in the order met."""
    found: dict[str, list[list[Any]]] = {}
    for number, node in enumerate(nodes):
        for child in elements(node):
            found.setdefault(child.tag, [[] for _ in nodes])[number].append(child)
    return found


def text_of(node: Any) -> str:
    """An element's own text, to the byte; indentation is not text."""
    text = node.text or ""
    return "" if text.isspace() and (len(node) or "\n" in text) else text


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


def namespace_of(name: str) -> str:
    """The namespace in `{namespace}tag`, "" for none."""
    return name[1:].partition("}")[0] if name.startswith("{") else ""


def namespace(node: Any) -> str:
    """The namespace of an element, "" for none."""
    return namespace_of(node.tag)


def exactly(node: Any) -> tuple[Any, ...]:
    """All of an element from another tool, comments and spaces too, by which two are compared. Prefixes
    are not in it: they mean nothing, and lxml takes what is declared around an element."""
    inside = tuple((exactly(child), child.tail or "") for child in node)
    return str(node.tag), tuple(sorted(node.attrib.items())), node.text or "", inside


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


def pruned(node: Any, enough: Callable[[Any], bool]) -> Any:
    """The least of a copy of `node` for which `enough` still holds."""
    copy = plain(node)
    _prune(copy, copy, enough)
    return copy


def _prune(node: Any, root: Any, enough: Callable[[Any], bool]) -> None:
    for child in elements(node):
        place = node.index(child)
        node.remove(child)
        if not enough(root):
            node.insert(place, child)
            _prune(child, root, enough)
    for name, value in list(node.attrib.items()):
        del node.attrib[name]
        if not enough(root):
            node.set(name, value)
    if node.text:
        text, node.text = node.text, None
        if not enough(root):
            node.text = text


def empty(like: Any) -> Any:
    """An element of the same tag, with no more namespaces than it and its attributes are in."""
    used = {namespace_of(name) for name in (like.tag, *like.attrib)} - {OWN}
    return lxml().Element(like.tag, nsmap={p: uri for p, uri in like.nsmap.items() if uri in used})


def plain(node: Any) -> Any:
    """A copy for libvirt: without kvmspec's own namespace, comments and indentation."""
    copy = empty(node)
    for name, value in node.attrib.items():
        if not name.startswith(f"{{{OWN}}}"):
            copy.set(name, value)
    copy.text = text_of(node) or None
    for child in elements(node):
        if child.get(REMOVE) != ".":
            copy.append(plain(child))
    return copy


def tidy(node: Any, opaque: Callable[[Tags], bool], path: Tags = (), depth: int = 0) -> None:
    """Indent by two spaces all that is not opaque."""
    children = list(node)
    if not children or (opaque(path) and path):
        return
    if (node.text or "").strip() or any((child.tail or "").strip() for child in children):
        return
    node.text = "\n" + "  " * (depth + 1)
    for child in children:
        child.tail = node.text
        if isinstance(child.tag, str):
            tidy(child, opaque, (*path, child.tag), depth + 1)
    children[-1].tail = "\n" + "  " * depth
