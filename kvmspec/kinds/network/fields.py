"""What can be said of a network: the field table, and the facts of one network by that table.

A *fact* is the smallest thing that changes as one: a field, or one entry of a map (one
reservation). Its address is (field, key); the key is empty for a plain field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kvmspec.core.impact import Impact
from kvmspec.kinds.network import show
from kvmspec.kinds.network.show import DNSMASQ

Path = tuple[str, ...]
Fact = tuple[str, str]
Facts = dict[Fact, Any]
Data = dict[str, Any]


class Field(NamedTuple):
    """One row.

    path     in the manifest; `{}` stands for the key of a map
    at       canonical path; `ip` and `ip6` are the network's own elements, `*` the key of a map
    impact   of a change while the network runs; stopped it is none
    section  virNetworkUpdate's, where that can do it: sent to the definition and to the running
             network one by one
    reason   shown with a restart; of a live row, what else is to be known
    show     the value as a user writes it
    whole    the value is all of the element, as canonical data
    modify   virNetworkUpdate can modify an entry; else it is deleted and added
    norm     of a whole element: what libvirt adds or takes for granted, away; {} says nothing
    plain    the value is an attribute's text
    default  of a plain one: what libvirt takes for granted
    kept     compared only where it is stated: what libvirt drew stays
    unproved what tests would need to see it work; empty where they do
    """

    path: str
    at: Path
    impact: Impact = Impact.RESTART
    section: str = ""
    reason: str = "set when the network starts"
    show: Callable[[Any], Any] = lambda value: value
    whole: bool = False
    modify: bool = False
    norm: Callable[[Data], Data] = lambda data: data
    plain: bool = False
    default: str = ""
    kept: bool = False
    unproved: str = ""

    @property
    def keyed(self) -> bool:
        return self.at[-1:] == ("*",)

    @property
    def call(self) -> str:
        """What changes it while the network runs."""
        return f"virNetworkUpdate, {self.section}" if self.section else ""


def _range(value: tuple[str, str]) -> str:
    return f"{value[0]} to {value[1]}"


def _reservation(value: tuple[str, str, int | None, str | None]) -> str:
    lease = None if value[2] is None else show.duration(value[2])
    return " ".join(filter(None, (value[0], value[1], lease)))


def _names(value: tuple[str, ...]) -> str:
    return ", ".join(value)


def _yes(value: str) -> bool:
    return value in ("yes", "on")


_ADDRESSES = "addresses are set when the network starts"
_FORWARDING = "forwarding is set when the network starts"
_NO_CALL = "virNetworkUpdate has no section for it"
_BRIDGE = "its bridge is made when it starts"
_GUESTS = "read when a guest on it starts"
_PORTS = "ports get it when they are made"
_SERVER = "the DNS server starts anew"
_SERVER_STARTS = "read when the network's server starts"
_VF = "a network card with virtual functions"
_SFQ = "a kernel with the queue `sfq`"
_OVS = "Open vSwitch"

FIELDS: Mapping[str, Field] = {
    "mode": Field("mode", ("forward", "@mode"), reason=_FORWARDING),
    "macvtap_mode": Field("macvtap_mode", ("forward", "@mode"), reason=_FORWARDING),
    "bridge": Field("bridge", ("bridge", "@name")),
    "mac": Field("mac", ("mac", "@address"), reason=_BRIDGE, plain=True, kept=True),
    "stp": Field("stp", ("bridge", "@stp"), reason=_BRIDGE, show=_yes, plain=True, default="on"),
    "delay": Field("delay", ("bridge", "@delay"), reason=_BRIDGE, show=lambda value: f"{value}s",
                   plain=True, default="0"),
    "zone": Field("zone", ("bridge", "@zone"), reason=_BRIDGE, plain=True, unproved="firewalld"),
    "mac_table": Field("mac_table", ("bridge", "@macTableManager"), reason=_BRIDGE, plain=True,
                       default="kernel", unproved="a kernel with VLANs in bridges"),
    "isolated_ports": Field("isolated_ports", ("port", "@isolated"), reason=_GUESTS, show=_yes, plain=True,
                            default="no"),
    "trust_guest_rx_filters": Field("trust_guest_rx_filters", ("@trustGuestRxFilters",), reason=_GUESTS,
                                    show=_yes, plain=True, default="no"),
    "guest_ipv6": Field("guest_ipv6", ("@ipv6",), reason=_FORWARDING, show=_yes, plain=True, default="no"),
    "local_only": Field("domain.local_only", ("domain", "@localOnly"), reason=_SERVER_STARTS, show=_yes,
                        plain=True, default="no"),
    "dns_enabled": Field("dns.enabled", ("dns", "@enable"), reason=_SERVER_STARTS, show=_yes, plain=True,
                         default="yes"),
    "plain_names": Field("dns.forward_plain_names", ("dns", "@forwardPlainNames"), reason=_SERVER_STARTS,
                         show=_yes, plain=True, default="yes"),
    "local_ptr": Field("local_ptr", ("ip", "@localPtr"), reason=_SERVER_STARTS, show=_yes, plain=True,
                       default="no"),
    "local_ptr6": Field("ipv6.local_ptr", ("ip6", "@localPtr"), reason=_SERVER_STARTS, show=_yes, plain=True,
                        default="no"),
    "tftp": Field("dhcp.tftp", ("ip", "tftp", "@root"), reason=_SERVER_STARTS, plain=True),
    "bootp": Field("dhcp.bootp", ("ip", "dhcp", "bootp"), reason=_SERVER_STARTS, show=show.bootp, whole=True),
    "options": Field("dnsmasq_options", (f"{DNSMASQ}options",), reason=_SERVER_STARTS, show=show.options,
                     whole=True),
    "managed": Field("managed", ("forward", "@managed"), reason=_GUESTS, show=_yes, plain=True, default="no",
                     unproved=_VF),
    "driver": Field("driver", ("forward", "driver", "@name"), reason=_GUESTS, plain=True, unproved=_VF),
    "pf": Field("pf", ("forward", "pf", "@dev"), reason=_GUESTS, plain=True, unproved=_VF),
    "device": Field("devices[{}]", ("forward", "address", "*"), reason=_GUESTS, show=lambda _: "set",
                    whole=True, norm=show.without_connections, unproved=_VF),
    "address": Field("addresses[{}]", ("ip",), reason=_ADDRESSES,
                     show=lambda value: "without a prefix" if value < 0 else f"/{value}"),
    "mtu": Field("mtu", ("mtu", "@size"),
                 reason="set when the network starts; guests learn it at their next boot"),
    "domain": Field("domain", ("domain", "@name"), reason="the DNS server reads it when the network starts"),
    "subnet": Field("subnet", ("ip", "@netmask"), reason=_ADDRESSES),
    "gateway": Field("gateway", ("ip", "@address"), reason=_ADDRESSES),
    "ipv6": Field("ipv6.subnet", ("ip", "@prefix"), reason=_ADDRESSES),
    "gateway6": Field("ipv6.gateway", ("ip", "@address"), reason=_ADDRESSES),
    "range": Field("dhcp.range", ("ip", "dhcp", "range", "*"), Impact.LIVE, "ip-dhcp-range",
                   "the DHCP server starts anew; leases stay", _range),
    "lease": Field("dhcp.lease", ("ip", "dhcp", "range", "*", "lease"), Impact.LIVE, "ip-dhcp-range",
                   "guests take it up when they renew", show.duration),
    "reservation": Field("dhcp.hosts[{}]", ("ip", "dhcp", "host", "*"), Impact.LIVE, "ip-dhcp-host",
                         "a guest takes it up when it renews its lease", _reservation),
    "further_range": Field("dhcp.ranges[{}]", ("ip", "dhcp", "range", "*"), Impact.LIVE, "ip-dhcp-range",
                           "the DHCP server starts anew; leases stay", lambda _: "set", whole=True,
                           norm=show.plain_lease),
    "reservation6": Field("ipv6.dhcp.hosts[{}]", ("ip6", "dhcp", "host", "*"), Impact.LIVE, "ip-dhcp-host",
                          "a guest takes it up when it renews its lease", lambda data: data.get("@ip"),
                          whole=True, norm=show.plain_lease),
    "lease6": Field("ipv6.dhcp.lease", ("ip6", "dhcp", "range", "*", "lease"), Impact.LIVE, "ip-dhcp-range",
                    "guests take it up when they renew", show.duration),
    "range6": Field("ipv6.dhcp", ("ip", "dhcp", "range", "*"), Impact.LIVE, "ip-dhcp-range",
                    "the DHCP server starts anew; leases stay", _range),
    "dns": Field("dns.hosts[{}]", ("dns", "host", "*"), Impact.LIVE, "dns-host", "", _names),
    "txt": Field("dns.txt[{}]", ("dns", "txt", "*"), Impact.LIVE, "dns-txt", _SERVER, show.txt, whole=True),
    "srv": Field("dns.srv[{}]", ("dns", "srv", "*"), Impact.LIVE, "dns-srv", _SERVER, show.srv, whole=True,
                 norm=show.plain_srv),
    "forwarder": Field("dns.forwarders[{}]", ("dns", "forwarder", "*"), show=show.forwarder, whole=True,
                       reason="the DNS server learns whom to ask when the network starts"),
    "dev": Field("dev", ("forward", "interface"), Impact.LIVE, "forward-interface",
                 "firewall rules are made anew"),
    "interface": Field("interfaces[{}]", ("forward", "interface", "*"), Impact.LIVE, "forward-interface",
                       "guests that run keep theirs until they boot", lambda _: "set", whole=True,
                       norm=show.without_connections),
    "portgroup": Field("portgroups[{}]", ("portgroup", "*"), Impact.LIVE, "portgroup",
                       "an interface gets it when it is attached, or its guest boots", show.portgroup,
                       whole=True, modify=True, norm=show.plain_portgroup),
    "nat_ports": Field("nat.ports", ("forward", "nat", "port"), reason=_FORWARDING, show=show.span,
                       whole=True, norm=show.other_ports),
    "nat_addresses": Field("nat.addresses", ("forward", "nat", "address"), reason=_FORWARDING,
                           show=show.span, whole=True),
    "nat_ipv6": Field("nat.ipv6", ("forward", "nat", "@ipv6"), reason=_FORWARDING, show=_yes, plain=True,
                      default="no"),
    "route": Field("routes[{}]", ("route", "*"), reason="routes are set when the network starts",
                   show=show.route, whole=True, norm=show.plain_route),
    "inbound": Field("bandwidth.inbound", ("bandwidth", "inbound"), show=show.traffic, whole=True,
                     reason=_NO_CALL, unproved=_SFQ),
    "outbound": Field("bandwidth.outbound", ("bandwidth", "outbound"), show=show.traffic, whole=True,
                      reason=_NO_CALL, unproved=_SFQ),
    "vlan": Field("vlan", ("vlan",), reason=_PORTS, show=show.vlan, whole=True, unproved=_OVS),
    "virtualport": Field("virtualport", ("virtualport",), reason=_PORTS, show=show.virtualport, whole=True,
                         unproved=_OVS),
    "metadata": Field("xml:metadata", ("metadata",), Impact.NONE, reason="written into the definition",
                      show=lambda _: "set"),
    "other": Field("xml:{}", (), reason="not in the manifest, and not known to change while running",
                   show=lambda value: "set"),
}  # fmt: skip
"""The rows; the last one is everything else."""
