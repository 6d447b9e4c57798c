"""Changed facts → edits of the definition, or → virNetworkUpdate calls."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Iterator

from kvmspec.canon.edit import select
from kvmspec.core.action import Edit, NetworkChange
from kvmspec.kinds.network.facts import Reading
from kvmspec.kinds.network.fields import FIELDS, Fact, Path

_NOT_ON_A_HOST_BRIDGE: tuple[Path, ...] = (("ip",), ("dns",), ("domain",), ("mtu",), ("mac",))


# --- the definition
def edits(wanted: Reading, live: Reading, facts: Collection[Fact], rendered: str) -> tuple[Edit, ...]:
    """The edits that make the definition read as `live` say what `wanted` says of `facts`."""
    found = [*_mode(wanted, live, facts), *_plain(wanted, facts), *_dns(wanted, live, facts)]
    found += [Edit("remove", live.facts[fact]) for fact in facts if fact[0] == "other"]
    if live.ip is None or wanted.ip is None:
        found += _whole_address(wanted, live, facts, rendered)
    else:
        found += [*_dhcp(wanted, live, facts), *_address(wanted, live, facts)]
    return tuple(found)


def _mode(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    if ("mode", "") not in facts:
        return
    before, after = live.facts["mode", ""], wanted.facts["mode", ""]
    if after != "nat":
        yield Edit("remove", ("forward", "nat"))
    if after == "isolated":
        yield Edit("remove", ("forward",))
    else:
        yield Edit("set", ("forward", "@mode"), after)
    if "bridge" in (before, after):  # a bridge of libvirt's own and one of the host have nothing in common
        yield Edit("remove", ("bridge",))
    if after == "bridge":
        yield from (Edit("remove", path) for path in _NOT_ON_A_HOST_BRIDGE)


def _plain(wanted: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    for name in ("bridge", "domain", "mtu"):
        if (name, "") not in facts:
            continue
        at, value = FIELDS[name].at, wanted.facts.get((name, ""))
        if value is not None:
            yield Edit("set", at, str(value))
        elif name != "bridge":
            yield Edit("remove", at[:1])


def _dns(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    for name, ip in facts:
        if name == "dns":
            path = ("dns", "host", ip)
            if (name, ip) in live.facts:
                yield Edit("remove", path)
            if (name, ip) in wanted.facts:
                yield Edit("add", path, _dns_xml(wanted, ip))


def _whole_address(wanted: Reading, live: Reading, facts: Collection[Fact], rendered: str) -> Iterator[Edit]:
    if not any(name in ("subnet", "gateway") for name, _ in facts):
        return
    if live.ip is not None:
        yield Edit("remove", ("ip", live.ip))
    if wanted.ip is not None:
        yield Edit("add", ("ip", wanted.ip), select(rendered, ("ip", wanted.ip)))


def _address(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    """Last of all, for the address is the element's key."""
    at = ("ip", str(live.ip))
    if ("subnet", "") in facts:
        yield Edit("remove", (*at, "@prefix"))
        yield Edit("set", (*at, "@netmask"), wanted.ip_data["@netmask"])
    if ("gateway", "") in facts:
        yield Edit("set", (*at, "@address"), wanted.facts["gateway", ""])


def _dhcp(wanted: Reading, live: Reading, facts: Collection[Fact]) -> Iterator[Edit]:
    at = ("ip", str(live.ip), "dhcp")
    if _range_changes(facts):
        if live.range_ is not None:
            yield Edit("remove", (*at, "range", live.range_))
        if wanted.range_ is not None:
            yield Edit("add", (*at, "range", wanted.range_), _range_xml(wanted))
    for name, mac in facts:
        if name == "reservation":
            path = (*at, "host", mac)
            if (name, mac) in live.facts:
                yield Edit("remove", path)
            if (name, mac) in wanted.facts:
                yield Edit("add", path, _reservation_xml(wanted, mac))


# --- the running network
def updates(wanted: Reading, live: Reading, facts: Iterable[Fact]) -> tuple[NetworkChange, ...]:
    """The virNetworkUpdate calls for these facts: deletions first, since libvirt refuses an entry
    that shares its MAC, address or name with another (9.0)."""
    facts = list(facts)
    found = [change for fact in facts for change in _entry(wanted, live, fact)]
    if _range_changes(facts):
        if live.range_ is not None:
            found.append(NetworkChange("delete", "ip-dhcp-range", _range_xml(live)))
        if wanted.range_ is not None:
            found.append(NetworkChange("add-last", "ip-dhcp-range", _range_xml(wanted)))
    return tuple(sorted(found, key=lambda change: ("delete", "modify", "add-last").index(change.command)))


def _entry(wanted: Reading, live: Reading, fact: Fact) -> Iterator[NetworkChange]:
    name, key = fact
    if name == "dns":
        if fact in live.facts:
            yield NetworkChange("delete", "dns-host", _dns_xml(live, key))
        if fact in wanted.facts:
            yield NetworkChange("add-last", "dns-host", _dns_xml(wanted, key))
    elif name == "reservation":
        before, after = live.facts.get(fact), wanted.facts.get(fact)
        if before and after and before[1] == after[1]:  # found by MAC *or name*: keep to one that is unique
            yield NetworkChange("modify", "ip-dhcp-host", _reservation_xml(wanted, key))
            return
        if before:
            yield NetworkChange("delete", "ip-dhcp-host", _reservation_xml(live, key))
        if after:
            yield NetworkChange("add-last", "ip-dhcp-host", _reservation_xml(wanted, key))


def _range_changes(facts: Iterable[Fact]) -> bool:
    return any(name in ("range", "lease") for name, _ in facts)


# --- elements
def _range_xml(of: Reading) -> str:
    start, end = of.facts["range", ""]
    element = ET.Element("range", start=start, end=end)
    lease = of.facts.get(("lease", ""))
    if lease is not None:
        ET.SubElement(element, "lease", expiry=str(lease), unit="seconds")
    return ET.tostring(element, encoding="unicode")


def _reservation_xml(of: Reading, mac: str) -> str:
    ip, name = of.facts["reservation", mac]
    attributes = {"mac": mac, "name": name, "ip": ip}
    return ET.tostring(
        ET.Element("host", {key: value for key, value in attributes.items() if value}), encoding="unicode"
    )


def _dns_xml(of: Reading, ip: str) -> str:
    element = ET.Element("host", ip=ip)
    for name in of.facts["dns", ip]:
        ET.SubElement(element, "hostname").text = name
    return ET.tostring(element, encoding="unicode")
