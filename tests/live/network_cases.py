"""What a network's fields are changed from and to, for test_network_rows.py."""

from __future__ import annotations

from typing import Any, NamedTuple

NET: dict[str, Any] = {"subnet": "10.71.0.0/24", "domain": "shop.lan"}
RANGE = {"start": "10.71.0.100", "end": "10.71.0.150"}
SIX = {"subnet": "fd00:71::/64"}
RANGE6 = {"start": "fd00:71::100", "end": "fd00:71::1ff"}
HOST_A = {"mac": "52:54:00:71:00:09", "ip": "10.71.0.9", "name": "a"}
HOST_SIX = {"name": "six", "ip": "fd00:71::9"}
SRV = {"service": "ldap", "protocol": "tcp", "domain": "shop.lan", "target": "dc.shop.lan", "port": 389}
LIMITS = {"inbound": {"average": "10MB", "peak": "20MB", "burst": "2MiB"}}
LAN = {"mode": "bridge", "bridge": "br9"}
MACVTAP = {"mode": "macvtap", "interfaces": ["d0", "d1"]}
FRAGMENT = """<network><ip family='ipv4' address='10.72.0.1'><dhcp>
<range start='10.72.0.9' end='10.72.0.19'/></dhcp></ip></network>"""


class Case(NamedTuple):
    """row: its name in the table; text: what only the XML after has."""

    row: str
    before: dict[str, Any]
    after: dict[str, Any]
    text: str


def records(**of: Any) -> dict[str, Any]:
    return {**NET, "dns": of}


LIVE = {
    "range": Case(
        "range", {**NET, "dhcp": RANGE}, {**NET, "dhcp": {**RANGE, "end": "10.71.0.160"}}, "0.160'"
    ),
    "range beside IPv6": Case(
        "range",
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}, "dhcp": {"hosts": [HOST_A]}},
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}, "dhcp": {**RANGE, "hosts": [HOST_A]}},
        "<range start='10.71.0.100'",
    ),
    "lease": Case(
        "lease", {**NET, "dhcp": RANGE}, {**NET, "dhcp": {**RANGE, "lease": "2h"}}, "expiry='2' unit='hours'"
    ),
    "reservation beside IPv6": Case(
        "reservation",
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}, "dhcp": {}},
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}, "dhcp": {"hosts": [HOST_A]}},
        "<host mac='52:54:00:71:00:09' name='a' ip='10.71.0.9'/>",
    ),
    "IPv6 range": Case(
        "range6",
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}},
        {**NET, "ipv6": {**SIX, "dhcp": {**RANGE6, "end": "fd00:71::2ff"}}},
        "end='fd00:71::2ff'",
    ),
    "IPv6 range of its own": Case(
        "range6",
        {**NET, "ipv6": SIX, "dhcp": RANGE},
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}, "dhcp": RANGE},
        "<range start='fd00:71::100'",
    ),
    "a second range": Case(
        "further_range",
        {**NET, "dhcp": RANGE},
        {**NET, "dhcp": {**RANGE, "ranges": [{"start": "10.71.0.200", "end": "10.71.0.210", "lease": "3h"}]}},
        "<range start='10.71.0.200' end='10.71.0.210'>",
    ),
    "IPv6 lease": Case(
        "lease6",
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}},
        {**NET, "ipv6": {**SIX, "dhcp": {**RANGE6, "lease": "3h"}}},
        "expiry='3' unit='hours'",
    ),
    "IPv6 reservations": Case(
        "reservation6",
        {**NET, "ipv6": {**SIX, "dhcp": RANGE6}, "dhcp": RANGE},
        {
            **NET,
            "ipv6": {**SIX, "dhcp": {**RANGE6, "hosts": [{**HOST_SIX, "id": "0:3:0:1:2:3:4:5:6:7"}]}},
            "dhcp": RANGE,
        },
        "<host id='0:3:0:1:2:3:4:5:6:7' name='six' ip='fd00:71::9'/>",
    ),
    "another IPv6 reservation": Case(
        "reservation6",
        {**NET, "ipv6": {**SIX, "dhcp": {"hosts": [HOST_SIX]}}},
        {**NET, "ipv6": {**SIX, "dhcp": {"hosts": [{**HOST_SIX, "ip": "fd00:71::a"}]}}},
        "<host name='six' ip='fd00:71::a'/>",
    ),
    "lease of a reservation": Case(
        "reservation",
        {**NET, "dhcp": {"hosts": [HOST_A]}},
        {**NET, "dhcp": {"hosts": [{**HOST_A, "lease": "infinite"}]}},
        "<lease expiry='0'",
    ),
    "names": Case(
        "dns", NET, records(hosts={"10.71.0.1": ["gw.shop.lan"]}), "<hostname>gw.shop.lan</hostname>"
    ),
    "text": Case(
        "txt", NET, records(txt={"shop.lan": "v=spf1 'x' -all"}), "value='v=spf1 &apos;x&apos; -all'"
    ),
    "another text": Case(
        "txt", records(txt={"shop.lan": "old", "a": "b"}), records(txt={"shop.lan": "new"}), "value='new'"
    ),
    "service": Case("srv", NET, records(srv=[SRV]), "target='dc.shop.lan' port='389'/>"),
    "another port of a service": Case(
        "srv",
        records(srv=[SRV]),
        records(srv=[{**SRV, "port": 636, "priority": 5}]),
        "port='636' priority='5'",
    ),
    "services of two domains": Case(
        "srv", records(srv=[SRV]), records(srv=[{**SRV, "domain": "x.lan"}, SRV]), "domain='x.lan'"
    ),
    "way out": Case("dev", NET, {**NET, "dev": "d0"}, "<interface dev='d0'/>"),
    "another way out": Case("dev", {**NET, "dev": "d0"}, {**NET, "dev": "d1"}, "<interface dev='d1'/>"),
    "portgroup": Case("portgroup", NET, {**NET, "portgroups": {"web": {}}}, "<portgroup name='web'>"),
    "limits of a portgroup": Case(
        "portgroup",
        {**NET, "portgroups": {"web": {"default": True}, "db": {}}},
        {**NET, "portgroups": {"web": {"bandwidth": LIMITS}, "db": {"default": True}}},
        "<inbound average='10000' peak='20000' burst='2048'/>",
    ),
    "default portgroup replaced": Case(
        "portgroup",
        {**NET, "portgroups": {"web": {"default": True}}},
        {**NET, "portgroups": {"db": {"default": True}}},
        "<portgroup name='db' default='yes'>",
    ),
}
RESTART = {
    "forwarders": Case(
        "forwarder",
        records(forwarders=["9.9.9.9"]),
        records(forwarders=[{"domain": "x.lan"}]),
        "domain='x.lan'",
    ),
    "IPv6": Case("ipv6", NET, {**NET, "ipv6": {**SIX, "dhcp": RANGE6}}, "address='fd00:71::1' prefix='64'"),
    "IPv6 subnet": Case(
        "ipv6", {**NET, "ipv6": SIX}, {**NET, "ipv6": {"subnet": "fd00:72::/56"}}, "'fd00:72::1' prefix='56'"
    ),
    "IPv6 gateway": Case(
        "gateway6", {**NET, "ipv6": SIX}, {**NET, "ipv6": {**SIX, "gateway": "fd00:71::9"}}, "'fd00:71::9'"
    ),
    "NAT ports": Case(
        "nat_ports", NET, {**NET, "nat": {"ports": {"start": 2000, "end": 3000}}}, "start='2000'"
    ),
    "NAT addresses": Case(
        "nat_addresses",
        {**NET, "nat": {"ports": {"start": 2000, "end": 3000}}},
        {**NET, "nat": {"addresses": {"start": "10.1.1.1", "end": "10.1.1.2"}}},
        "<address start='10.1.1.1' end='10.1.1.2'/>",
    ),
    "NAT of IPv6": Case(
        "nat_ipv6", {**NET, "ipv6": SIX}, {**NET, "ipv6": SIX, "nat": {"ipv6": True}}, "<nat ipv6='yes'"
    ),
    "MAC": Case(
        "mac",
        {**NET, "mac": "52:54:00:71:00:01"},
        {**NET, "mac": "52:54:00:71:00:02"},
        "<mac address='52:54:00:71:00:02'/>",
    ),
    "spanning tree": Case("stp", NET, {**NET, "stp": False}, "stp='off'"),
    "delay": Case("delay", NET, {**NET, "delay": "2s"}, "delay='2'"),
    "isolated ports": Case("isolated_ports", NET, {**NET, "isolated_ports": True}, "<port isolated='yes'/>"),
    "filters of guests": Case(
        "trust_guest_rx_filters", NET, {**NET, "trust_guest_rx_filters": True}, "trustGuestRxFilters='yes'"
    ),
    "IPv6 between guests": Case("guest_ipv6", NET, {**NET, "guest_ipv6": True}, " ipv6='yes'"),
    "no server for the domain": Case(
        "local_only", NET, {**NET, "domain": {"name": "shop.lan", "local_only": True}}, "localOnly='yes'"
    ),
    "no DNS": Case("dns_enabled", NET, records(enabled=False), "<dns enable='no'"),
    "plain names": Case("plain_names", NET, records(forward_plain_names=False), "forwardPlainNames='no'"),
    "local PTR": Case("local_ptr", NET, {**NET, "local_ptr": True}, "localPtr='yes'"),
    "local PTR of IPv6": Case(
        "local_ptr6", {**NET, "ipv6": SIX}, {**NET, "ipv6": {**SIX, "local_ptr": True}}, "localPtr='yes'"
    ),
    "TFTP": Case(
        "tftp", {**NET, "dhcp": RANGE}, {**NET, "dhcp": {**RANGE, "tftp": "/srv"}}, "<tftp root='/srv'/>"
    ),
    "network boot": Case(
        "bootp",
        {**NET, "dhcp": RANGE},
        {**NET, "dhcp": {**RANGE, "bootp": {"file": "a.0", "server": "10.71.0.2"}}},
        "<bootp file='a.0' server='10.71.0.2'/>",
    ),
    "options of dnsmasq": Case(
        "options",
        {**NET, "dnsmasq_options": ["no-ping"]},
        {**NET, "dnsmasq_options": ["no-ping", "dhcp-option=42,10.71.0.1"]},
        "<dnsmasq:option value='dhcp-option=42,10.71.0.1'/>",
    ),
    "further addresses": Case(
        "address",
        NET,
        {**NET, "addresses": ["10.72.0.1/255.255.255.0", "fd00:72::1/64"]},
        "address='10.72.0.1' netmask='255.255.255.0'>",
    ),
    "prefix of a further address": Case(
        "address",
        {**NET, "addresses": ["10.72.0.1/24"]},
        {**NET, "addresses": ["10.72.0.1/25"]},
        "address='10.72.0.1' prefix='25'>",
    ),
    "what no field says": Case(
        "other",
        NET,
        {**NET, "addresses": ["10.72.0.1/24"], "xml": FRAGMENT},
        "<range start='10.72.0.9' end='10.72.0.19'/>",
    ),
    "route": Case(
        "route",
        NET,
        {**NET, "routes": [{"to": "10.80.0.0/16", "via": "10.71.0.2", "metric": 3}]},
        "<route address='10.80.0.0' prefix='16' gateway='10.71.0.2' metric='3'/>",
    ),
}
