"""XML → canonical data, parse and walk fused: this runs for every VM of every plan."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from kvmspec.canon.shape import SHAPES, Identity, Shape, Tags
from kvmspec.canon.units import to_bytes

Data = dict[str, Any]
TEXT = "#"

_DEFAULT_UNIT = {"domain": "KiB"}  # an amount without a unit; elsewhere it is bytes


def read(xml: str | bytes | ET.Element) -> Data:
    """Canonical data of a domain, network, pool or volume.

    Raises xml.etree.ElementTree.ParseError on broken XML, KeyError on another root element.
    """
    root = xml if isinstance(xml, ET.Element) else ET.fromstring(xml)
    data = _Reader(SHAPES[root.tag], _DEFAULT_UNIT.get(root.tag, "bytes")).element(root, ())
    if root.tag == "domain":
        _fill_in(data)
    return data


def _fill_in(data: Data) -> None:
    """What libvirt leaves out where it says nothing new: `current` equals the maximum."""
    vcpu = data.get("vcpu")
    if vcpu and TEXT in vcpu and "@current" not in vcpu:
        vcpu["@current"] = vcpu[TEXT]
    if "memory" in data and "currentMemory" not in data:
        data["currentMemory"] = dict(data["memory"])


class _Reader:
    def __init__(self, shape: Shape, unit: str) -> None:
        self.shape = shape
        self.unit = unit

    def element(self, node: ET.Element, path: Tags) -> Data:
        """One element with all that is in it."""
        if path in self.shape.sizes:
            return {TEXT: to_bytes((node.text or "0").strip(), node.get("unit", self.unit))}
        data: Data = {f"@{name}": value for name, value in node.items()}
        for owner, name in self.shape.macs:
            if owner == path and (value := node.get(name)):
                data[f"@{name}"] = value.lower()
        text = node.text
        if text and not text.isspace():
            data[TEXT] = text
        for child in node:
            self._add(data, child, path)
        return data

    def _add(self, data: Data, child: ET.Element, parent: Tags) -> None:
        tag = child.tag
        path = (*parent, tag)
        shape = self.shape
        if path in shape.opaque:
            return
        identity = shape.keyed.get(path)
        if identity is not None:
            group = data.setdefault(tag, {})
            group[identify(identity, child, group)] = self.element(child, path)
        elif path in shape.ordered:
            data.setdefault(tag, []).append(self.element(child, path))
        elif tag not in data:
            data[tag] = self.element(child, path)
        else:  # repeated without an identity: a list, in the order given
            known = data[tag]
            if not isinstance(known, list):
                known = data[tag] = [known]
            known.append(self.element(child, path))


def identify(identity: Identity, node: Any, taken: Any) -> str:
    """The key of `node` among its like; by position where it has none or another has it already."""
    key = identity(node)
    return key if key is not None and key not in taken else f"#{len(taken)}"
