"""Edit libvirt's own XML in place: what is not ours survives to the byte.

On lxml, since ElementTree loses comments and namespace prefixes in other tools' metadata.
Elements are found by the same identities that canon.read uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kvmspec.canon.read import TEXT, identify
from kvmspec.canon.shape import QEMU, SHAPES, Shape
from kvmspec.core.action import Edit


def _lxml() -> Any:
    from lxml import etree  # only where something changes: it takes 5 ms to import

    return etree


def _parsed(xml: str) -> Any:
    etree = _lxml()
    parser = etree.XMLParser(remove_blank_text=False, resolve_entities=False)
    return etree.fromstring(xml.encode(), parser)


def edit(xml: str, edits: Iterable[Edit]) -> str:
    """`xml` with the edits made in their order.

    Raises LookupError where an element to be changed is not there: the XML is not the one the
    edits were planned for.
    """
    root = _parsed(xml)
    shape = SHAPES[root.tag]
    for step in edits:
        _OPERATIONS[step.op](root, shape, step)
    return str(_lxml().tostring(root, encoding="unicode"))


def select(xml: str, path: tuple[str, ...]) -> str:
    """The XML text of the element at a canonical path. Raises LookupError if there is none."""
    root = _parsed(xml)
    node, rest = _walk(root, SHAPES[root.tag], path)
    if rest:
        raise LookupError("/".join(path))
    return str(_lxml().tostring(node, encoding="unicode", with_tail=False)).strip()


def _walk(root: Any, shape: Shape, path: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """The deepest element on `path` that exists, and what of the path is left."""
    node = root
    tags: tuple[str, ...] = ()
    while path:
        tags = (*tags, path[0])
        keyed = tags in shape.keyed
        if keyed and len(path) < 2:
            return node, path
        found = _child(node, tags, shape, path[1] if keyed else None)
        if found is None:
            return node, path
        node, path = found, path[2:] if keyed else path[1:]
    return node, path


def _child(node: Any, tags: tuple[str, ...], shape: Shape, key: str | None) -> Any:
    if key is None:
        return node.find(tags[-1])
    seen: set[str] = set()
    for candidate in node.iterfind(tags[-1]):
        name = identify(shape.keyed[tags], candidate, seen)
        if name == key:
            return candidate
        seen.add(name)
    return None


def _tags(path: tuple[str, ...], shape: Shape) -> tuple[str, ...]:
    """A canonical path without the keys of what is keyed."""
    tags: tuple[str, ...] = ()
    rest = iter(path)
    for part in rest:
        tags = (*tags, part)
        if tags in shape.keyed:
            next(rest, None)
    return tags


def _is_leaf(part: str) -> bool:
    return part == TEXT or part.startswith("@")


def _set(root: Any, shape: Shape, step: Edit) -> None:
    *parents, leaf = step.path
    node, rest = _walk(root, shape, tuple(parents))
    for tag in rest:
        if tag.startswith("#"):
            raise LookupError("/".join(step.path))
        node = _append(node, _lxml().Element(tag))
    if leaf == TEXT:
        node.text = step.value
    else:
        node.set(leaf[1:], step.value)


def _add(root: Any, shape: Shape, step: Edit) -> None:
    element = _parsed(step.value)
    at = step.path.index(element.tag, max(0, len(step.path) - 2))
    node, rest = _walk(root, shape, step.path[:at])
    for tag in rest:
        node = _append(node, _lxml().Element(tag))
    _insert(node, element, step.path[-1])


def _insert(parent: Any, element: Any, key: str) -> None:
    """One that is known by position comes to that place among its like, any other behind them."""
    alike = parent.findall(element.tag)
    place = int(key[1:]) if key[0] == "#" and key[1:].isdigit() else len(alike)
    if place < len(alike):
        element.tail = alike[place].tail
        alike[place].addprevious(element)
    else:
        _append(parent, element)


def _remove(root: Any, shape: Shape, step: Edit) -> None:
    leaf = step.path[-1]
    if _is_leaf(leaf) and not leaf[1:].isdigit():
        node, rest = _walk(root, shape, step.path[:-1])
        if rest:
            return
        if leaf == TEXT:
            node.text = None
        else:
            node.attrib.pop(leaf[1:], None)
        _tidy(node)
        return
    node, rest = _walk(root, shape, step.path)
    if not rest and _tags(step.path, shape) in shape.ordered:
        for child in node.getparent().findall(node.tag):
            _detach(child)
    elif not rest:
        _detach(node)
    elif len(rest) == 1:  # the whole group of a keyed or repeated element
        for child in node.findall(rest[0]):
            _detach(child)


_HOLLOW = frozenset({"perf", "keywrap", "idmap", "resource"})
"""Elements that say nothing, or are refused by the schema, with nothing in them."""
_NOTHING = frozenset(
    {"driver", "boot", "rom", "teaming", "gl", "image", "jpeg", "zlib", "playback", "streaming"}
    | {"clipboard", "mouse", "filetransfer", "acceleration", "resolution", "settings", "input", "output"}
    | {"msi", "database", "binary", "cache", "sandbox", "lock", "thread_pool", "encryption"}
    | {"tftp"}
)
"""Elements of devices and networks that are nothing without attributes; the schema refuses most of them."""


def _tidy(node: Any) -> None:
    """Remove an element that is nothing any more. Of a <driver/> libvirt shows none, and takes it for options
    of virtio all the same: a guest that boots with it refuses every change of the interface (9.0)."""
    if node.tag in _NOTHING and not node.attrib and not len(node) and not (node.text or "").strip():
        parent = node.getparent()
        _detach(node)
        _tidy(parent)


def _append(parent: Any, element: Any) -> Any:
    """Behind the last sibling of the same tag, else at the end; indentation is kept neat."""
    alike = parent.findall(element.tag)
    last = next((child for child in parent if _stands_behind(child, element)), None)
    if alike:
        element.tail = alike[-1].tail
        alike[-1].addnext(element)
    elif last is not None:
        element.tail = parent.text
        last.addprevious(element)
    else:
        parent.append(element)
    return element


def _stands_behind(child: Any, element: Any) -> bool:
    parent = child.getparent().tag
    if parent == "iotune":
        return _peak(child.tag) > _peak(element.tag)
    return child.tag in _LAST.get(parent, ())


def _peak(limit: str) -> int:
    return 2 if limit.endswith("_max_length") else 1 if limit.endswith("_max") else 0


_LAST = {
    "hostdev": frozenset({"boot", "rom", "alias", "address", "readonly", "shareable"}),
    "smartcard": frozenset({"database", "alias", "address"}),
}
"""What has to stand behind the rest of a device: libvirt 9.0's schema refuses these in another order."""


def _detach(node: Any) -> None:
    """Remove an element; text behind it belongs to the parent and stays."""
    parent = node.getparent()
    if node.tail and not node.tail.isspace():
        before = node.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + node.tail
        else:
            parent.text = (parent.text or "") + node.tail
    parent.remove(node)
    if not len(parent) and (parent.tag in _HOLLOW or parent.tag.startswith(QEMU)):
        _detach(parent)


def _merge(root: Any, shape: Shape, step: Edit) -> None:
    from kvmspec.canon.fragment import merge_parsed

    merge_parsed(root, step.value)


_OPERATIONS = {"set": _set, "add": _add, "remove": _remove, "merge": _merge}
