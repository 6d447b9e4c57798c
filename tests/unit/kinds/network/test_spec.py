"""What a network may say, and where the error lies when it says something else."""

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.canon import rng
from kvmspec.kinds.network import KIND
from kvmspec.kinds.network.spec import NetworkSpec
from tests.unit.kinds.network.making import RENDERER, manifest

NET: dict[str, Any] = {"subnet": "10.0.0.0/24"}
RANGE = {"start": "10.0.0.100", "end": "10.0.0.199"}
ONE, TWO = {"mac": "52:54:00:00:00:01", "ip": "10.0.0.9"}, {"mac": "52:54:00:00:00:02", "ip": "10.0.0.8"}

SRV = {"service": "ldap", "protocol": "tcp", "target": "dc.shop.lan", "port": 389}
BRIDGE = {"mode": "bridge", "bridge": "br0"}
LIMITS = {"inbound": {"average": "100MB", "peak": "1GB", "burst": "2MiB"}, "outbound": {"average": "50KB"}}

WRONG: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "range before the subnet": ({**NET, "dhcp": {**RANGE, "start": "9.0.0.1"}}, ("dhcp", "start"), "outside"),
    "range behind the subnet": ({**NET, "dhcp": {**RANGE, "end": "10.0.1.9"}}, ("dhcp", "end"), "outside"),
    "range that ends first": (
        {**NET, "dhcp": {**RANGE, "end": "10.0.0.9"}},
        ("dhcp", "end"),
        "before it starts",
    ),
    "half a range": ({**NET, "dhcp": {"start": "10.0.0.9"}}, ("dhcp", "start"), "`end` is required"),
    "range with the gateway": (
        {**NET, "dhcp": {**RANGE, "start": "10.0.0.1"}},
        ("dhcp", "start"),
        "own address",
    ),
    "range with the broadcast": (
        {**NET, "dhcp": {**RANGE, "end": "10.0.0.255"}},
        ("dhcp", "end"),
        "broadcast",
    ),
    "huge range": (
        {"subnet": "10.0.0.0/8", "dhcp": {"start": "10.0.0.2", "end": "10.9.0.0"}},
        ("dhcp", "end"),
        "at most",
    ),
    "lease without range": (
        {**NET, "dhcp": {"hosts": [ONE], "lease": "1h"}},
        ("dhcp", "lease"),
        "needs a range",
    ),
    "short lease": ({**NET, "dhcp": {**RANGE, "lease": "1m"}}, ("dhcp", "lease"), "at least 2 minutes"),
    "dhcp without subnet": ({"mode": "isolated", "dhcp": RANGE}, ("dhcp",), "needs a `subnet`"),
    "gateway without subnet": ({"mode": "isolated", "gateway": "10.0.0.1"}, ("gateway",), "needs a `subnet`"),
    "nat without subnet": ({}, (), "`subnet` is required"),
    "gateway outside": ({**NET, "gateway": "10.1.0.1"}, ("gateway",), "outside the subnet"),
    "gateway is the subnet": ({**NET, "gateway": "10.0.0.0"}, ("gateway",), "itself"),
    "reservation outside": (
        {**NET, "dhcp": {"hosts": [ONE, {**TWO, "ip": "10.9.0.9"}]}},
        ("dhcp", "hosts", 1, "ip"),
        "outside",
    ),
    "reservation of the gateway": (
        {**NET, "dhcp": {"hosts": [{**ONE, "ip": "10.0.0.1"}]}},
        ("dhcp", "hosts", 0, "ip"),
        "own address",
    ),
    "one MAC twice": (
        {**NET, "dhcp": {"hosts": [ONE, {**TWO, "mac": ONE["mac"].upper()}]}},
        ("dhcp", "hosts", 1, "mac"),
        "already",
    ),
    "one address twice": (
        {**NET, "dhcp": {"hosts": [ONE, {**TWO, "ip": ONE["ip"]}]}},
        ("dhcp", "hosts", 1, "ip"),
        "dhcp.hosts[0]",
    ),
    "one name twice": (
        {**NET, "dhcp": {"hosts": [{**ONE, "name": "a"}, {**TWO, "name": "a"}]}},
        ("dhcp", "hosts", 1, "name"),
        "already",
    ),
    "host bits": ({"subnet": "10.0.0.1/24"}, ("subnet",), "host bits"),
    "whole internet": ({"subnet": "0.0.0.0/0"}, ("subnet",), "between /8 and /30"),
    "one address": ({"subnet": "10.0.0.0/31"}, ("subnet",), "between /8 and /30"),
    "IPv6 subnet": ({"subnet": "fd00::/64"}, ("subnet",), "IPv4"),
    "bridge mode without bridge": ({"mode": "bridge"}, (), "`bridge` is required"),
    "bridge mode with subnet": ({"mode": "bridge", "bridge": "br0", **NET}, ("subnet",), "makes no sense"),
    "bridge mode with mtu": ({"mode": "bridge", "bridge": "br0", "mtu": 1500}, ("mtu",), "makes no sense"),
    "bridge of a macvtap": (
        {"mode": "macvtap", "interfaces": ["eno1"], "bridge": "br0"},
        ("bridge",),
        "makes no sense with `mode: macvtap`",
    ),
    "bridge with a long name": ({"mode": "bridge", "bridge": "b" * 16}, ("bridge",), "at most 15"),
    "bridge that climbs": ({"mode": "bridge", "bridge": "../x"}, ("bridge",), "at most 15"),
    "mtu too small": ({**NET, "mtu": 67}, ("mtu",), "greater than or equal to 68"),
    "mtu too large": ({**NET, "mtu": 65522}, ("mtu",), "less than or equal to 65521"),
    "mtu as text": ({**NET, "mtu": "1500"}, ("mtu",), "integer"),
    "domain with a space": ({**NET, "domain": "a b"}, ("domain", "name"), "DNS name"),
    "domain with XML": ({**NET, "domain": "a'/><x"}, ("domain", "name"), "DNS name"),
    "domain with a long label": ({**NET, "domain": "a" * 64}, ("domain", "name"), "DNS name"),
    "no names of an address": (
        {**NET, "dns": {"hosts": {"10.0.0.1": []}}},
        ("dns", "hosts", "10.0.0.1"),
        "at least 1",
    ),
    "wrong name of an address": (
        {**NET, "dns": {"hosts": {"10.0.0.1": ["-"]}}},
        ("dns", "hosts", "10.0.0.1", 0),
        "DNS",
    ),
    "macvtap of nothing": ({"mode": "macvtap"}, (), "`interfaces` is required"),
    "macvtap with a subnet": (
        {**NET, "mode": "macvtap", "interfaces": ["eno1"]},
        ("subnet",),
        "makes no sense with `mode: macvtap`",
    ),
    "interfaces of nat": ({**NET, "interfaces": ["eno1"]}, ("interfaces",), "`macvtap` or `sriov` only"),
    "interface twice": ({"mode": "macvtap", "interfaces": ["a", "a"]}, ("interfaces", 1), "interfaces[0]"),
    "interface with a long name": ({**NET, "dev": "e" * 16}, ("dev",), "at most 15"),
    "interfaces of an adopted network of unknown mode": (
        {"uuid": "11111111-2222-4333-8444-555555555555", "interfaces": ["eno1"]},
        ("interfaces",),
        "`macvtap` or `sriov` only",
    ),
    "dev of open": ({**NET, "mode": "open", "dev": "eno1"}, ("dev",), "`nat` or `route` only"),
    "nat of route": ({**NET, "mode": "route", "nat": {"ipv6": True}}, ("nat",), "mode `nat` only"),
    "nat ports backwards": (
        {**NET, "nat": {"ports": {"start": 9, "end": 8}}},
        ("nat", "ports", "end"),
        "ends before",
    ),
    "nat addresses backwards": (
        {**NET, "nat": {"addresses": {"start": "1.1.1.2", "end": "1.1.1.1"}}},
        ("nat", "addresses", "end"),
        "ends before",
    ),
    "vlan of nat": ({**NET, "vlan": 4}, ("vlan",), "`bridge` or `macvtap` or `sriov` only"),
    "vlan of nothing": ({**BRIDGE, "vlan": {}}, ("vlan",), "either `tag` or `trunk`"),
    "vlan too high": ({**BRIDGE, "vlan": 4095}, ("vlan", "tag"), "4094"),
    "native vlan of another trunk": (
        {**BRIDGE, "vlan": {"trunk": [1, 2], "native": 3}},
        ("vlan", "native"),
        "none of the VLANs",
    ),
    "two default portgroups": (
        {**NET, "portgroups": {"a": {"default": True}, "b": {"default": True}}},
        ("portgroups", "b", "default"),
        "a is the default",
    ),
    "rate without a unit": (
        {**NET, "bandwidth": {"inbound": {"average": 100}}},
        ("bandwidth", "inbound", "average"),
        "needs a unit",
    ),
    "rate of a fraction": (
        {**NET, "bandwidth": {"inbound": {"average": "100B"}}},
        ("bandwidth", "inbound", "average"),
        "whole kilobytes",
    ),
    "bandwidth of macvtap": (
        {"mode": "macvtap", "interfaces": ["a"], "bandwidth": {"inbound": {"average": "1MB"}}},
        ("bandwidth",),
        "only",
    ),
    "text of two lines": ({**NET, "dns": {"txt": {"a": "x\ny"}}}, ("dns", "txt", "a"), "one line"),
    "srv twice": ({**NET, "dns": {"srv": [SRV, {**SRV, "port": 9}]}}, ("dns", "srv", 1), "dns.srv[0]"),
    "srv with a domain and without": (
        {**NET, "dns": {"srv": [SRV, {**SRV, "domain": "x.lan"}]}},
        ("dns", "srv", 1),
        "dns.srv[0]",
    ),
    "srv with an underscore": (
        {**NET, "dns": {"srv": [{**SRV, "service": "_ldap"}]}},
        ("dns", "srv", 0, "service"),
        "without its underscore",
    ),
    "forwarder to nobody": ({**NET, "dns": {"forwarders": [{}]}}, ("dns", "forwarders", 0), "needs `addr`"),
    "forwarder by name": ({**NET, "dns": {"forwarders": ["x.lan"]}}, ("dns", "forwarders", 0, "addr"), "IP"),
    "IPv6 gateway outside": (
        {**NET, "ipv6": {"subnet": "fd00::/64", "gateway": "fd01::1"}},
        ("ipv6", "gateway"),
        "outside",
    ),
    "IPv6 range backwards": (
        {**NET, "ipv6": {"subnet": "fd00::/64", "dhcp": {"start": "fd00::9", "end": "fd00::8"}}},
        ("ipv6", "dhcp", "end"),
        "ends before",
    ),
    "IPv6 of a host bridge": ({**BRIDGE, "ipv6": {"subnet": "fd00::/64"}}, ("ipv6",), "only"),
    "route to nowhere": (
        {**NET, "routes": [{"to": "10.8.0.0/16", "via": "10.9.0.1"}]},
        ("routes", 0, "via"),
        "no subnet",
    ),
    "route of two families": (
        {**NET, "routes": [{"to": "fd01::/64", "via": "10.0.0.2"}]},
        ("routes", 0, "via"),
        "one family",
    ),
    "sriov without a card": ({"mode": "sriov"}, (), "`pf` or `devices` is required"),
    "sriov by two ways": (
        {"mode": "sriov", "pf": "eno1", "devices": ["0000:03:10.1"]},
        ("pf",),
        "`pf` and `devices` exclude each other",
    ),
    "devices of nat": ({**NET, "devices": ["0000:03:10.1"]}, ("devices",), "goes with mode `sriov` only"),
    "stp of a host's bridge": ({**BRIDGE, "stp": False}, ("stp",), "`isolated` only"),
    "reservation for nobody": (
        {**NET, "dhcp": {"hosts": [{"ip": "192.168.150.10"}]}},
        ("dhcp", "hosts", 0),
        "needs `mac`, or the `name`",
    ),
    "IPv6 reservation for nobody": (
        {**NET, "ipv6": {"subnet": "fd00:150::/64", "dhcp": {"hosts": [{"ip": "fd00:150::10"}]}}},
        ("ipv6", "dhcp", "hosts", 0),
        "needs `id`, or the `name`",
    ),
    "IPv6 range without its end": (
        {**NET, "ipv6": {"subnet": "fd00:150::/64", "dhcp": {"start": "fd00:150::10"}}},
        ("ipv6", "dhcp", "start"),
        "`end` is required with `start`",
    ),
    "second range outside": (
        {**NET, "dhcp": {"ranges": [{"start": "10.1.0.1", "end": "10.1.0.2"}]}},
        ("dhcp", "ranges", 0, "start"),
        "is outside the subnet",
    ),
    "second range backwards": (
        {**NET, "dhcp": {"ranges": [{"start": "10.0.0.9", "end": "10.0.0.8"}]}},
        ("dhcp", "ranges", 0, "end"),
        "ends before it starts",
    ),
    "address with host bits of nothing": ({**NET, "addresses": ["10.0.0/8"]}, ("addresses", 0), "its prefix"),
    "option of two lines": (
        {**NET, "dnsmasq_options": ["a\nb"]},
        ("dnsmasq_options", 0),
        "a line of dnsmasq",
    ),
    "broken fragment": ({**NET, "xml": "<network><"}, ("xml",), "not well-formed"),
    "fragment of a VM": ({**NET, "xml": "<domain/>"}, ("xml",), "<network> is needed"),
    "unknown mode": ({"mode": "vpn"}, ("mode",), "'nat'"),
    "uuid": ({**NET, "uuid": "not one"}, ("uuid",), "pattern"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    data, where, words = WRONG[case]
    with pytest.raises(ValidationError) as caught:
        NetworkSpec.model_validate(data)
    errors = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert words in errors.get(where, ""), errors


def test_all_problems_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        NetworkSpec.model_validate({**NET, "gateway": "10.1.0.1", "vlan": 4, "dhcp": {"hosts": [ONE, ONE]}})
    where = {error["loc"] for error in caught.value.errors()}
    assert where == {("gateway",), ("vlan",), ("dhcp", "hosts", 1, "mac"), ("dhcp", "hosts", 1, "ip")}


RIGHT: dict[str, dict[str, Any]] = {
    "smallest": NET,
    "everything": {
        **NET,
        "gateway": "10.0.0.254",
        "dhcp": {**RANGE, "lease": "12h", "hosts": [{**ONE, "name": "a.b"}, TWO]},
        "dns": {"hosts": {"10.0.0.254": ["gw.shop.lan", "gw"], "1.2.3.4": ["x"]}},
        "domain": "shop.lan",
        "mtu": 9000,
        "autostart": False,
    },
    "everything of ports": {
        **NET,
        "dev": "eno1",
        "nat": {"ports": {"start": 2000, "end": 3000}, "addresses": {"start": "1.1.1.1", "end": "1.1.1.2"}},
        "ipv6": {"subnet": "fd00::/64", "dhcp": {"start": "fd00::5", "end": "fd00::9"}},
        "routes": [{"to": "10.8.0.0/16", "via": "10.0.0.2"}, {"to": "fd01::/64", "via": "fd00::2"}],
        "bandwidth": LIMITS,
        "portgroups": {"a": {"default": True, "bandwidth": LIMITS, "vlan": 3}, "b": {}},
        "dns": {
            "txt": {"shop.lan": 'v="spf1" <all>'},
            "srv": [SRV, {**SRV, "target": "b", "domain": "c.lan", "priority": 0, "weight": 5}],
            "forwarders": ["9.9.9.9", {"domain": "corp.lan"}, {"domain": "d.lan", "addr": "fd00::9"}],
        },
    },
    "Open vSwitch": {
        **BRIDGE,
        "vlan": {"trunk": [1, 2], "native": 2},
        "virtualport": {"type": "openvswitch", "profile": "x"},
        "portgroups": {"a": {"vlan": 4, "virtualport": "openvswitch"}},
    },
    "macvtap": {"mode": "macvtap", "interfaces": ["eno1", "eno2"], "macvtap_mode": "vepa"},
    "isolated without address": {"mode": "isolated"},
    "dhcp for what its VMs state": {**NET, "dhcp": {}},
    "route": {**NET, "mode": "route"},
    "open": {**NET, "mode": "open"},
    "host bridge": {"mode": "bridge", "bridge": "br0"},
    "two guests": {"subnet": "10.0.0.0/30"},
    "whole ten": {"subnet": "10.0.0.0/8"},
    "adopted": {"uuid": "11111111-2222-4333-8444-555555555555"},
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_renders_as_libvirts_schema_wants(case: str) -> None:
    spec = NetworkSpec.model_validate(RIGHT[case])
    xml = RENDERER.render(
        "network.xml.j2", name="front", uuid="11111111-2222-4333-8444-555555555555", net=spec
    )
    assert rng.errors(xml) == []


def test_gateway_is_the_first_address() -> None:
    spec = NetworkSpec.model_validate({"subnet": "10.0.0.64/26"})
    assert (spec.first_address, spec.netmask) == ("10.0.0.65", "255.255.255.192")


OVERLAPS: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {
    "the same": ({"a": "10.0.0.0/24", "b": "10.0.0.0/24"}, [("b", "a")]),
    "one in another": ({"a": "10.0.0.0/8", "b": "10.9.0.0/24"}, [("b", "a")]),
    "side by side": ({"a": "10.0.0.0/24", "b": "10.0.1.0/24"}, []),
    "small ones in a large one": (
        {"a": "10.0.0.0/8", "b": "10.1.0.0/24", "c": "10.2.0.0/24"},
        [("b", "a"), ("c", "a")],
    ),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_overlapping_subnets(case: str) -> None:
    subnets, expected = OVERLAPS[case]
    found = list(
        KIND.section.check(manifest(networks={name: {"subnet": text} for name, text in subnets.items()}))
    )
    assert [finding.path for finding in found] == [("networks", name, "subnet") for name, _ in expected]
    assert all(
        f"network {other}, which is on hv1" in each.message
        for each, (_, other) in zip(found, expected, strict=True)
    )
