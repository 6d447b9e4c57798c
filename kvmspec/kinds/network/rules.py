"""What the fields of a network have to do with each other. Limits are libvirt's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from kvmspec.kinds import broken
from kvmspec.kinds.broken import Broken, Loc
from kvmspec.kinds.network import link_rules

if TYPE_CHECKING:
    from kvmspec.kinds.network.spec import NetworkSpec

_MAX_RANGE = 65535  # "range … is too large (> 65535)"
_ROUTED = ("nat", "route", "open")  # refused without an address: "nat forwarding requested, but no IP …"
_OF_THE_HOST = {
    "bridge": "the host's bridge",
    "macvtap": "the host's network",
    "sriov": "the host's network",
}
_NOT_THERE = ("subnet", "gateway", "dhcp", "dns", "domain", "mtu")


def enforce(net: NetworkSpec) -> None:
    """Raise all broken rules at once, each at its own field."""
    broken.enforce("network", [each for rule in RULES for each in rule(net)])


def _of_the_host(net: NetworkSpec) -> Iterator[Broken]:
    if net.mode in ("macvtap", "sriov") and net.bridge is not None:
        yield ("bridge",), "rule", f"`bridge` makes no sense with `mode: {net.mode}`: there is none"
    if net.mode == "bridge" and net.bridge is None:
        yield (), "required", "`bridge` is required with `mode: bridge`: the name of a bridge of the host"
    for field in _NOT_THERE if net.mode in _OF_THE_HOST else ():
        if getattr(net, field) is not None:
            owner = _OF_THE_HOST[net.mode]
            yield (field,), "rule", f"`{field}` makes no sense with `mode: {net.mode}`: {owner} has its own"


def _subnet(net: NetworkSpec) -> Iterator[Broken]:
    if net.subnet is not None or net.mode in _OF_THE_HOST:
        return
    if net.mode in _ROUTED and net.uuid is None and not net.addresses:
        yield (), "required", f"`subnet` is required with `mode: {net.mode}`"
    for field in ("gateway", "dhcp"):
        if getattr(net, field) is not None:
            yield (field,), "required", f"`{field}` needs a `subnet`"


def _range(net: NetworkSpec) -> Iterator[Broken]:
    for path, dhcp in ((("dhcp",), net.dhcp), (("ipv6", "dhcp"), net.ipv6.dhcp if net.ipv6 else None)):
        if dhcp is None:
            continue
        if dhcp.start is None and dhcp.end is None:
            if dhcp.lease is not None:
                yield (*path, "lease"), "required", "`lease` needs a range: `start` and `end`"
        elif dhcp.start is None or dhcp.end is None:
            given, other = ("end", "start") if dhcp.start is None else ("start", "end")
            yield (*path, given), "required", f"`{other}` is required with `{given}`"
    for place, first, last in _ranges(net):
        count = int(IPv4Address(last)) - int(IPv4Address(first)) + 1
        if count < 1:
            yield place, "rule", f"the range ends before it starts, at {first}"
        elif count > _MAX_RANGE and not any(_inside(net)):
            yield place, "rule", f"a range has at most {_MAX_RANGE} addresses, this one {count}"


def _ranges(net: NetworkSpec) -> Iterator[tuple[Loc, str, str]]:
    """(place of its end, start, end) of every range of IPv4 addresses."""
    if net.dhcp is None:
        return
    if net.dhcp.start is not None and net.dhcp.end is not None:
        yield ("dhcp", "end"), net.dhcp.start, net.dhcp.end
    for index, each in enumerate(net.dhcp.ranges):
        yield ("dhcp", "ranges", index, "end"), each.start, each.end


def _reservations(net: NetworkSpec) -> Iterator[Broken]:
    for index, host in enumerate(net.dhcp.hosts if net.dhcp else ()):
        if host.mac is None and host.name is None:
            yield (
                ("dhcp", "hosts", index),
                "required",
                "a reservation needs `mac`, or the `name` of its guest",
            )
    for index, six in enumerate(net.ipv6.dhcp.hosts if net.ipv6 and net.ipv6.dhcp else ()):
        if six.id is None and six.name is None:
            place = ("ipv6", "dhcp", "hosts", index)
            yield place, "required", "a reservation needs `id`, or the `name` of its guest"
    for what in ("mac", "ip", "name"):
        first: dict[str, int] = {}
        for index, host in enumerate(net.dhcp.hosts if net.dhcp else ()):
            value = getattr(host, what)
            if value is None:
                continue
            if value in first:
                yield (
                    ("dhcp", "hosts", index, what),
                    "rule",
                    f"{value} is reserved already, by dhcp.hosts[{first[value]}]",
                )
            first.setdefault(value, index)


def _addresses(net: NetworkSpec) -> Iterator[tuple[Loc, str]]:
    found: list[tuple[Loc, str | None]] = [(("gateway",), net.gateway)]
    if net.dhcp is not None:
        found += [(("dhcp", "start"), net.dhcp.start), (("dhcp", "end"), net.dhcp.end)]
        for index, each in enumerate(net.dhcp.ranges):
            at = ("dhcp", "ranges", index)
            found += [((*at, "start"), each.start), ((*at, "end"), each.end)]
        found += [(("dhcp", "hosts", index, "ip"), host.ip) for index, host in enumerate(net.dhcp.hosts)]
    for loc, address in found:
        if address is not None:
            yield loc, address


def _inside(net: NetworkSpec) -> Iterator[Broken]:
    if net.subnet is None or net.mode in _OF_THE_HOST:
        return
    subnet = IPv4Network(net.subnet)
    for loc, address in _addresses(net):
        if IPv4Address(address) not in subnet:
            yield loc, "rule", f"{address} is outside the subnet {subnet}"
        elif IPv4Address(address) == subnet.network_address:
            yield loc, "rule", f"{address} is the address of the subnet {subnet} itself"
        elif IPv4Address(address) == subnet.broadcast_address:
            yield loc, "rule", f"{address} is the broadcast address of the subnet {subnet}"


def _gateway_is_taken(net: NetworkSpec) -> Iterator[Broken]:
    own, dhcp = net.first_address, net.dhcp
    if own is None or dhcp is None:
        return
    for index, host in enumerate(dhcp.hosts):
        if host.ip == own:
            yield ("dhcp", "hosts", index, "ip"), "rule", f"{own} is the host's own address on this network"
    if any(_inside(net)):
        return  # said already
    if dhcp.start and dhcp.end and IPv4Address(dhcp.start) <= IPv4Address(own) <= IPv4Address(dhcp.end):
        yield ("dhcp", "start"), "rule", f"the range holds {own}, the host's own address on this network"


RULES: tuple[Callable[[NetworkSpec], Iterator[Broken]], ...] = (
    _of_the_host,
    _subnet,
    _range,
    _reservations,
    _inside,
    _gateway_is_taken,
    *link_rules.RULES,
)
