"""Changed facts → edits of the definition, or → virNetworkUpdate calls."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

from kvmspec.canon.edit import select
from kvmspec.core.action import Edit, NetworkChange
from kvmspec.kinds.network.facts import Reading
from kvmspec.kinds.network.fields import FIELDS, Data, Fact, Field, Path
from kvmspec.kinds.network.show import lease

_NOT_ON_A_HOST_BRIDGE: tuple[Path, ...] = (("ip",), ("dns",), ("domain",), ("mtu",), ("mac",))
_FOREIGN = frozenset({"bridge", "macvtap", "sriov"})
"""Modes in which libvirt makes no bridge."""
_INTERFACES: Path = ("forward", "interface")


class Family(NamedTuple):
    """What IPv4 and IPv6 differ in: the names of their facts, and where a reading has their keys."""

    subnet: str
    gateway: str
    ranges: tuple[str, ...]
    ip: Callable[[Reading], str | None]
    key: Callable[[Reading], str | None]


FOUR = Family("subnet", "gateway", ("range", "lease"), lambda of: of.ip, lambda of: of.range_)
SIX = Family("ipv6", "gateway6", ("range6", "lease6"), lambda of: of.ip6, lambda of: of.range6)


# --- the definition
def edits(
    wanted: Reading, live: Reading, facts: Collection[Fact], rendered: str, fragment: str = ""
) -> tuple[Edit, ...]:
    """The edits that make the definition read as `live` say what `wanted` says of `facts`; the fragment
    says those that no field says."""
    found = [*_mode(wanted, live, facts), *_plain(wanted, live, facts), *_dns(wanted, live, facts)]
    found += _elements(wanted, live, facts)
    others = [fact for fact in facts if fact[0] == "other"]
    found += [Edit("remove", live.facts[fact].path) for fact in others if fact not in wanted.facts]
    for family in (FOUR, SIX):
        if family.ip(live) is None or family.ip(wanted) is None:
            found += _whole_address(wanted, live, facts, rendered, family)
        else:
            found += [*_dhcp(wanted, live, facts, family), *_address(wanted, live, facts, family)]
    found += _further(wanted, live, facts, rendered)
    if ("metadata", "") in facts or any(fact in wanted.facts for fact in others):
        found.append(Edit("merge", (), fragment))
    return tuple(found)


def _further(wanted: Reading, live: Reading, facts: Collection[Fact], rendered: str) -> Iterator[Edit]:
    """Further addresses, each anew."""
    for name, address in facts:
        if name != "address":
            continue
        if address in live.addresses:
            yield Edit("remove", ("ip", live.addresses[address]))
        if address in wanted.addresses:
            path = ("ip", wanted.addresses[address])
            yield Edit("add", path, select(rendered, path))


def _mode(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    if ("mode", "") not in facts and ("macvtap_mode", "") not in facts:
        return
    before, after = live.facts["mode", ""], wanted.facts["mode", ""]
    if after != "nat":
        yield Edit("remove", ("forward", "nat"))
    if after == "isolated":
        yield Edit("remove", ("forward",))
    else:
        mode = "hostdev" if after == "sriov" else after
        yield Edit("set", ("forward", "@mode"), str(wanted.facts.get(("macvtap_mode", ""), mode)))
    if before == after:
        return
    if not _FOREIGN.isdisjoint((before, after)):  # not libvirt's own
        yield Edit("remove", ("bridge",))
    if after in _FOREIGN:
        yield from (Edit("remove", path) for path in _NOT_ON_A_HOST_BRIDGE)


def _plain(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    for name, key in facts:
        row = FIELDS[name]
        if key or not (row.plain or name in ("bridge", "domain", "mtu")):
            continue
        at, value = live.at(row) or wanted.at(row), wanted.facts.get((name, ""))
        if at is None or (at[0] == "ip" and live.at(row) is None):
            continue  # the address is added as a whole
        if value is not None:
            yield Edit("set", at, str(value))
        elif name != "bridge" and not row.kept:
            yield Edit("remove", at if row.plain else at[:1])


def _dns(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    for name, ip in facts:
        if name == "dns":
            path = ("dns", "host", ip)
            if (name, ip) in live.facts:
                yield Edit("remove", path)
            if (name, ip) in wanted.facts:
                yield Edit("add", path, _dns_xml(wanted, ip))


def _elements(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    """Rows that are an element as a whole; `dev` is the one interface there may be."""
    if any(name in ("dev", "interface") for name, _ in facts):
        yield Edit("remove", ("forward", "@dev"))  # has to be the first interface; libvirt writes it anew
    if ("dev", "") in facts:
        yield Edit("remove", _INTERFACES)
        if (dev := wanted.facts.get(("dev", ""))) is not None:
            yield Edit("add", (*_INTERFACES, dev), _interface_xml(dev))
    for fact in facts:
        row = FIELDS[fact[0]]
        if row.whole and (at := live.at(row)) is not None:
            path = (*at[:-1], fact[1]) if row.keyed else at
            if fact in live.facts or not row.keyed:
                yield Edit("remove", path)
            if fact in wanted.facts:
                yield Edit("add", path, _element_xml(row, wanted.facts[fact]))


def _whole_address(
    wanted: Reading, live: Reading, facts: Collection[Fact], rendered: str, family: Family
) -> Iterator[Edit]:
    if not any(name in (family.subnet, family.gateway) for name, _ in facts):
        return
    before, after = family.ip(live), family.ip(wanted)
    if before is not None:
        yield Edit("remove", ("ip", before))
    if after is not None:
        yield Edit("add", ("ip", after), select(rendered, ("ip", after)))


def _address(wanted: Reading, live: Reading, facts: Collection[Fact], family: Family) -> Iterator[Edit]:
    """Last of all, for the address is the element's key."""
    at = ("ip", str(family.ip(live)))
    if (family.subnet, "") in facts:
        network = ip_network(wanted.facts[family.subnet, ""])
        yield Edit("remove", (*at, "@prefix"))
        if family is SIX:
            yield Edit("set", (*at, "@prefix"), str(network.prefixlen))
        else:
            yield Edit("set", (*at, "@netmask"), str(network.netmask))
    if (family.gateway, "") in facts:
        yield Edit("set", (*at, "@address"), wanted.facts[family.gateway, ""])


def _dhcp(wanted: Reading, live: Reading, facts: Collection[Fact], family: Family) -> Iterator[Edit]:
    at = ("ip", str(family.ip(live)), "dhcp")
    if _range_changes(facts, family):
        before, after = family.key(live), family.key(wanted)
        if before is not None:
            yield Edit("remove", (*at, "range", before))
        if after is not None:
            yield Edit("add", (*at, "range", after), _range_xml(wanted, family))
    for name, mac in facts if family is FOUR else ():
        if name == "reservation":
            path = (*at, "host", mac)
            if (name, mac) in live.facts:
                yield Edit("remove", path)
            if (name, mac) in wanted.facts:
                yield Edit("add", path, _reservation_xml(wanted, mac))


# --- the running network
def updates(wanted: Reading, live: Reading, facts: Iterable[Fact]) -> tuple[NetworkChange, ...]:
    """The virNetworkUpdate calls for these facts: deletions first, since libvirt refuses an entry
    that shares its MAC, address or name with another (9.0); the one portgroup that is the default
    last, since it refuses two."""
    facts = list(facts)
    found = [change for fact in facts for change in _entry(wanted, live, fact)]
    for family in (FOUR, SIX):
        if _range_changes(facts, family):
            place = live.place(family.ip(live))
            if family.key(live) is not None:
                found.append(NetworkChange("delete", "ip-dhcp-range", _range_xml(live, family), place))
            if family.key(wanted) is not None:
                found.append(NetworkChange("add-last", "ip-dhcp-range", _range_xml(wanted, family), place))
    return tuple(sorted(found, key=_turn))


def _turn(change: NetworkChange) -> tuple[int, bool]:
    default = change.section == "portgroup" and ' default="yes"' in change.xml
    return ("delete", "modify", "add-last").index(change.command), default


def _entry(wanted: Reading, live: Reading, fact: Fact) -> Iterator[NetworkChange]:
    name, row = fact[0], FIELDS[fact[0]]
    text = _TEXTS.get(name) or (_whole if row.whole and row.section else None)
    if text is None:
        return
    before, after = (text(of, fact) if fact in of.facts else "" for of in (live, wanted))
    place = live.place({"ip": live.ip, "ip6": live.ip6}.get(row.at[0]))
    if before and after and (row.modify or _same_name(name, wanted.facts[fact], live.facts[fact])):
        yield NetworkChange("modify", row.section, after, place)
        return
    if before:
        yield NetworkChange("delete", row.section, before, place)
    if after:
        yield NetworkChange("add-last", row.section, after, place)


def _same_name(name: str, wanted: Any, live: Any) -> bool:
    """A reservation is found by MAC *or name* to be modified: so only where that is unique."""
    return name == "reservation" and bool(wanted[1] == live[1])


def _range_changes(facts: Iterable[Fact], family: Family) -> bool:
    return any(name in family.ranges for name, _ in facts)


# --- elements
def _whole(of: Reading, fact: Fact) -> str:
    return _element_xml(FIELDS[fact[0]], of.facts[fact])


def _element_xml(row: Field, data: Data) -> str:
    tag = row.at[-2] if row.keyed else row.at[-1]
    return ET.tostring(_element(tag, data), encoding="unicode")


def _element(tag: str, data: Data) -> ET.Element:
    """Canonical data as XML; nothing in these elements has a key."""
    element = ET.Element(tag)
    for name, value in data.items():
        if name.startswith("@"):
            element.set(name[1:], value)
        else:
            element.extend(_element(name, each) for each in (value if isinstance(value, list) else [value]))
    return element


def _interface_xml(dev: str) -> str:
    return ET.tostring(ET.Element("interface", dev=dev), encoding="unicode")


def _range_xml(of: Reading, family: Family) -> str:
    start, end = of.facts[family.ranges[0], ""]
    element = ET.Element("range", start=start, end=end)
    _lease(element, of.facts.get((family.ranges[1], "")))
    return ET.tostring(element, encoding="unicode")


def _reservation_xml(of: Reading, mac: str) -> str:
    ip, name, lease, own = of.facts["reservation", mac]
    attributes = {"mac": own, "name": name, "ip": ip}
    element = ET.Element("host", {key: value for key, value in attributes.items() if value})
    _lease(element, lease)
    return ET.tostring(element, encoding="unicode")


def _lease(element: ET.Element, seconds: int | None) -> None:
    if seconds is not None:
        element.append(_element("lease", lease(seconds)))


def _dns_xml(of: Reading, ip: str) -> str:
    element = ET.Element("host", ip=ip)
    for name in of.facts["dns", ip]:
        ET.SubElement(element, "hostname").text = name
    return ET.tostring(element, encoding="unicode")


_TEXTS: Mapping[str, Callable[[Reading, Fact], str]] = {
    "dns": lambda of, fact: _dns_xml(of, fact[1]),
    "reservation": lambda of, fact: _reservation_xml(of, fact[1]),
    "dev": lambda of, fact: _interface_xml(of.facts[fact]),
}
"""Entries that virNetworkUpdate takes, besides whole elements."""
