"""Serial and parallel ports, consoles and channels, from libvirt's XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, switch, text
from kvmspec.kinds.domain.lines_spec import AGENT, TARGETS, TWINS

_SOURCE = (
    Leaf("@path", "path"),
    Leaf("@host", "host"),
    Leaf("@service", "port", number),
    Leaf("@tls", "tls", switch),
    Leaf("@channel", "channel"),
    Leaf("@mode", "mode", usual="bind"),
    Leaf("@append", "append", switch),
    Leaf("clipboard/@copypaste", "clipboard", switch),
    Leaf("mouse/@mode", "mouse"),
)
_BOUND = (Leaf("@host", "bind_host"), Leaf("@service", "bind_port", number))
_LABEL = (
    Leaf("@model", "model"),
    Leaf("@relabel", "relabel", switch, usual=True),
    Leaf("label/#", "label"),
)
_LINE = (
    Leaf("protocol/@type", "protocol", usual="raw"),
    Leaf("log/@file", "log.file"),
    Leaf("log/@append", "log.append", switch),
)
SERIAL = (Leaf("target/model/@name", "model"), Leaf("target/@port", "number", number))
PARALLEL = (Leaf("target/@port", "number", number),)
CONSOLE = (Leaf("target/@type", "target", usual="virtio"),)
CHANNEL = (Leaf("target/@name", "name"),)


TAGS = ("serial", "parallel", "console")


def _end(device: Mapping[str, Any], usual: str) -> Data:
    """Where it ends on the host."""
    kind = text(device["@type"])
    found: Data = {} if kind == usual else {"type": kind}
    for source in device.get("source", ()):
        found |= said(source, _BOUND if kind == "udp" and source.get("@mode") == "bind" else _SOURCE)
        if again := source.get("reconnect"):
            found["reconnect"] = number(again["@timeout"]) if again["@enabled"] == "yes" else 0
        if labels := source.get("seclabel"):
            found["labels"] = [
                said(one, _LABEL) for one in (labels if isinstance(labels, list) else [labels])
            ]
    if kind == "udp":
        found.pop("mode", None)
    return found | said(device, _LINE)


def serial(device: Mapping[str, Any]) -> Data:
    """A serial port."""
    return _end(device, "pty") | said(device, SERIAL) or {"type": "pty"}


def parallel(device: Mapping[str, Any]) -> Data:
    """A parallel port."""
    return _end(device, "pty") | said(device, PARALLEL) or {"type": "pty"}


def console(device: Mapping[str, Any]) -> Data:
    """A console that is no serial port."""
    return _end(device, "pty") | said(device, CONSOLE) or {"type": "pty"}


def channel(device: Mapping[str, Any]) -> Data | None:
    """A channel."""
    found, target = _end(device, "unix"), device.get("target") or {}
    if target.get("@type") == "guestfwd":
        return {"guestfwd": f"{target['@address']}:{target['@port']}"} | found
    if target.get("@type") not in ("virtio", "xen"):
        return None
    named = said(device, CHANNEL) | found
    return named if target["@type"] == "virtio" else named | {"target": "xen"}


def numbered(ports: list[Data], first: int = 0) -> list[Data]:
    """Without the numbers that follow from their order."""
    for place, port in enumerate(ports, first):
        if port.get("number") == place:
            del port["number"]
    return [port or {"type": "pty"} for port in ports]


def is_agent(device: Mapping[str, Any]) -> bool:
    """Whether a channel is that of the guest agent, which is a field of its own."""
    return device.get("@type") == "unix" and get(device, ("target", "@name")) == AGENT


def agent(device: Mapping[str, Any]) -> Data:
    """The guest agent's channel, where it has a socket that is not libvirt's own."""
    paths = [source["@path"] for source in device.get("source", ()) if "@path" in source]
    return {"path": paths[0]} if paths else {}


def has_console(devices: Mapping[str, Any]) -> bool:
    """Whether the first serial port is what `console: true` states: a terminal, and nothing more."""
    port = next(iter(devices.get("serial", {}).values()), None)
    return port == {"@type": "pty", "target": {"@port": "0"}} and "serial" in devices.get("console", {})


_CARDS: Mapping[str, str] = {
    "x86_64": "isa-serial",
    "i686": "isa-serial",
    "aarch64": "pl011",
    "armv7l": "pl011",
    "riscv64": "16550a",
    "riscv32": "16550a",
    "ppc64": "spapr-vty",
    "ppc64le": "spapr-vty",
    "s390x": "sclpconsole",
}
"""The model of a serial port where none is stated (qemuDomainChrDefPostParse)."""


def leave_out(root: ET.Element, arch: str) -> None:
    """What libvirt gives ports by itself: their card, the numbers of consoles in their order, and of the
    first port the first console. That of a terminal is kept, which `console: true` says."""
    for place, other in enumerate(root.findall("devices/console/target")):
        if other.get("type") != "serial" and other.get("port") == str(place):
            del other.attrib["port"]
    usual = _CARDS.get(arch, "")
    for target in root.findall("devices/serial/target"):
        model = target.find("model")
        if model is not None and (target.get("type"), model.attrib) == (TARGETS.get(usual), {"name": usual}):
            del target.attrib["type"]
            target.remove(model)
    devices = root.find("devices")
    port, console = root.find("devices/serial"), root.find("devices/console")
    if devices is None or port is None or console is None or _is_plain(port):
        return
    own, twin = port.find("target"), console.find("target")
    card = None if own is None else own.get("type", TARGETS.get(usual))
    if twin is not None and twin.get("type") == "serial" and card in TWINS:
        devices.remove(console)


def _is_plain(port: ET.Element) -> bool:
    """Whether a port is a terminal, and nothing more is said of it."""
    return port.get("type") == "pty" and [child.tag for child in port] in ([], ["target"])
