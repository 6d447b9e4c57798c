"""The facts of one network, read from its canonical data; what libvirt adds by itself is none."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface
from typing import Any, NamedTuple

from kvmspec.canon.compare import covers, drop, get, leaves
from kvmspec.canon.read import TEXT
from kvmspec.kinds.network.fields import FIELDS, Fact, Facts, Field, Path
from kvmspec.kinds.network.show import seconds

Data = dict[str, Any]
ANY = object()

DEFAULTS: tuple[tuple[Path, Any], ...] = (
    (("name",), ANY),
    (("uuid",), ANY),
    (("forward", "nat", "port", "@start"), "1024"),
    (("forward", "nat", "port", "@end"), "65535"),
    (("@connections",), ANY),
)
"""What libvirt 9.0 writes into a definition that does not say it, or takes for granted."""

_INTERFACES = ("forward", "interface")
_MACVTAPS = ("vepa", "private", "passthrough")


class Other(NamedTuple):
    """What no field says: where, and what."""

    path: Path
    data: Any


@dataclass
class Reading:
    """The facts of a network, and where it keeps those that have no fixed place.

    ip, ip6        keys of its own IPv4 and IPv6 element, None where it has none
    range_, range6  keys of their DHCP ranges
    addresses      further addresses: the key of each
    """

    data: Data
    facts: Facts = field(default_factory=dict)
    ip: str | None = None
    range_: str | None = None
    ip6: str | None = None
    range6: str | None = None
    addresses: dict[str, str] = field(default_factory=dict)

    def at(self, row: Field) -> Path | None:
        """Where a row is in this network; None where it has no such address."""
        if row.at[:1] not in (("ip",), ("ip6",)):
            return row.at
        key = self.ip if row.at[0] == "ip" else self.ip6
        return None if key is None else ("ip", key, *row.at[1:])

    def place(self, ip: str | None) -> int:
        """The `parentIndex` of an address for virNetworkUpdate; -1 where there is but one. Left to
        itself libvirt takes the first address that has DHCP, of whatever family (9.0)."""
        keys = list(self.data.get("ip", {}))
        return keys.index(ip) if ip in keys and len(keys) > 1 else -1

    @property
    def ip_data(self) -> Data:
        return dict(self.data["ip"][self.ip]) if self.ip is not None else {}


def read(data: Data, like: Facts | None = None) -> Reading:
    """The facts of canonical `data`. Among several addresses or ranges the one that `like` has is the
    network's own, else the first. What is compared only where it is stated is told by `like`; without it,
    everything is stated."""
    found = Reading(data)
    rest = deepcopy(data)
    for path, default in DEFAULTS:
        if default is ANY or get(rest, path) == default:
            drop(rest, path)
    _plain(found, rest, like)
    _address(found, rest, like or {})
    _address6(found, rest, like or {})
    _further(found, rest)
    for ip, host in data.get("dns", {}).get("host", {}).items():
        found.facts["dns", ip] = _hostnames(host)
        drop(rest, ("dns", "host", ip))
    _attributes(found, rest, like)
    _elements(found, rest)
    _others(found, rest, like or {})
    return found


def _plain(found: Reading, rest: Data, like: Facts | None) -> None:
    data, facts = found.data, found.facts
    forward = data.get("forward")
    mode = "isolated" if forward is None else forward.get("@mode", "nat")
    mode = _MODES.get(mode, mode)
    if mode in _MACVTAPS or (mode == "bridge" and get(data, ("bridge", "@name")) is None):
        facts["macvtap_mode", ""], mode = mode, "macvtap"
    facts["mode", ""] = mode
    drop(rest, ("forward", "@mode"))
    drop(rest, ("forward", "@dev"))  # the first of its interfaces, again
    for name, path in (("domain", ("domain", "@name")), ("mtu", ("mtu", "@size"))):
        if (value := get(data, path)) is not None:
            facts[name, ""] = int(value) if name == "mtu" else value
            drop(rest, path)
    bridge = get(data, ("bridge", "@name"))
    if mode == "bridge" or (bridge is not None and (like is None or ("bridge", "") in like)):
        facts["bridge", ""] = bridge
    drop(rest, ("bridge", "@name"))


_MODES = {"none": "isolated", "hostdev": "sriov"}


def _attributes(found: Reading, rest: Data, like: Facts | None) -> None:
    """The rows that are an attribute. What libvirt takes for granted is a fact where it is stated."""
    for name, row in FIELDS.items():
        if not row.plain or (at := found.at(row)) is None:
            continue
        value, stated = get(found.data, at), like is None or (name, "") in like
        drop(rest, at)
        if value is None and like is not None and stated:
            value = row.default or None
        if value is not None and (stated or not (row.kept or value == row.default)):
            found.facts[name, ""] = value


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
    _dhcp(found, rest, ip.get("dhcp", {}), like)


def _address6(found: Reading, rest: Data, like: Facts) -> None:
    keys = [key for key, ip in found.data.get("ip", {}).items() if ip.get("@family") == "ipv6"]
    if not keys:
        return
    key = next((key for key in keys if key.endswith(f"/{like.get(('gateway6', ''))}")), keys[0])
    found.ip6, ip = key, found.data["ip"][key]
    found.facts["gateway6", ""] = ip.get("@address")
    found.facts["ipv6", ""] = str(IPv6Network(f"{ip['@address']}/{ip.get('@prefix', 64)}", strict=False))
    for name in ("@family", "@address", "@prefix"):
        drop(rest, ("ip", key, name))
    found.range6 = _range(found, rest, key, "range6", like)


def _further(found: Reading, rest: Data) -> None:
    """Addresses besides its own; what is inside them no field says."""
    for key, ip in found.data.get("ip", {}).items():
        if key in (found.ip, found.ip6) or "@address" not in ip:
            continue
        address, mask = str(ip_address(ip["@address"])), ip.get("@netmask") or ip.get("@prefix")
        found.addresses[address] = key
        prefix = ip_interface(f"{address}/{mask}").network.prefixlen if mask else -1
        found.facts["address", address] = prefix
        for name in ("@family", "@address", "@netmask", "@prefix"):
            drop(rest, ("ip", key, name))


def _range(found: Reading, rest: Data, ip: str, name: str, like: Facts) -> str | None:
    """The key of an address' DHCP range; among several the one that `like` has, else the first."""
    at: Path = ("ip", ip, "dhcp", "range")
    ranges = get(found.data, at)
    if not ranges:
        return None
    wanted = "/".join(like.get((name, ""), ()))
    key = wanted if wanted in ranges else next(iter(ranges))
    own: Data = ranges[key]
    found.facts[name, ""] = (own.get("@start"), own.get("@end"))
    if (lease := own.get("lease")) is not None:
        found.facts["lease6" if name == "range6" else "lease", ""] = seconds(lease)
    drop(rest, (*at, key))
    return key


def _dhcp(found: Reading, rest: Data, dhcp: Data, like: Facts) -> None:
    at: Path = ("ip", str(found.ip), "dhcp")
    found.range_ = _range(found, rest, str(found.ip), "range", like)
    for key, host in dhcp.get("host", {}).items():
        if set(host) <= {"@mac", "@ip", "@name", "lease"}:
            lease = seconds(host["lease"]) if "lease" in host else None
            found.facts["reservation", key] = (host.get("@ip"), host.get("@name"), lease, host.get("@mac"))
            drop(rest, (*at, "host", key))


def _elements(found: Reading, rest: Data) -> None:
    """The rows that take an element as it is."""
    if found.facts["mode", ""] in ("nat", "route") and (devices := get(found.data, _INTERFACES)):
        found.facts["dev", ""] = next(iter(devices))
        drop(rest, (*_INTERFACES, next(iter(devices))))
    for name, row in FIELDS.items():
        at = found.at(row) if row.whole else None
        if at is None or (name == "interface" and ("dev", "") in found.facts):
            continue
        if not row.keyed:
            if value := row.norm(get(found.data, at) or {}):
                found.facts[name, ""] = value
            drop(rest, at)
            continue
        for key, data in (get(found.data, at[:-1]) or {}).items():
            if name == "further_range" and key == found.range_:
                continue
            found.facts[name, key] = row.norm(data)
            drop(rest, (*at[:-1], key))


def _others(found: Reading, rest: Data, like: Facts) -> None:
    """What is left: no field says it, but a fragment may."""
    for fact, value in like.items():
        if fact[0] != "other":
            continue
        have = get(found.data, value.path)
        if have is not None:
            same = covers(value.data, have)
            found.facts[fact] = value if same else Other(value.path, have)
            for path, _ in leaves(value.data) if same else [((), None)]:
                drop(rest, (*value.path, *path))
    for path in _remainder(rest, found.data, ()):
        found.facts["other", "/".join(path)] = Other(path, get(rest, path))


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
    return replace(
        wanted,
        facts=facts,
        ip=wanted.ip or live.ip,
        range_=wanted.range_ or live.range_,
        ip6=wanted.ip6 or live.ip6,
        range6=wanted.range6 or live.range6,
    )
