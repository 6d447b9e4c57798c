"""Where character devices end on the host: redirected USB devices, smartcards, entropy."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from kvmspec.kinds.domain.elements.part import below

if TYPE_CHECKING:
    from kvmspec.kinds.domain.ends_spec import EndSpec

_SOCKETS = ("unix", "tcp")


def ended(node: ET.Element, end: EndSpec) -> ET.Element:
    """Give an element its end on the host."""
    node.set("type", end.type)
    mode = end.mode
    if mode is None and end.type in _SOCKETS and (end.path or end.host):
        mode = "bind" if end.waits else "connect"
    if end.type == "udp":
        if end.bind_host is not None or end.bind_port is not None:
            bound = {"host": end.bind_host, "service": end.bind_port}
            ET.SubElement(node, "source", {"mode": "bind", **_stated(bound)})
        mode = "connect"
    source = {
        "mode": mode,
        "path": end.path,
        "host": end.host,
        "service": end.port,
        "tls": None if end.tls is None else "yes" if end.tls else "no",
        "channel": end.channel,
    }
    if stated := _stated(source):
        made = ET.SubElement(node, "source", stated)
        if end.reconnect is not None:
            enabled = "yes" if end.reconnect else "no"
            timeout = {"timeout": str(end.reconnect)} if end.reconnect else {}
            below(made, "reconnect", enabled=enabled, **timeout)
    if end.type == "tcp":
        below(node, "protocol", type=end.protocol or "raw")
    return node


def _stated(values: dict[str, str | int | None]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}
