"""XML trees for fragments: parsed without entities, copied, written.

On lxml, since ElementTree loses comments and namespace prefixes in other tools' metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvmspec.canon.shape import Tags

OWN = "urn:kvmspec:1"
REMOVE, ADD = f"{{{OWN}}}remove", f"{{{OWN}}}add"


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


def namespace_of(name: str) -> str:
    """The namespace in `{namespace}tag`, "" for none."""
    return name[1:].partition("}")[0] if name.startswith("{") else ""


def namespace(node: Any) -> str:
    """The namespace of an element, "" for none."""
    return namespace_of(node.tag)


def without_own(root: Any) -> None:
    """Remove kvmspec's own metadata, and the element for it where it held nothing else."""
    for metadata in root.findall("metadata"):
        for child in elements(metadata):
            if namespace(child) == OWN:
                metadata.remove(child)
        if not elements(metadata):
            root.remove(metadata)


def exactly(node: Any) -> tuple[Any, ...]:
    """All of an element from another tool, comments and spaces too, by which two are compared. Prefixes
    are not in it: they mean nothing, and lxml takes what is declared around an element."""
    inside = tuple((exactly(child), child.tail or "") for child in node)
    return str(node.tag), tuple(sorted(node.attrib.items())), node.text or "", inside


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
