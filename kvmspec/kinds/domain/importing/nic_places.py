"""Where an interface is plugged in, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.devices import pci_address
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, switch, text

_SOCKET = (Leaf("source/@address", "address"), Leaf("source/@port", "port", number))
_LOCAL = (Leaf("source/local/@address", "local.address"), Leaf("source/local/@port", "local.port", number))
_VHOSTUSER = (
    Leaf("source/@path", "path"),
    Leaf("source/@mode", "mode", usual="client"),
)
_VDS = (
    Leaf("source/@switchid", "switch"),
    Leaf("source/@portid", "port", number),
    Leaf("source/@portgroupid", "portgroup"),
    Leaf("source/@connectionid", "connection", number),
)
_USER = (
    Leaf("backend/@type", "backend"),
    Leaf("source/@dev", "dev"),
    Leaf("backend/@logFile", "log"),
)
_MACVTAP = (Leaf("source/@dev", "dev"), Leaf("source/@mode", "mode"))
_FORWARD = (
    Leaf("@proto", "protocol", usual="tcp"),
    Leaf("@address", "address"),
    Leaf("@dev", "dev"),
)
_RANGE = (
    Leaf("@start", "start", number),
    Leaf("@end", "end", number),
    Leaf("@to", "to", number),
    Leaf("@exclude", "exclude", switch),
)
_ETHERNET = (Leaf("target/@managed", "managed", switch),)
_ROUTE = (Leaf("@gateway", "via"), Leaf("@metric", "metric", number))


def with_prefix(at: Mapping[str, Any]) -> str:
    """`172.17.2.0/24`"""
    return f"{at['@address']}/{at['@prefix']}" if "@prefix" in at else text(at.get("@address"))


def _user(nic: Mapping[str, Any]) -> Any:
    found = said(nic, _USER)
    if addresses := [with_prefix(one) for one in nic.get("ip", ())]:
        found["addresses"] = addresses
    if forwards := [_forward(one) for one in nic.get("portForward", ())]:
        found["forwards"] = forwards
    return found or True


def _forward(forward: Mapping[str, Any]) -> Data:
    ports = [said(one, _RANGE) for one in forward.get("range", ())]
    return said(forward, _FORWARD) | ({"ports": ports} if ports else {})


def _ethernet(nic: Mapping[str, Any]) -> Any:
    found, source = said(nic, _ETHERNET), nic.get("source") or {}
    if addresses := [_endpoint(one) for one in source.get("ip", ())]:
        found["addresses"] = addresses
    if routes := [{"to": with_prefix(one)} | said(one, _ROUTE) for one in source.get("route", ())]:
        found["routes"] = routes
    return found or True


def _endpoint(at: Mapping[str, Any]) -> Data:
    return {"address": with_prefix(at)} | ({"peer": at["@peer"]} if "@peer" in at else {})


def _hostdev(nic: Mapping[str, Any]) -> Data:
    managed = {} if nic.get("@managed") == "yes" else {"managed": False}
    return {"pci": pci_address(nic["source"])} | managed


def _vhostuser(nic: Mapping[str, Any]) -> Data:
    found, reconnect = said(nic, _VHOSTUSER), get(nic, ("source", "reconnect"))
    if reconnect is not None:
        found["reconnect"] = number(reconnect["@timeout"]) if reconnect.get("@enabled") == "yes" else 0
    return found


READERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], Any]]] = {
    "network": ("network", lambda nic: nic["source"]["@network"]),
    "bridge": ("bridge", lambda nic: nic["source"]["@bridge"]),
    "direct": ("macvtap", lambda nic: said(nic, _MACVTAP)),
    "user": ("user", _user),
    "ethernet": ("ethernet", _ethernet),
    "hostdev": ("hostdev", _hostdev),
    "vhostuser": ("vhostuser", _vhostuser),
    "vdpa": ("vdpa", lambda nic: nic["source"]["@dev"]),
    "mcast": ("multicast", lambda nic: said(nic, _SOCKET)),
    "server": ("server", lambda nic: said(nic, _SOCKET)),
    "client": ("client", lambda nic: said(nic, _SOCKET)),
    "udp": ("udp", lambda nic: said(nic, (*_SOCKET, *_LOCAL))),
    "internal": ("internal", lambda nic: nic["source"]["@name"]),
    "vds": ("vds", lambda nic: said(nic, _VDS)),
    "null": ("unplugged", lambda nic: True),
}
"""libvirt's type → the field, and how it is read."""
