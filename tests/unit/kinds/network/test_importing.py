"""libvirt's XML of a network → its entry in a manifest, which renders to the same network again."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.canon import rng
from kvmspec.canon.fragment import leftover
from kvmspec.kinds.network import KIND
from kvmspec.kinds.network.importing import import_network, plain
from tests.unit.kinds.network.making import RENDERER, context, manifest

UUID = "6f1d5c0e-8a53-4c6e-9b1c-0d8e2f4a7b10"
MAC = "52:54:00:51:4d:35"
OWN = f"<bridge name='virbr0' stp='on' delay='0'/><mac address='{MAC}'/>"
IP = "<ip address='192.168.122.1' netmask='255.255.255.0'>{}</ip>"
HEAD = {"bridge": "virbr0", "mac": MAC}


def network(inside: str, attributes: str = "") -> str:
    return f"<network{attributes}><name>front</name><uuid>{UUID}</uuid>{inside}</network>"


def again(entry: dict[str, Any]) -> str:
    """What the entry renders to."""
    about = context(manifest(networks={"front": json.loads(json.dumps(entry).replace("$$", "$"))}))
    (desired,) = about.desired.values()
    return KIND.render(desired, about)


def imported(xml: str) -> dict[str, Any]:
    """The entry, after the proof that nothing is lost."""
    name, entry = import_network(xml, RENDERER)
    assert name == "front"
    assert entry["uuid"] == UUID
    rendered = again(entry)
    assert leftover(ET.tostring(plain(ET.fromstring(xml)), encoding="unicode"), rendered) == ""
    assert import_network(rendered, RENDERER).entry == entry
    assert rng.errors(rendered) == []
    return {key: value for key, value in entry.items() if key != "uuid"}


NAT = f"<forward mode='nat'/>{OWN}"
ISOLATED = {"mode": "isolated"}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "isolated, without an address": (network(OWN), ISOLATED | HEAD),
    "nat": (network(NAT + IP.format("")), HEAD | {"subnet": "192.168.122.0/24"}),
    "a TFTP server alone": (
        network(NAT + IP.format("<tftp root='/srv/tftp'/>")),
        HEAD | {"subnet": "192.168.122.0/24", "dhcp": {"tftp": "/srv/tftp"}},
    ),
    "a server without a word to say": (
        network(NAT + "<dns/>" + IP.format("")),
        HEAD | {"subnet": "192.168.122.0/24"},
    ),
    "ports and addresses of nat": (
        network(
            "<forward mode='nat'><nat ipv6='yes'><address start='203.0.113.1' end='203.0.113.2'/>"
            f"<port start='500' end='1000'/></nat></forward>{OWN}" + IP.format("")
        ),
        HEAD
        | {
            "subnet": "192.168.122.0/24",
            "nat": {
                "ports": {"start": 500, "end": 1000},
                "addresses": {"start": "203.0.113.1", "end": "203.0.113.2"},
                "ipv6": True,
            },
        },
    ),
    "the ports that libvirt takes anyway": (
        network(
            f"<forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>{OWN}" + IP.format("")
        ),
        HEAD | {"subnet": "192.168.122.0/24"},
    ),
    "routed, by one interface": (
        network(f"<forward dev='eth1' mode='route'><interface dev='eth1'/></forward>{OWN}" + IP.format("")),
        HEAD | {"mode": "route", "dev": "eth1", "subnet": "192.168.122.0/24"},
    ),
    "another address than the first": (
        network(NAT + "<ip address='10.0.0.254' netmask='255.255.255.0' localPtr='yes'/>"),
        HEAD | {"subnet": "10.0.0.0/24", "gateway": "10.0.0.254", "local_ptr": True},
    ),
    "as Terraform writes it": (
        network(
            NAT
            + "<ip family='ipv4' address='10.17.3.1' prefix='24'><dhcp><range start='10.17.3.2' end='10.17.3.254'/>"
            "</dhcp></ip>"
        ),
        HEAD
        | {"subnet": "10.17.3.0/24", "mask": "prefix", "dhcp": {"start": "10.17.3.2", "end": "10.17.3.254"}},
    ),
    "DHCP in full": (
        network(
            NAT
            + IP.format(
                "<tftp root='/srv/tftp'/><dhcp><range start='192.168.122.9' end='192.168.122.19'>"
                "<lease expiry='12' unit='hours'/></range><range start='192.168.122.29' end='192.168.122.39'/>"
                f"<host mac='{MAC}' name='a' ip='192.168.122.3'><lease expiry='0'/></host>"
                "<host name='b' ip='192.168.122.4'/><bootp file='a.0'/></dhcp>"
            )
        ),
        HEAD
        | {
            "subnet": "192.168.122.0/24",
            "dhcp": {
                "start": "192.168.122.9",
                "end": "192.168.122.19",
                "lease": "12h",
                "ranges": [{"start": "192.168.122.29", "end": "192.168.122.39"}],
                "hosts": [
                    {"mac": MAC, "ip": "192.168.122.3", "name": "a", "lease": "infinite"},
                    {"ip": "192.168.122.4", "name": "b"},
                ],
                "bootp": "a.0",
                "tftp": "/srv/tftp",
            },
        },
    ),
    "IPv6 with DHCP": (
        network(
            OWN
            + "<ip family='ipv6' address='fd00::1' prefix='64'><dhcp><range start='fd00::9' end='fd00::19'/>"
            "<host id='0:3:0:1:0:16:3e:11:22:33' name='a' ip='fd00::3'/></dhcp></ip>"
        ),
        ISOLATED
        | HEAD
        | {
            "ipv6": {
                "subnet": "fd00::/64",
                "dhcp": {
                    "start": "fd00::9",
                    "end": "fd00::19",
                    "hosts": [{"id": "0:3:0:1:0:16:3e:11:22:33", "name": "a", "ip": "fd00::3"}],
                },
            }
        },
    ),
    "further addresses": (
        network(
            NAT
            + IP.format("")
            + "<ip family='ipv4' address='10.1.0.1' prefix='24'/><ip family='ipv6' address='fd00::1' prefix='64'/>"
            "<ip family='ipv4' address='10.2.0.1' netmask='255.255.0.0'/>"
        ),
        HEAD
        | {
            "subnet": "192.168.122.0/24",
            "addresses": ["10.1.0.1/24", "fd00::1/64", "10.2.0.1/255.255.0.0"],
        },
    ),
    "names": (
        network(
            NAT + "<domain name='shop.lan' localOnly='yes'/><dns enable='yes' forwardPlainNames='no'>"
            "<forwarder domain='corp.lan' addr='10.1.1.1'/><forwarder addr='9.9.9.9'/>"
            "<txt name='a' value='b $c'/><srv service='ldap' protocol='tcp' target='dc' port='389' weight='3'/>"
            "<host ip='fd00::5'><hostname>x</hostname><hostname>y</hostname></host></dns>" + IP.format("")
        ),
        HEAD
        | {
            "domain": {"name": "shop.lan", "local_only": True},
            "subnet": "192.168.122.0/24",
            "dns": {
                "enabled": True,
                "forward_plain_names": False,
                "hosts": {"fd00::5": ["x", "y"]},
                "txt": {"a": "b $$c"},
                "srv": [{"service": "ldap", "protocol": "tcp", "target": "dc", "port": 389, "weight": 3}],
                "forwarders": [{"domain": "corp.lan", "addr": "10.1.1.1"}, "9.9.9.9"],
            },
        },
    ),
    "no DNS": (
        network(NAT + "<dns enable='no'/>" + IP.format("")),
        HEAD | {"subnet": "192.168.122.0/24", "dns": {"enabled": False}},
    ),
    "options of dnsmasq": (
        network(
            NAT + IP.format("") + "<d:options><d:option value='a=1'/><d:option value='b'/></d:options>",
            " xmlns:d='http://libvirt.org/schemas/network/dnsmasq/1.0'",
        ),
        HEAD | {"subnet": "192.168.122.0/24", "dnsmasq_options": ["a=1", "b"]},
    ),
    "routes": (
        network(
            NAT
            + IP.format("")
            + "<route address='10.0.0.0' netmask='255.0.0.0' gateway='192.168.122.2' metric='3'/>"
            "<route address='11.0.0.0' prefix='8' gateway='192.168.122.2'/>"
        ),
        HEAD
        | {
            "subnet": "192.168.122.0/24",
            "routes": [
                {"to": "10.0.0.0/255.0.0.0", "via": "192.168.122.2", "metric": 3},
                {"to": "11.0.0.0/8", "via": "192.168.122.2"},
            ],
        },
    ),
    "its bridge": (
        network(
            "<bridge name='b' zone='trusted' stp='off' delay='2' macTableManager='libvirt'/><mtu size='1400'/>"
            f"<mac address='{MAC}'/><port isolated='yes'/>",
            " ipv6='yes'",
        ),
        ISOLATED
        | {
            "bridge": "b",
            "zone": "trusted",
            "stp": False,
            "delay": "2s",
            "mac_table": "libvirt",
            "mtu": 1400,
            "mac": MAC,
            "isolated_ports": True,
            "guest_ipv6": True,
        },
    ),
    "bandwidth": (
        network(
            NAT
            + "<bandwidth><inbound average='4000' peak='8000' burst='1024'/><outbound average='1'/></bandwidth>"
            + IP.format("")
        ),
        HEAD
        | {
            "subnet": "192.168.122.0/24",
            "bandwidth": {
                "inbound": {"average": "4MB", "peak": "8MB", "burst": "1MiB"},
                "outbound": {"average": "1KB"},
            },
        },
    ),
    "Open vSwitch": (
        network(
            "<forward mode='bridge'/><bridge name='ovs0'/><virtualport type='openvswitch'/>"
            "<portgroup name='a' default='yes' trustGuestRxFilters='yes'><virtualport type='openvswitch'>"
            "<parameters profileid='p'/></virtualport></portgroup><portgroup name='b'>"
            "<vlan trunk='yes'><tag id='1' nativeMode='untagged'/><tag id='2'/></vlan></portgroup>"
            "<vlan><tag id='42'/></vlan>"
        ),
        {
            "mode": "bridge",
            "bridge": "ovs0",
            "virtualport": "openvswitch",
            "vlan": 42,
            "portgroups": {
                "a": {
                    "default": True,
                    "trust_guest_rx_filters": True,
                    "virtualport": {"type": "openvswitch", "profile": "p"},
                },
                "b": {"vlan": {"trunk": [1, 2], "native": 1}},
            },
        },
    ),
    "macvtaps": (
        network(
            "<forward mode='vepa' dev='a'><interface dev='a' connections='2'/><interface dev='b'/></forward>"
        ),
        {"mode": "macvtap", "macvtap_mode": "vepa", "interfaces": ["a", "b"]},
    ),
    "macvtaps in bridge mode": (
        network("<forward mode='bridge'><interface dev='a'/></forward>"),
        {"mode": "macvtap", "interfaces": ["a"]},
    ),
    "macvtaps of virtual functions": (
        network("<forward mode='passthrough'><pf dev='a'/></forward>"),
        {"mode": "macvtap", "macvtap_mode": "passthrough", "pf": "a"},
    ),
    "SR-IOV": (
        network(
            "<forward mode='hostdev' managed='yes'><driver name='vfio'/><address type='pci' domain='0x0000' bus='0x03' "
            "slot='0x10' function='0x1'/><address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x3'/>"
            "</forward><vlan><tag id='4'/></vlan>"
        ),
        {
            "mode": "sriov",
            "managed": True,
            "driver": "vfio",
            "devices": ["0000:03:10.1", "0000:03:10.3"],
            "vlan": 4,
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_imported_in_the_manifests_own_words(case: str) -> None:
    xml, wanted = CASES[case]
    assert imported(xml) == wanted


LEFT: dict[str, tuple[str, tuple[str, ...]]] = {
    "metadata of others": (
        network("<metadata><a:x xmlns:a='urn:a'>y</a:x></metadata>" + OWN),
        ("<a:x>y</a:x>",),
    ),
    "DHCP of a further address": (
        network(
            NAT + IP.format("") + "<ip family='ipv4' address='10.1.0.1' prefix='24'><dhcp>"
            "<range start='10.1.0.2' end='10.1.0.9'/></dhcp></ip>"
        ),
        ("10.1.0.2",),
    ),
    "a lease of one minute": (
        network(
            NAT
            + IP.format(
                "<dhcp><range start='192.168.122.2' end='192.168.122.9'>"
                "<lease expiry='1' unit='minutes'/></range></dhcp>"
            )
        ),
        ("lease", "expiry"),
    ),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_no_field_says_is_left_over(case: str) -> None:
    xml, words = LEFT[case]
    fragment = imported(xml)["xml"]
    assert all(word in fragment for word in words), fragment


@pytest.mark.parametrize(
    "xml", ["<domain><name>a</name></domain>", "<network/>", "<network><name/></network>"]
)
def test_no_network(xml: str) -> None:
    with pytest.raises(ValueError, match="not the XML of a libvirt network"):
        import_network(xml, RENDERER)


FLAGS = st.fixed_dictionaries(
    {},
    optional={
        "stp": st.booleans(),
        "guest_ipv6": st.booleans(),
        "isolated_ports": st.booleans(),
        "trust_guest_rx_filters": st.booleans(),
        "mtu": st.integers(68, 9000),
        "delay": st.integers(0, 30).map(lambda number: f"{number}s"),
        "domain": st.sampled_from(["shop.lan", {"name": "x", "local_only": True}]),
        "dhcp": st.fixed_dictionaries(
            {},
            optional={
                "lease": st.sampled_from(["2m", "120s", "12h", "infinite"]),
                "bootp": st.sampled_from(["a.0", {"file": "b", "server": "10.0.0.5"}]),
                "hosts": st.just([{"mac": MAC, "ip": "10.0.0.9", "lease": "3h"}]),
            },
        ).map(lambda dhcp: {"start": "10.0.0.100", "end": "10.0.0.150"} | dhcp),
        "routes": st.just([{"to": "10.80.0.0/16", "via": "10.0.0.2"}]),
        "addresses": st.lists(
            st.sampled_from(["10.1.0.1/24", "fd00::1/64", "10.2.0.1/255.255.0.0"]), unique=True
        ),
    },
)


@given(FLAGS)
def test_what_is_rendered_is_imported_without_a_fragment(fields: dict[str, Any]) -> None:
    assert "xml" not in imported(again({"uuid": UUID, "subnet": "10.0.0.0/24"} | fields))
