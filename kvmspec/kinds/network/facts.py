"""The facts of one network, read from its canonical data; what libvirt adds by itself is none."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

from kvmspec.canon.compare import drop, get, leaves
from kvmspec.canon.read import TEXT
from kvmspec.kinds.network.fields import Fact, Facts, Path

Data = dict[str, Any]
ANY = object()

DEFAULTS: tuple[tuple[Path, Any], ...] = (
    (("name",), ANY),
    (("uuid",), ANY),
    (("mac",), ANY),
    (("bridge", "@stp"), "on"),
    (("bridge", "@delay"), "0"),
    (("bridge", "@macTableManager"), "kernel"),
    (("domain", "@localOnly"), "no"),
    (("dns", "@enable"), "yes"),
    (("forward", "nat", "port", "@start"), "1024"),
    (("forward", "nat", "port", "@end"), "65535"),
    (("@ipv6",), "no"),
    (("@connections",), ANY),
)
"""What libvirt 9.0 writes into a definition that does not say it, or takes for granted."""

_LEASE_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}


@dataclass
class Reading:
    """The facts of a network, and where it keeps those that have no fixed place.

    ip       key of its own IPv4 element, None where it has none
    range_   key of its DHCP range
    """

    data: Data
    facts: Facts = field(default_factory=dict)
    ip: str | None = None
    range_: str | None = None

    @property
    def ip_data(self) -> Data:
        return dict(self.data["ip"][self.ip]) if self.ip is not None else {}


def read(data: Data, like: Facts | None = None) -> Reading:
    """The facts of canonical `data`. Among several addresses or ranges the one that `like` has is
    the network's own, else the first; more of them are `other` facts."""
    found = Reading(data)
    rest = deepcopy(data)
    for path, default in DEFAULTS:
        if default is ANY or get(rest, path) == default:
            drop(rest, path)
    _plain(found, rest)
    _address(found, rest, like or {})
    for ip, host in data.get("dns", {}).get("host", {}).items():
        found.facts["dns", ip] = _hostnames(host)
        drop(rest, ("dns", "host", ip))
    for path in _remainder(rest, data, ()):
        found.facts["other", "/".join(path)] = path
    return found


def _plain(found: Reading, rest: Data) -> None:
    data, facts = found.data, found.facts
    forward = data.get("forward")
    mode = "isolated" if forward is None else forward.get("@mode", "nat")
    facts["mode", ""] = "isolated" if mode == "none" else mode
    drop(rest, ("forward", "@mode"))
    for name, path in (("domain", ("domain", "@name")), ("mtu", ("mtu", "@size"))):
        if (value := get(data, path)) is not None:
            facts[name, ""] = int(value) if name == "mtu" else value
            drop(rest, path)
    if mode == "bridge":
        facts["bridge", ""] = get(data, ("bridge", "@name"))
    drop(rest, ("bridge", "@name"))


def _address(found: Reading, rest: Data, like: Facts) -> None:
    keys = [key for key, ip in found.data.get("ip", {}).items() if ip.get("@family", "ipv4") == "ipv4"]
    if not keys:
        return
    key = next((key for key in keys if key.endswith(f"/{like.get(('gateway', ''))}")), keys[0])
    found.ip, ip = key, found.data["ip"][key]
    found.facts["gateway", ""] = ip.get("@address")
    mask = ip.get("@netmask") or ip.get("@prefix")
    if mask is not None:
        found.facts["subnet", ""] = str(IPv4Network(f"{ip['@address']}/{mask}", strict=False))
    for name in ("@family", "@address", "@netmask", "@prefix"):
        drop(rest, ("ip", key, name))
    if get(ip, ("@localPtr",)) == "no":
        drop(rest, ("ip", key, "@localPtr"))
    _dhcp(found, rest, ip.get("dhcp", {}), like)


def _dhcp(found: Reading, rest: Data, dhcp: Data, like: Facts) -> None:
    at: Path = ("ip", str(found.ip), "dhcp")
    ranges = dhcp.get("range", {})
    if ranges:
        wanted = "/".join(like.get(("range", ""), ()))
        found.range_ = wanted if wanted in ranges else next(iter(ranges))
        own = ranges[found.range_]
        found.facts["range", ""] = (own.get("@start"), own.get("@end"))
        if (lease := own.get("lease")) is not None:
            factor = _LEASE_UNITS[lease.get("@unit", "minutes")]
            found.facts["lease", ""] = int(lease["@expiry"]) * factor
        drop(rest, (*at, "range", found.range_))
    for key, host in dhcp.get("host", {}).items():
        if set(host) <= {"@mac", "@ip", "@name"} and "@mac" in host:
            found.facts["reservation", key] = (host.get("@ip"), host.get("@name"))
            drop(rest, (*at, "host", key))


def _hostnames(host: Data) -> tuple[str, ...]:
    names = host.get("hostname", [])
    return tuple(sorted(name.get(TEXT, "") for name in (names if isinstance(names, list) else [names])))


def _remainder(rest: Any, whole: Any, path: Path) -> Iterator[Path]:
    """The paths of what is left, each as high up as nothing known is below it. Empty elements say
    nothing."""
    if not any(value != {} for _, value in leaves(rest)):
        return
    if rest == whole and path:
        yield path
    elif isinstance(rest, dict):
        for key, value in rest.items():
            yield from _remainder(value, whole[key], (*path, key))
    else:
        yield path


def changed(wanted: Facts, live: Facts, *, stated_only: bool) -> list[Fact]:
    """The facts of which `live` is not as `wanted`, in the table's order of first mention."""
    differ = [fact for fact, value in wanted.items() if not _equal(value, live.get(fact), stated_only)]
    return differ if stated_only else [*differ, *(fact for fact in live if fact not in wanted)]


def _equal(wanted: Any, live: Any, stated_only: bool) -> bool:
    if stated_only and isinstance(wanted, tuple) and isinstance(live, tuple) and len(wanted) == len(live):
        return all(mine is None or mine == theirs for mine, theirs in zip(wanted, live, strict=True))
    return bool(wanted == live)


def merged(wanted: Reading, live: Reading, dropped: frozenset[Fact] = frozenset()) -> Reading:
    """What an adopted network is to be: `wanted`, and where that says nothing, as it is but for what
    is `dropped`."""
    facts = {**live.facts, **wanted.facts}
    facts = {fact: value for fact, value in facts.items() if fact not in dropped}
    for fact, value in facts.items():
        theirs = live.facts.get(fact)
        if isinstance(value, tuple) and None in value and isinstance(theirs, tuple):
            facts[fact] = tuple(mine or other for mine, other in zip(value, theirs, strict=True))
    return replace(wanted, facts=facts, ip=wanted.ip or live.ip, range_=wanted.range_ or live.range_)
