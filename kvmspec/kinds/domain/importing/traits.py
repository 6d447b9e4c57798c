"""What a device says of itself, and what libvirt writes down there: the parts that a rehearsal compares."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import NamedTuple

from kvmspec.kinds.domain.keys import number_of
from kvmspec.kinds.domain.rehearsal.cards import ORDER

MARK = "{urn:kvmspec:1}nth"
"""An attribute by which a device is known again in the rehearsal."""
SEVERAL = "multifunction"
_DERIVED = ("chassis", "port", "chassisNr", "busNr")


class Kept(NamedTuple):
    """What has to be stated, by the device's position: controllers, addresses, and what a PCI
    controller says of itself."""

    controllers: set[int]
    addresses: set[int]
    details: set[tuple[int, str]]


def strip(node: ET.Element, number: int, kept: Kept) -> None:
    """Take what need not be stated out of one device."""
    address = node.find("address")
    if address is not None and number not in kept.addresses:
        node.remove(address)
    elif address is not None and (number, SEVERAL) not in kept.details:
        address.attrib.pop(SEVERAL, None)
    if node.get("type") != "pci" or node.tag != "controller":
        return
    if (number, "name") not in kept.details:
        for model in node.findall("model"):
            node.remove(model)
    for target in node.findall("target"):
        for name in _DERIVED:
            if (number, name) not in kept.details:
                target.attrib.pop(name, None)
        if not target.attrib and not len(target):
            node.remove(target)


def name_of(node: ET.Element) -> str:
    master = node.find("master")
    port = master.get("startport") if master is not None else ""
    return f"{node.get('type')}/{node.get('index', '0')}/{port}" if node.tag == "controller" else ""


def is_wide(node: ET.Element) -> bool:
    """A SCSI disk that kvmspec itself puts where there is room (render.py)."""
    target = node.find("target") if node.tag == "disk" else None
    return target is not None and target.get("bus") == "scsi" and number_of(target.get("dev") or "sda") >= 7


def said(node: ET.Element) -> tuple[object, ...]:
    """What a controller is, besides its place, and what libvirt writes down of a PCI one."""
    own = {name: value for name, value in node.attrib.items() if name != MARK}
    inside = {}
    for child in node:
        words = {name: value for name, value in child.attrib.items() if name not in _DERIVED}
        below = [(inner.tag, (inner.text or "").strip()) for inner in child]
        if child.tag not in ("address", "model") and (words or below or child.tag != "target"):
            inside[child.tag] = (words, below)
    return own, inside


def written(node: ET.Element) -> dict[str, str]:
    """What libvirt writes down by itself: of a slot that several share, of a PCI controller."""
    address, model = node.find("address"), node.find("model")
    found = {} if address is None or SEVERAL not in address.attrib else {SEVERAL: address.attrib[SEVERAL]}
    if node.get("type") != "pci" or node.tag != "controller":
        return found
    if model is not None:
        found["name"] = model.get("name", "")
    for target in node.findall("target"):
        found |= {name: target.attrib[name] for name in _DERIVED if name in target.attrib}
    return found


def place_of(address: ET.Element | None) -> Mapping[str, object]:
    """An address, however its numbers are written."""
    found: dict[str, object] = {}
    for name, value in address.attrib.items() if address is not None else ():
        if name == SEVERAL:
            continue
        try:
            found[name] = int(value, 0)
        except ValueError:
            found[name] = value
    return found | ({"more": len(address)} if address is not None and len(address) else {})


def rank_of(node: ET.Element) -> int:
    """Where libvirt comes to a device; those without a PCI address before all others."""
    return next((n for n, (tag, takes) in enumerate(ORDER) if tag == node.tag and takes(node)), -1)
