"""XML → canonical data, parse and walk fused: this runs for every VM of every plan."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kvmspec.canon.shape import SHAPES, Identity, Shape, Tags
from kvmspec.canon.units import to_bytes

Data = dict[str, Any]
TEXT = "#"

_DEFAULT_UNIT = {"domain": "KiB"}  # an amount without a unit; elsewhere it is bytes
_NONE: frozenset[str] = frozenset()


def read(xml: str | bytes | ET.Element, skip: frozenset[str] = _NONE) -> Data:
    """Canonical data of a domain, network, pool or volume; elements called as in `skip` are left out.

    Raises xml.etree.ElementTree.ParseError on broken XML, KeyError on another root element.
    """
    root = xml if isinstance(xml, ET.Element) else ET.fromstring(xml)
    data = _element(root, _RULES[root.tag], skip)
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
    if "iothreads" in data:
        _number_iothreads(data)
    for cell in data.get("cpu", {}).get("numa", {}).get("cell", {}).values():
        for cache in cell.get(
            "cache", {}
        ).values():  # what is `none` libvirt does not write, and its schema wants
            cache.setdefault("@associativity", "none")
            cache.setdefault("@policy", "none")
    tuned = data.get("cputune")
    if tuned and ("vcpusched" in tuned or "iothreadsched" in tuned):
        _schedule_each(tuned)
    if "memory" in data.get("devices", {}):
        _without_plugged(data)


def _without_plugged(data: Data) -> None:
    """libvirt counts what is plugged in (DIMMs and the like) into `memory`, and into `currentMemory` all of
    it where nothing is held back, else DIMMs; here both are of the memory the guest boots with, so that each
    DIMM is a device and nothing else."""
    devices = data["devices"]["memory"].values()
    sizes = [
        (device.get("@model"), device.get("target", {}).get("size", {}).get(TEXT, 0)) for device in devices
    ]
    every, dimms = sum(size for _, size in sizes), sum(size for model, size in sizes if model == "dimm")
    for name, size in (("memory", every), ("currentMemory", dimms)):
        if name in data:
            data[name] = {**data[name], TEXT: max(data[name][TEXT] - size, 0)}
    if "memory" in data and "currentMemory" in data:
        most = data["memory"][TEXT]
        data["currentMemory"][TEXT] = min(data["currentMemory"][TEXT], most)


def _number_iothreads(data: Data) -> None:
    """libvirt gives I/O threads without a number the lowest ones that are free, and does not write them
    down where all are so (virDomainIOThreadIDDefArrayInit). Where all have a number, how many is not said."""
    threads = data.setdefault("iothreadids", {}).setdefault("iothread", {})
    number, count = 0, int(data["iothreads"].get(TEXT, 0))
    if threads and len(threads) >= count:
        del data["iothreads"]
    while len(threads) < count:
        number += 1
        threads.setdefault(str(number), {"@id": str(number)})


def _schedule_each(tuned: Data) -> None:
    """libvirt takes one element for several threads (`vcpus="0-1"`), and writes one for each (9.0)."""
    for tag, name in (("vcpusched", "@vcpus"), ("iothreadsched", "@iothreads")):
        group = tuned.get(tag, {})
        if all(key.isdecimal() for key in group):
            continue
        every = [(thread, entry) for entry in group.values() for thread in _listed(entry.get(name, ""))]
        tuned[tag] = {thread: {**entry, name: thread} for thread, entry in every}


def _listed(numbers: str) -> list[str]:
    """`0-1,3` → 0, 1 and 3."""
    found: list[str] = []
    for part in numbers.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found += map(str, range(int(first), int(last or first) + 1))
    return found


@dataclass(slots=True)
class _Rule:
    """A Shape as a tree: what is to be known of one element, and of those inside it."""

    unit: str = ""
    identity: Identity | None = None
    ordered: bool = False
    opaque: bool = False
    macs: tuple[str, ...] = ()
    inside: dict[str, _Rule] = field(default_factory=dict)


_PLAIN = _Rule()  # an element of which nothing special is known


def _compiled(shape: Shape, unit: str) -> _Rule:
    root = _Rule()

    def at(path: Tags) -> _Rule:
        rule = root
        for tag in path:
            rule = rule.inside.setdefault(tag, _Rule())
        return rule

    for path, identity in shape.keyed.items():
        at(path).identity = identity
    for path in shape.sizes:
        at(path).unit = unit
    for path in shape.ordered:
        at(path).ordered = True
    for path in shape.opaque:
        at(path).opaque = True
    for path in shape.seen:
        at(path)
    for path, name in shape.macs:
        at(path).macs += (name,)
    return root


_RULES: Mapping[str, _Rule] = {
    tag: _compiled(shape, _DEFAULT_UNIT.get(tag, "bytes")) for tag, shape in SHAPES.items()
}


def _element(node: ET.Element, rule: _Rule, skip: frozenset[str]) -> Data:
    """One element with all that is in it."""
    if rule.unit:
        amount = {TEXT: to_bytes((node.text or "0").strip(), node.get("unit", rule.unit))}
        others = {"@" + name: value for name, value in node.items() if name != "unit"}
        return amount | others
    data: Data = {"@" + name: value for name, value in node.items()}
    for name in rule.macs:
        if value := node.get(name):
            data["@" + name] = value.lower()
    text = node.text
    if text and not text.isspace():
        data[TEXT] = text
    inside = rule.inside
    for child in node:
        tag = child.tag
        if tag not in skip:
            _add(data, tag, child, inside.get(tag, _PLAIN), skip)
    return data


def _add(data: Data, tag: str, child: ET.Element, rule: _Rule, skip: frozenset[str]) -> None:
    if rule.opaque:
        for name, inner in rule.inside.items():
            if (seen := child.find(name)) is not None:
                data.setdefault(tag, {})[name] = _element(seen, inner, skip)
        return
    value = _element(child, rule, skip)
    if rule.identity is not None:
        group = data.setdefault(tag, {})
        group[identify(rule.identity, child, group)] = value
    elif rule.ordered:
        data.setdefault(tag, []).append(value)
    elif tag not in data:
        data[tag] = value
    else:  # repeated without an identity: a list, in the order given
        known = data[tag]
        if not isinstance(known, list):
            known = data[tag] = [known]
        known.append(value)


def identify(identity: Identity, node: Any, taken: Any) -> str:
    """The key of `node` among its like; by position where it has none, with a number where
    another has it already."""
    key = identity(node)
    if key is None:
        return f"#{len(taken)}"
    if key not in taken:
        return key
    return next(name for number in count(1) if (name := f"{key}#{number}") not in taken)
