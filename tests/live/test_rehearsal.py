"""The rehearsal of libvirt's rules against libvirt: machines at random, with and without places of their own.
Where it is sure it is right; and it is sure of nearly all that libvirt takes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

import libvirt
import pytest

from kvmspec.kinds.domain.rehearsal import Unsure, defined
from tests.support.machines import Chance

pytestmark = pytest.mark.libvirtd
MACHINES, TAKEN = 250, 0.8
Signs = dict[tuple[str, ...], Any]


def dumped(conn: libvirt.virConnect, xml: str) -> ET.Element | None:
    """What libvirt makes of it; None where it refuses it."""
    try:
        domain = conn.defineXML(xml)
    except libvirt.libvirtError:
        return None
    try:
        return ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)).find("devices")
    finally:
        domain.undefine()


def stated(xml: str) -> ET.Element:
    """As libvirt reads it: with a memory balloon."""
    root = ET.fromstring(xml)
    devices = root.find("devices")
    assert devices is not None
    if devices.find("memballoon") is None:
        ET.SubElement(devices, "memballoon", {"model": "virtio"})
    return root


def signs(devices: ET.Element) -> Signs:
    """Controllers and devices by what they are called, with their addresses."""
    found: Signs = {}
    counted: Counter[str] = Counter()
    for node in devices:
        target, address, master = node.find("target"), node.find("address"), node.find("master")
        name = (node.tag, node.get("type") or "", node.get("index") or "")
        if node.tag == "controller":
            key = (*name, master.get("startport", "") if master is not None else "")
        elif node.tag == "disk" and target is not None:
            key = (node.tag, target.get("dev", ""))
        else:
            counted[node.tag] += 1
            key = (node.tag, str(counted[node.tag]))
        parts = [
            (child.tag, sorted(child.attrib.items())) for child in node if child.tag in ("model", "target")
        ]
        place = dict(address.attrib) if address is not None else None
        found[key] = (place, node.get("model"), sorted(parts)) if node.tag == "controller" else place
    return found


def test_what_it_is_sure_of_is_so(conn: libvirt.virConnect) -> None:
    taken = sure = 0
    for number in range(MACHINES):
        xml = Chance(number).xml("chance")
        wanted = dumped(conn, xml)
        if wanted is None:
            continue
        taken += 1
        try:
            found = signs(defined(stated(xml)))
        except Unsure:
            continue
        sure += 1
        real = signs(wanted)
        assert {key: real.get(key) for key in found} == found, f"machine {number}"
        assert {key for key in real if key[0] in ("controller", "hub")} <= found.keys(), f"machine {number}"
    assert taken > MACHINES * TAKEN
    assert sure >= taken - 2
