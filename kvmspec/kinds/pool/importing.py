"""libvirt's XML of a pool → its entry in the manifest."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from kvmspec.adapters.jinja import Renderer
from kvmspec.kinds.importing.literal import Named, literal
from kvmspec.kinds.importing.naming import named
from kvmspec.kinds.importing.prove import parsed, proved
from kvmspec.kinds.importing.short import shortened
from kvmspec.kinds.pool.spec import PoolSpec
from kvmspec.kinds.pool.types import TYPES
from kvmspec.kinds.secrets import told

Data = dict[str, Any]
_FIGURES = ("capacity", "allocation", "available")
_FS = "{http://libvirt.org/schemas/storagepool/fs/1.0}"
_RBD = "{http://libvirt.org/schemas/storagepool/rbd/1.0}"
_ATTRIBUTES = {
    "dir": ("source/dir", "path"),
    "initiator": ("source/initiator/iqn", "name"),
    "format": ("source/format", "type"),
    "protocol_version": ("source/protocol", "ver"),
    "vendor": ("source/vendor", "name"),
    "product": ("source/product", "name"),
}
"""field of `source` → element and attribute."""
_ADAPTER = ("name", "wwnn", "wwpn", "parent", "parent_wwnn", "parent_wwpn", "parent_fabric_wwn")


def import_pool(xml: str, renderer: Renderer, *, running: bool = False) -> Named:
    """One pool, from libvirt's dump of it. Of one that runs nothing is stated of what its
    folder is like: libvirt looks at it.

    Raises xml.etree.ElementTree.ParseError on broken XML, ValueError on what no pool can be made of.
    """
    root = _plain(parsed(xml), running)
    name = named(root, "pool", "name", "source/name")

    def render(spec: PoolSpec) -> str:
        secret = told(spec.origin.auth.secret) if spec.origin.auth else None
        return renderer.render("pool.xml.j2", name=name, uuid=str(spec.uuid or ""), pool=spec, secret=secret)

    draft, _, fragment = proved(_draft(root), root, PoolSpec, render)
    entry: Data = shortened(PoolSpec, _usual(draft, name))
    return Named(name, literal(entry | ({"xml": fragment} if fragment else {})))


def _plain(root: ET.Element, running: bool) -> ET.Element:
    """Without figures, and without what is empty."""
    for tag in _FIGURES:
        for node in root.findall(tag):
            root.remove(node)
    for device in root.findall("source/device"):
        for extent in device.findall("freeExtent"):
            device.remove(extent)
    if running and (target := root.find("target")) is not None:
        for node in target.findall("permissions"):
            target.remove(node)
    for node in root.findall("source"):
        if not len(node):
            root.remove(node)
    return root


def _draft(root: ET.Element) -> Data:
    found: Data = {
        "uuid": root.findtext("uuid"),
        "type": root.get("type"),
        "path": root.findtext("target/path"),
        "source": _source(root),
        "permissions": _permissions(root),
        "features": _flag("cow", root.find("features/cow"), "state"),
        "mount_options": [node.get("name") for node in root.findall(f"{_FS}mount_opts/{_FS}option")],
        "rbd_options": {
            n.get("name"): n.get("value") for n in root.findall(f"{_RBD}config_opts/{_RBD}option")
        },
        "volume_allocation": _attribute(root, "refresh/volume", "allocation"),
    }
    return _said(found)


def _source(root: ET.Element) -> Data:
    found: Data = {
        "name": root.findtext("source/name"),
        "hosts": [
            _said({"name": node.get("name"), "port": _number(node.get("port"))})
            for node in root.findall("source/host")
        ],
        "devices": [
            {"path": node.get("path")} | _flag("part_separator", node, "part_separator")
            for node in root.findall("source/device")
        ],
        "adapter": _adapter(root),
        "auth": _auth(root),
    }
    found |= {field: _attribute(root, *place) for field, place in _ATTRIBUTES.items()}
    return _said(found)


def _adapter(root: ET.Element) -> Data:
    node = root.find("source/adapter")
    if node is None:
        return {}
    found: Data = {name: node.get(name) for name in _ADAPTER}
    found |= _flag("managed", node, "managed")
    if (parent := node.find("parentaddr")) is not None and (at := parent.find("address")) is not None:
        parts = (("domain", 4), ("bus", 2), ("slot", 2), ("function", 1))
        domain, bus, slot, function = (f"{int(at.get(part) or '0', 0):0{size}x}" for part, size in parts)
        found |= {
            "address": f"{domain}:{bus}:{slot}.{function}",
            "unique_id": _number(parent.get("unique_id")),
        }
    return _said(found)


def _auth(root: ET.Element) -> Data:
    node, secret = root.find("source/auth"), root.find("source/auth/secret")
    if node is None or secret is None:
        return {}
    return {"username": node.get("username"), "secret": secret.get("uuid") or secret.get("usage")}


def _permissions(root: ET.Element) -> Data:
    node = root.find("target/permissions")
    if node is None:
        return {}
    found: Data = {name: node.findtext(name) for name in ("mode", "label")}
    return _said(found | {name: _number(node.findtext(name)) for name in ("owner", "group")})


def _usual(draft: Data, name: str) -> Data:
    """Without what a pool of its type has anyway."""
    kind, source = TYPES[draft.get("type", "dir")], draft.get("source", {})
    usual = kind.target.format(name=source.get("name", name)) if kind.target else None
    found = {
        key: value for key, value in draft.items() if (key, value) not in (("path", usual), ("type", "dir"))
    }
    if kind.names and source.get("name") == name:
        found["source"] = {key: value for key, value in source.items() if key != "name"}
    return _said(found)


def _flag(field: str, node: ET.Element | None, name: str) -> Data:
    value = node.get(name) if node is not None else None
    return {field: value == "yes"} if value in ("yes", "no") else {}


def _attribute(root: ET.Element, path: str, name: str) -> str | None:
    node = root.find(path)
    return node.get(name) if node is not None else None


def _number(text: str | None) -> int | None:
    return int(text, 0) if text and text.isdecimal() else None


def _said(found: Data) -> Data:
    return {key: value for key, value in found.items() if value not in (None, [], {}, "")}
