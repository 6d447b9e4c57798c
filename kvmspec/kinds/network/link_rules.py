"""What ports, interfaces, routes and records of a network have to do with its mode and each other."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from typing import TYPE_CHECKING, Any

from kvmspec.kinds.broken import Broken, Loc

if TYPE_CHECKING:
    from kvmspec.kinds.network.spec import NetworkSpec
    from kvmspec.kinds.ports import VlanSpec

_CARDS = frozenset({"macvtap", "sriov"})
_OWN = ("nat", "route", "open", "isolated")
_ONLY_WITH: dict[str, tuple[str, ...]] = {
    "dev": ("nat", "route"),  # libvirt: "forward dev not allowed … with forward mode='open'"
    "nat": ("nat",),
    "interfaces": ("macvtap", "sriov"),
    "macvtap_mode": ("macvtap",),
    "pf": ("macvtap", "sriov"),
    "devices": ("sriov",),
    "managed": ("sriov",),
    "driver": ("sriov",),
    "vlan": ("bridge", "macvtap", "sriov"),  # "whose type doesn't support vlan configuration"
    "virtualport": ("bridge", "macvtap", "sriov"),
    "routes": _OWN,
    "ipv6": _OWN,
    "addresses": _OWN,
    "mac": _OWN,
    "stp": _OWN,
    "delay": _OWN,
    "zone": _OWN,
    "guest_ipv6": _OWN,
    "dnsmasq_options": _OWN,
    "mac_table": (*_OWN, "bridge"),
    "isolated_ports": (*_OWN, "bridge"),
    "bandwidth": (*_OWN, "bridge"),
}
"""field → modes that libvirt takes it with."""


def fields_of_mode(net: NetworkSpec) -> Iterator[Broken]:
    """An adopted network that does not say its mode may have any, but for what only the mode explains."""
    unknown = net.uuid is not None and "mode" not in net.model_fields_set
    for field, modes in _ONLY_WITH.items():
        may_be = unknown and not _CARDS.issuperset(modes)
        if getattr(net, field) not in (None, (), {}) and net.mode not in modes and not may_be:
            others = " or ".join(f"`{mode}`" for mode in modes)
            yield (field,), "rule", f"`{field}` goes with mode {others} only"
    if net.uuid is not None or net.interfaces or net.pf:
        return
    if net.mode == "macvtap":
        yield (), "required", "`interfaces` is required with `mode: macvtap`: interfaces of the host"
    if net.mode == "sriov" and not net.devices:
        yield (), "required", "`pf` or `devices` is required with `mode: sriov`: a network card of the host"


def sources(net: NetworkSpec) -> Iterator[Broken]:
    """libvirt: "<address>, <interface>, and <pf> elements of <forward> … are mutually exclusive"."""
    given = [name for name in ("pf", "devices", "interfaces") if getattr(net, name)]
    if len(given) > 1:
        yield (given[0],), "rule", f"`{given[0]}` and `{given[1]}` exclude each other"


def twice(net: NetworkSpec) -> Iterator[Broken]:
    """What libvirt knows entries by."""
    lists: dict[Loc, list[Any]] = {
        ("interfaces",): list(net.interfaces),
        ("routes",): [route.to for route in net.routes],
    }
    if net.dns is not None:
        # libvirt finds a record that states less in one that states more (9.0)
        lists["dns", "srv"] = [(each.service, each.protocol, each.target) for each in net.dns.srv]
        lists["dns", "forwarders"] = [(each.addr, each.domain) for each in net.dns.forwarders]
    for path, keys in lists.items():
        for index, key in enumerate(keys):
            first = keys.index(key)
            different = path == ("dns", "srv") and _domains_differ(net, first, index)
            if first != index and not different:
                yield (*path, index), "rule", f"this is there already: {'.'.join(map(str, path))}[{first}]"


def _domains_differ(net: NetworkSpec, first: int, second: int) -> bool:
    domains = [net.dns.srv[index].domain for index in (first, second)] if net.dns else []
    return None not in domains and len(set(domains)) == 2


def forwarders(net: NetworkSpec) -> Iterator[Broken]:
    for index, each in enumerate(net.dns.forwarders if net.dns else ()):
        if each.addr is None and each.domain is None:
            yield ("dns", "forwarders", index), "required", "a forwarder needs `addr`, `domain`, or both"


def vlans(net: NetworkSpec) -> Iterator[Broken]:
    places: list[tuple[Loc, VlanSpec | None]] = [(("vlan",), net.vlan)]
    places += [(("portgroups", name, "vlan"), group.vlan) for name, group in net.portgroups.items()]
    for path, vlan in places:
        if vlan is None:
            continue
        if (vlan.tag is None) == (not vlan.trunk):
            yield path, "required", "a VLAN has either `tag` or `trunk`"
        elif vlan.native is not None and vlan.native not in vlan.trunk:
            yield (*path, "native"), "rule", f"{vlan.native} is none of the VLANs in `trunk`"


def default_portgroup(net: NetworkSpec) -> Iterator[Broken]:
    defaults = [name for name, group in net.portgroups.items() if group.default]
    for name in defaults[1:]:
        yield ("portgroups", name, "default"), "rule", f"{defaults[0]} is the default portgroup already"


def spans(net: NetworkSpec) -> Iterator[Broken]:
    if net.nat is None:
        return
    ports, addresses = net.nat.ports, net.nat.addresses
    if ports is not None and ports.end < ports.start:
        yield ("nat", "ports", "end"), "rule", f"the range ends before it starts, at {ports.start}"
    if addresses is not None and IPv4Address(addresses.end) < IPv4Address(addresses.start):
        yield ("nat", "addresses", "end"), "rule", f"the range ends before it starts, at {addresses.start}"


def ipv6(net: NetworkSpec) -> Iterator[Broken]:
    if net.ipv6 is None:
        return
    subnet, dhcp = IPv6Network(net.ipv6.subnet), net.ipv6.dhcp
    places: list[tuple[Loc, str | None]] = [(("ipv6", "gateway"), net.ipv6.gateway)]
    if dhcp is not None:
        places += [(("ipv6", "dhcp", "start"), dhcp.start), (("ipv6", "dhcp", "end"), dhcp.end)]
        places += [(("ipv6", "dhcp", "hosts", n, "ip"), host.ip) for n, host in enumerate(dhcp.hosts)]
        if dhcp.start and dhcp.end and IPv6Address(dhcp.end) < IPv6Address(dhcp.start):
            yield ("ipv6", "dhcp", "end"), "rule", f"the range ends before it starts, at {dhcp.start}"
    for path, address in places:
        if address is not None and IPv6Address(address) not in subnet:
            yield path, "rule", f"{address} is outside the subnet {subnet}"


def routes(net: NetworkSpec) -> Iterator[Broken]:
    """libvirt: "unreachable static route gateway". An adopted network may have addresses not stated."""
    subnets: list[IPv4Network | IPv6Network] = []
    if net.subnet is not None:
        subnets.append(IPv4Network(net.subnet))
    if net.ipv6 is not None:
        subnets.append(IPv6Network(net.ipv6.subnet))
    subnets += [ip_interface(address).network for address in net.addresses]
    for index, route in enumerate(net.routes):
        via = ip_address(route.via)
        if (":" in route.to) != (":" in route.via):
            yield ("routes", index, "via"), "rule", f"{via} and {route.to} are not of one family"
        elif net.uuid is None and not any(via in subnet for subnet in subnets):
            yield ("routes", index, "via"), "rule", f"{via} is on no subnet of this network"


RULES = (fields_of_mode, sources, twice, forwarders, vlans, default_portgroup, spans, ipv6, routes)
