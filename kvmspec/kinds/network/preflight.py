"""A network that is to be made or changed, held against its host."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from kvmspec.core.observed import HostView


class Told(NamedTuple):
    """What is wrong with a field, and what to do. `mild`: libvirt would start it all the same."""

    field: str
    message: str
    hint: str
    mild: bool = False


_MACVTAPS = ("vepa", "private", "passthrough")


def findings(
    xml: str, name: str, view: HostView, leaving: Collection[str], interfaces: Collection[str]
) -> Iterator[Told]:
    """Bridges and interfaces that are not there, where the host tells those it has, and subnets that another
    network of the host has.

    libvirt 9.0 starts a network all the same when its bridge or interface is missing (its guests do not
    start then), when its subnet lies within another's or around it, and when both have one of IPv6.
    """
    root = ET.fromstring(xml)
    forward, bridge = root.find("forward"), root.find("bridge")
    mode = "" if forward is None else forward.get("mode", "nat")
    if interfaces and forward is not None:
        there = ", ".join(sorted(each for each in interfaces if each != "lo"))
        hint = f"create it on the host, or choose one it has: {there}"
        foreign = root.find("virtualport") is not None  # a bridge of Open vSwitch need not be an interface
        if (
            mode == "bridge"
            and bridge is not None
            and bridge.get("name", "") not in interfaces
            and not foreign
        ):
            yield Told("bridge", f"{view.host} has no bridge {bridge.get('name')}", hint)
        if mode == "bridge" or mode in _MACVTAPS:
            for device in forward.iterfind("interface"):
                if device.get("dev", "") not in interfaces:
                    text = f"{view.host} has no network interface {device.get('dev')}"
                    yield Told("interfaces", text, hint)
    for other in view.networks.values():
        if other.name == name or other.name in leaving or not other.running:
            continue
        for subnet, theirs in _overlaps(root, ET.fromstring(other.active_xml or other.xml)):
            text = f"network/{other.name} on {view.host} has {theirs}, which {subnet} overlaps"
            field = "subnet" if subnet.version == 4 else "ipv6.subnet"
            refused = subnet == theirs and subnet.version == 4
            hint = "choose another subnet" + ("; libvirt would not start it" if refused else "")
            yield Told(field, text, hint, mild=not refused)


Subnet = IPv4Network | IPv6Network


def _overlaps(root: ET.Element, other: ET.Element) -> Iterator[tuple[Subnet, Subnet]]:
    theirs = list(_subnets(other))
    for subnet in _subnets(root):
        for each in theirs:
            if subnet.version == each.version and subnet.overlaps(each):
                yield subnet, each


def _subnets(root: ET.Element) -> Iterator[Subnet]:
    for ip in root.iterfind("ip"):
        mask = ip.get("prefix") or ip.get("netmask")
        if mask:
            yield ip_network(f"{ip.get('address')}/{mask}", strict=False)
