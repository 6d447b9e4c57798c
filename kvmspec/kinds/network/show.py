"""Whole elements of a network: what libvirt adds to them, and how a user writes them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from kvmspec.kinds.ports import show_burst, show_rate

Data = dict[str, Any]
DNSMASQ = "{http://libvirt.org/schemas/network/dnsmasq/1.0}"
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_LEASE_UNITS = {"hours": 3600, "minutes": 60, "seconds": 1}
"""libvirt's, the largest first."""


def _without(data: Data, **defaults: str) -> Data:
    return {key: value for key, value in data.items() if defaults.get(key.lstrip("@")) != value}


# --- what says nothing
def plain_srv(data: Data) -> Data:
    """libvirt writes neither a priority nor a weight of 0."""
    return _without(data, priority="0", weight="0")


def plain_portgroup(data: Data) -> Data:
    plain = _without(data, default="no", trustGuestRxFilters="no")
    return {key: value for key, value in plain.items() if value != {}}


def seconds(lease: Data) -> int:
    """How long a lease is; 0 is for ever."""
    return int(lease["@expiry"]) * _LEASE_UNITS[lease.get("@unit", "minutes")]


def lease(amount: int) -> Data:
    """The lease of so many seconds in its largest exact unit; libvirt writes none with 0 (9.0)."""
    if not amount:
        return {"@expiry": "0"}
    unit, size = next((unit, size) for unit, size in _LEASE_UNITS.items() if amount % size == 0)
    return {"@expiry": str(amount // size), "@unit": unit}


def plain_lease(data: Data) -> Data:
    """A lease in one way of writing it, so that equal ones are equal."""
    return {**data, "lease": lease(seconds(data["lease"]))} if "lease" in data else data


def plain_route(data: Data) -> Data:
    """A netmask as prefix; the family is told by the address."""
    found = {key: value for key, value in data.items() if key not in ("@family", "@netmask")}
    if "@netmask" in data:
        found["@prefix"] = str(ip_network(f"{data['@address']}/{data['@netmask']}", strict=False).prefixlen)
    return found


def without_connections(data: Data) -> Data:
    """How many guests are on an interface stands in the active XML (9.0)."""
    return {key: value for key, value in data.items() if key != "@connections"}


def other_ports(data: Data) -> Data:
    """The active XML says 1024 to 65535 where the definition says nothing (9.0)."""
    return {} if (data.get("@start"), data.get("@end")) == ("1024", "65535") else data


# --- for people
def duration(amount: int) -> str:
    """The shortest exact duration: 43200 → `12h`."""
    if not amount:
        return "infinite"
    unit, size = next((unit, size) for unit, size in _UNITS if amount % size == 0)
    return f"{amount // size}{unit}"


def bootp(data: Data) -> str:
    """`pxelinux.0 of 192.168.150.2`"""
    server = data.get("@server")
    return f"{data.get('@file')} of {server}" if server else str(data.get("@file"))


def options(data: Data) -> str:
    found = data.get(f"{DNSMASQ}option", [])
    return ", ".join(str(each.get("@value")) for each in (found if isinstance(found, list) else [found]))


def txt(data: Data) -> str:
    return str(data.get("@value"))


def srv(data: Data) -> str:
    """`dc.shop.lan:389, priority 10`"""
    found = [f"{data.get('@target', '.')}:{data.get('@port', '')}".rstrip(":")]
    found += [f"{name} {data['@' + name]}" for name in ("priority", "weight") if "@" + name in data]
    return ", ".join(found)


def forwarder(data: Data) -> str:
    where = data.get("@addr", "the host's servers")
    return f"{where} for {data['@domain']}" if "@domain" in data else str(where)


def span(data: Data) -> str:
    return f"{data.get('@start')} to {data.get('@end')}"


def route(data: Data) -> str:
    metric = f", metric {data['@metric']}" if "@metric" in data else ""
    return f"via {data.get('@gateway')}{metric}"


def traffic(data: Data) -> str:
    """`100MB, peak 200MB, burst 2MiB`"""
    found = [show_rate(int(data["@average"]))] if "@average" in data else []
    found += [
        f"{name} {show_rate(int(data['@' + name]))}" for name in ("peak", "floor") if "@" + name in data
    ]
    if "@burst" in data:
        found.append(f"burst {show_burst(int(data['@burst']))}")
    return ", ".join(found)


def vlan(data: Data) -> str:
    """`42`, or `10, 20 (native 10)`"""
    tags = data.get("tag", [])
    tags = tags if isinstance(tags, list) else [tags]
    native = [f" (native {tag['@id']})" for tag in tags if tag.get("@nativeMode") == "untagged"]
    return ", ".join(tag["@id"] for tag in tags) + "".join(native)


def virtualport(data: Data) -> str:
    profile = data.get("parameters", {}).get("@profileid")
    return f"{data.get('@type')}{f', profile {profile}' if profile else ''}"


def portgroup(data: Data) -> str:
    """`default, vlan 10, inbound 10MB`"""
    found = ["default"] if data.get("@default") == "yes" else []
    if "vlan" in data:
        found.append(f"vlan {vlan(data['vlan'])}")
    found += [f"{name} {traffic(limits)}" for name, limits in data.get("bandwidth", {}).items()]
    if "virtualport" in data:
        found.append(virtualport(data["virtualport"]))
    return ", ".join(found) or "set"
