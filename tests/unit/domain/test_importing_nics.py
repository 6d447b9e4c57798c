"""Interfaces of every kind: libvirt's XML → the manifest, which renders to the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.test_importing import domain, imported, pci

MAC = "52:54:00:00:00:01"
UUID = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"
VIRTIO = "<model type='virtio'/>"


def nic(kind: str, inside: str = "", more: str = "") -> str:
    at = "" if kind == "hostdev" else pci(2)
    return domain(f"<interface type='{kind}'{more}><mac address='{MAC}'/>{inside}{VIRTIO}{at}</interface>")


def on_bridge(inside: str, more: str = "") -> str:
    return nic("bridge", f"<source bridge='br0'/>{inside}", more)


PLACES: dict[str, tuple[str, dict[str, Any]]] = {
    "user": (nic("user"), {"user": True}),
    "user's network": (
        nic(
            "user",
            "<ip address='172.17.2.0' family='ipv4' prefix='24'/><ip address='2001:db8::' family='ipv6' prefix='64'/>",
        ),
        {"user": {"addresses": ["172.17.2.0/24", "2001:db8::/64"]}},
    ),
    "passt": (
        nic(
            "user",
            "<backend type='passt' logFile='/var/log/passt.log'/><source dev='eno1'/>"
            "<portForward proto='tcp'><range start='2022' to='22'/></portForward>"
            "<portForward proto='udp' address='192.0.2.1' dev='eno1'><range start='8000' end='8010'/>"
            "<range start='8005' exclude='yes'/></portForward>",
        ),
        {
            "user": {
                "backend": "passt",
                "dev": "eno1",
                "log": "/var/log/passt.log",
                "forwards": [
                    {"ports": [{"start": 2022, "to": 22}]},
                    {
                        "protocol": "udp",
                        "address": "192.0.2.1",
                        "dev": "eno1",
                        "ports": [{"start": 8000, "end": 8010}, {"start": 8005, "exclude": True}],
                    },
                ],
            }
        },
    ),
    "ethernet": (
        nic("ethernet", "<script path='/etc/up'/><downscript path='/etc/down'/><target dev='web-front'/>"),
        {"ethernet": True, "script": "/etc/up", "downscript": "/etc/down", "tap": "web-front"},
    ),
    "ethernet with addresses": (
        nic(
            "ethernet",
            "<source><ip address='192.0.2.1' family='ipv4' prefix='32' peer='192.0.2.2'/>"
            "<route family='ipv4' address='198.51.100.0' prefix='24' gateway='192.0.2.2' metric='3'/></source>"
            "<target dev='web-front' managed='no'/>",
        ),
        {
            "ethernet": {
                "managed": False,
                "addresses": [{"address": "192.0.2.1/32", "peer": "192.0.2.2"}],
                "routes": [{"to": "198.51.100.0/24", "via": "192.0.2.2", "metric": 3}],
            },
            "tap": "web-front",
        },
    ),
    "a card of the host's": (
        nic(
            "hostdev",
            "<driver name='vfio'/><source><address type='pci' domain='0x0000' bus='0x41' slot='0x10' "
            "function='0x0'/></source><vlan><tag id='42'/></vlan>",
            " managed='yes'",
        ),
        {"hostdev": "0000:41:10.0", "driver": "vfio", "vlan": 42},
    ),
    "vhostuser": (
        nic(
            "vhostuser",
            "<source type='unix' path='/run/v.sock' mode='client'><reconnect enabled='yes' timeout='10'/></source>",
        ),
        {"vhostuser": {"path": "/run/v.sock", "reconnect": 10}},
    ),
    "vhostuser as a server": (
        nic(
            "vhostuser",
            "<source type='unix' path='/run/v.sock' mode='server'><reconnect enabled='no'/></source>",
        ),
        {"vhostuser": {"path": "/run/v.sock", "mode": "server", "reconnect": 0}},
    ),
    "vdpa": (nic("vdpa", "<source dev='/dev/vhost-vdpa-0'/>"), {"vdpa": "/dev/vhost-vdpa-0"}),
    "multicast": (
        nic("mcast", "<source address='230.0.0.1' port='5558'/>"),
        {"multicast": {"address": "230.0.0.1", "port": 5558}},
    ),
    "a server": (nic("server", "<source port='5558'/>"), {"server": 5558}),
    "a client": (
        nic("client", "<source address='192.0.2.1' port='5558'/>"),
        {"client": {"address": "192.0.2.1", "port": 5558}},
    ),
    "udp": (
        nic(
            "udp", "<source address='192.0.2.1' port='5558'><local address='192.0.2.2' port='5559'/></source>"
        ),
        {"udp": {"address": "192.0.2.1", "port": 5558, "local": {"address": "192.0.2.2", "port": 5559}}},
    ),
    "internal": (nic("internal", "<source name='lab'/>"), {"internal": "lab"}),
    "a distributed switch": (
        nic("vds", f"<source switchid='{UUID}' portid='6' portgroupid='pg' connectionid='1'/>"),
        {"vds": {"switch": UUID, "port": 6, "portgroup": "pg", "connection": 1}},
    ),
    "nothing": (nic("null"), {"unplugged": True}),
    "macvtap": (
        nic("direct", "<source dev='eno2' mode='bridge'/>", " trustGuestRxFilters='yes'"),
        {"macvtap": {"dev": "eno2", "mode": "bridge"}, "trust_guest_rx_filters": True},
    ),
}
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a driver": (
        "<driver name='vhost' txmode='iothread' ioeventfd='off' event_idx='on' queues='4' rx_queue_size='1024' "
        "tx_queue_size='512' rss='on' rss_hash_report='off' iommu='on' ats='on' packed='off' page_per_vq='on'>"
        "<host csum='off' gso='on' mrg_rxbuf='off'/><guest tso4='off' ufo='on'/></driver>",
        {
            "queues": 4,
            "driver": {
                "name": "vhost",
                "txmode": "iothread",
                "ioeventfd": False,
                "event_idx": True,
                "rx_queue_size": 1024,
                "tx_queue_size": 512,
                "rss": True,
                "rss_hash_report": False,
                "host": {"csum": False, "gso": True, "mrg_rxbuf": False},
                "guest": {"tso4": False, "ufo": True},
            },
            "virtio": {"iommu": True, "ats": True, "packed": False, "page_per_vq": True},
        },
    ),
    "a driver's name": ("<driver name='qemu'/>", {"driver": "qemu"}),
    "devices for the tap": (
        "<backend tap='/dev/net/tun' vhost='/dev/vhost-net'/><tune><sndbuf>0</sndbuf></tune>",
        {"backend": {"tap": "/dev/net/tun", "vhost": "/dev/vhost-net"}, "send_buffer": 0},
    ),
    "no rom": ("<rom enabled='no'/>", {"rom": False}),
    "a rom": ("<rom bar='off' file='/srv/nic.rom'/>", {"rom": {"bar": False, "file": "/srv/nic.rom"}}),
    "a rom's file": ("<rom file='/srv/nic.rom'/>", {"rom": "/srv/nic.rom"}),
    "a team": ("<teaming type='persistent'/>", {"teaming": "persistent"}),
    "part of a team": (
        "<teaming type='transient' persistent='ua-a'/>",
        {"teaming": {"type": "transient", "persistent": "ua-a"}},
    ),
    "a guest's name": ("<guest dev='eth0'/>", {"guest_dev": "eth0"}),
    "openvswitch": (
        f"<virtualport type='openvswitch'><parameters interfaceid='{UUID}' profileid='web'/></virtualport>",
        {"virtualport": {"type": "openvswitch", "profile": "web", "interface_id": UUID}},
    ),
    "802.1Qbg": (
        "<virtualport type='802.1Qbg'><parameters managerid='11' typeid='1193047' typeidversion='2' "
        f"instanceid='{UUID}'/></virtualport>",
        {
            "virtualport": {
                "type": "802.1Qbg",
                "manager_id": 11,
                "type_id": 1193047,
                "type_version": 2,
                "instance_id": UUID,
            }
        },
    ),
    "a port of any switch": (
        "<virtualport><parameters profileid='web'/></virtualport>",
        {"virtualport": {"profile": "web"}},
    ),
    "a tagged native vlan": (
        "<vlan trunk='yes'><tag id='10' nativeMode='tagged'/><tag id='20'/></vlan>",
        {"vlan": {"trunk": [10, 20], "native": 10, "native_mode": "tagged"}},
    ),
    "a place in the boot order": (
        "<boot order='1' loadparm='2'/>",
        {"boot_order": 1, "loadparm": "2"},
    ),
}
CASES = PLACES | {
    name: (on_bridge(inside), {"bridge": "br0"} | wanted) for name, (inside, wanted) in OPTIONS.items()
}


@pytest.mark.parametrize("case", CASES)
def test_an_interface_is_stated_and_nothing_is_left(case: str, tmp_path: Path) -> None:
    xml, wanted = CASES[case]
    entry = imported(xml.replace("<boot dev='hd'/>", "") if "<boot order" in xml else xml, tmp_path)
    assert "xml" not in entry
    assert entry["networks"] == [{"mac": MAC, "model": "virtio"} | wanted]


def test_a_kind_nobody_knows_is_left_over(tmp_path: Path) -> None:
    entry = imported(nic("wireless"), tmp_path)
    assert 'type="wireless"' in entry["xml"]
