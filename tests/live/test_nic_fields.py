"""Interfaces of every kind that QEMU has: defined, changed into another and back, and each time there is nothing
left to plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
UUID = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"
PLACES: dict[str, tuple[Fields, Fields]] = {
    "user": ({"user": True}, {"user": {"addresses": ["172.17.2.0/24", "2001:db8::/64"]}}),
    "one address of two": (
        {"user": {"addresses": ["172.17.2.0/24", "2001:db8::/64"]}},
        {"user": {"addresses": ["172.17.3.0/24"]}},
    ),
    "ethernet": (
        {"ethernet": True, "tap": "web-front", "script": "/etc/up", "downscript": "/etc/down"},
        {"ethernet": {"managed": False}, "tap": "web-back"},
    ),
    "ethernet's addresses": (
        {
            "ethernet": {
                "addresses": ["192.0.2.1/24", {"address": "192.0.2.9", "peer": "192.0.2.10"}],
                "routes": [{"to": "198.51.100.0/24", "via": "192.0.2.2", "metric": 3}],
            }
        },
        {"ethernet": {"addresses": ["192.0.2.1/25"]}},
    ),
    "a card of the host's": (
        {"hostdev": "0000:41:10.0", "vlan": 42, "driver": "vfio"},
        {"hostdev": {"pci": "0000:41:10.2", "managed": False}},
    ),
    "vhostuser": (
        {"vhostuser": {"path": "/run/v.sock", "reconnect": 10}, "queues": 2},
        {"vhostuser": {"path": "/run/w.sock", "mode": "server"}},
    ),
    "vdpa": ({"vdpa": "/dev/vhost-vdpa-0"}, {"vdpa": "/dev/vhost-vdpa-1", "queues": 2}),
    "multicast": (
        {"multicast": {"address": "230.0.0.1", "port": 5558}},
        {"multicast": {"address": "230.0.0.2", "port": 5559}},
    ),
    "server and client": (
        {"server": {"address": "127.0.0.1", "port": 5558}},
        {"client": {"address": "127.0.0.1", "port": 5558}},
    ),
    "a server at any address": ({"server": {"address": "127.0.0.1", "port": 5558}}, {"server": 5558}),
    "udp": (
        {
            "udp": {
                "address": "127.0.0.1",
                "port": 5558,
                "local": {"address": "127.0.0.1", "port": 5559},
            }
        },
        {"user": True},
    ),
    "internal": ({"internal": "lab"}, {"unplugged": True}),
    "a distributed switch": (
        {"vds": {"switch": UUID, "port": 6, "portgroup": "pg", "connection": 1}},
        {"network": "front"},
    ),
    "macvtap": (
        {"macvtap": {"dev": "eno2", "mode": "bridge"}, "trust_guest_rx_filters": True},
        {"user": True},
    ),
}
OPTIONS: dict[str, tuple[Fields, Fields]] = {
    "a driver": (
        {
            "queues": 2,
            "driver": {
                "name": "vhost",
                "txmode": "iothread",
                "ioeventfd": True,
                "event_idx": False,
                "rx_queue_size": 1024,
                "rss": True,
                "rss_hash_report": True,
            },
        },
        {"driver": {"name": "qemu", "event_idx": True}},
    ),
    "offloads": (
        {"driver": {"host": {"gso": False, "csum": False, "mrg_rxbuf": False}, "guest": {"tso4": False}}},
        {"driver": {"host": {"gso": True}, "guest": {"ufo": False}}},
    ),
    "virtio's options": ({"virtio": {"packed": True, "page_per_vq": True}}, {"virtio": {"packed": False}}),
    "a tap's devices": (
        {"backend": {"tap": "/dev/net/tun", "vhost": "/dev/vhost-net"}, "send_buffer": 1600},
        {"backend": {"tap": "/dev/null"}, "send_buffer": 0},
    ),
    "a rom": ({"rom": {"bar": True, "file": "/srv/nic.rom"}}, {"rom": False}),
    "a rom's file": ({"rom": "/srv/nic.rom"}, {"rom": {"enabled": True}}),
    "a team": ({"teaming": "persistent"}, {}),
    "a guest's name": ({"guest_dev": "eth0"}, {"guest_dev": "eth1"}),
    "openvswitch": (
        {"virtualport": {"type": "openvswitch", "profile": "web"}},
        {"virtualport": {"type": "openvswitch", "interface_id": UUID}},
    ),
    "a tagged native vlan": (
        {"vlan": {"trunk": [10, 20], "native": 10, "native_mode": "tagged"}, "virtualport": "openvswitch"},
        {"vlan": {"trunk": [10, 20], "native": 10}, "virtualport": "openvswitch"},
    ),
    "cards": ({"model": "e1000"}, {"model": "virtio-non-transitional"}),
}
ON_BRIDGE = {
    name: ({"bridge": "br0", **first}, {"bridge": "br0", **second})
    for name, (first, second) in OPTIONS.items()
}
ALL = PLACES | ON_BRIDGE


def with_one(nic: Fields) -> Fields:
    """A VM with this interface; with one on a network of libvirt's where it is not stated."""
    return idle_vm(state="stopped", networks=[{"name": "lan", **(nic or {"network": "front"})}])


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, ALL, vm=with_one)


def test_a_change_is_told_by_the_field_it_is_of(scene: Scene) -> None:
    """libvirt's <source> is the same element for all of them."""
    scene.settle(scene.manifest({"web": with_one({"vdpa": "/dev/vhost-vdpa-0"})}))
    plan = scene.plan(scene.manifest({"web": with_one({"vdpa": "/dev/vhost-vdpa-1"})}), expect=2)
    assert "networks.lan.vdpa" in plan
    assert "macvtap" not in plan
