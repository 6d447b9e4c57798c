"""Fields that the tables of their own kind do not have: what they are first, and what then."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]
UUID = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"
ROOM = {"size": "32MiB", "max": "64MiB", "slots": 4, "ceiling": "2GiB"}
FILE = {"name": "a", "path": "/srv/a.qcow2"}
TWO_CELLS = [{"cpus": "0-1", "memory": "32MiB"}, {"cpus": "2-3", "memory": "32MiB"}]
CACHES = [{"level": 1, "size": "10KiB", "line": "8B", "associativity": "direct", "policy": "writeback"}]


def devices(**fields: Any) -> Fields:
    return {"devices": fields}


def disk(**fields: Any) -> Fields:
    return {"disks": [FILE | fields]}


def source(**fields: Any) -> Fields:
    return {"disks": [{"name": "a", "source": fields}]}


def nic(**fields: Any) -> Fields:
    return {"networks": [{"name": "lan", "bridge": "br0"} | fields]}


def cpus(**fields: Any) -> Fields:
    return {"cpus": {"count": 2, "max": 4} | fields}


def memory(**fields: Any) -> Fields:
    return {"memory": {"size": "32MiB", "max": "64MiB"} | fields}


# --- disks
AUTH = {"username": "u", "secret": UUID}
LUKS = {"secret": UUID, "format": "luks"}
DISKS: dict[str, tuple[Fields, Fields]] = {
    "a disk's limits": (
        disk(
            bandwidth={"read": "1MB", "read_max": "2MB", "read_max_length": "3s", "write": "1MB"},
            iops={"read": 100, "read_max": 200, "read_max_length": "3s", "write": 100},
        ),
        disk(
            bandwidth={"write": "1MB", "write_max": "3MB", "write_max_length": "4s"},
            iops={"write": 100, "write_max": 300, "write_max_length": "4s", "operation_size": "64KiB"},
        ),
    ),
    "all of its limits": (
        disk(
            bandwidth={"total": "1MB", "total_max": "2MB", "total_max_length": "3s"},
            iops={"total": 100, "total_max": 200, "total_max_length": "3s"},
        ),
        disk(bandwidth={"total": "1MB"}, iops={"total": 100}),
    ),
    "a disk's driver": (
        disk(cache="none", io="native", discard="unmap", detect_zeroes="unmap"),
        disk(cache="writeback", io="threads", discard="ignore", detect_zeroes="off"),
    ),
    "a disk's thread": (disk(iothread=1) | {"iothreads": 2}, disk(iothread=2) | {"iothreads": 2}),
    "a disk's order": (disk(boot_order=1), disk(boot_order=2)),
    "a target": (disk(target="vdc"), disk(target="vdd")),
    "a shared disk": (disk(shareable=True, format="raw"), disk(shareable=False, format="raw")),
    "a stick": (disk(bus="usb", removable=True), disk(bus="usb", removable=False)),
    "a rate": (disk(bus="scsi", rotation_rate=7200), disk(bus="scsi", rotation_rate=1)),
    "a kind of secret": (
        disk(auth=AUTH | {"type": "ceph"}, encryption=LUKS),
        disk(auth=AUTH | {"type": "iscsi"}, encryption=LUKS),
    ),
    "a socket of vhost-user": (
        source(vhostuser="/run/a.sock", reconnect="10s") | memory(source="memfd", access="shared"),
        source(vhostuser="/run/b.sock", reconnect=False) | memory(source="memfd", access="shared"),
    ),
    "cookies": (
        source(protocol="http", name="a", hosts=["web"], cookies={"session": "one"}),
        source(protocol="http", name="a", hosts=["web"], cookies={"session": "two"}),
    ),
}

# --- interfaces
RATE = {"average": "1MB", "peak": "2MB", "burst": "1MiB"}
VEPA = {"manager_id": 11, "type_id": 1193047, "type_version": 2}
OFFLOADS = {"csum": False, "tso4": False, "tso6": False, "ecn": False, "ufo": False}
NICS: dict[str, tuple[Fields, Fields]] = {
    "a limit of an interface": (
        nic(bandwidth={"inbound": RATE, "outbound": RATE}),
        nic(bandwidth={"outbound": {"average": "3MB"}}),
    ),
    "a promise to an interface": (
        nic(network="front", bridge=None, bandwidth={"inbound": RATE | {"floor": "500KB"}}),
        nic(network="front", bridge=None, bandwidth={"inbound": RATE | {"floor": "600KB"}}),
    ),
    "gathered packets": (nic(coalesce={"rx_frames": 5}), nic(coalesce={"rx_frames": 7})),
    "a filter": (
        nic(filter={"name": "clean-traffic", "parameters": {"IP": ["192.0.2.1", "192.0.2.2"]}}),
        nic(filter="clean-traffic"),
    ),
    "a link": (nic(link="down", mtu=1400, isolated=True), nic(link="up", mtu=9000, isolated=False)),
    "an interface's order": (nic(boot_order=1), nic(boot_order=2)),
    "all offloads": (
        nic(driver={"host": OFFLOADS, "guest": OFFLOADS}),
        nic(driver={"guest": {"ecn": True}, "host": {"ufo": True}}),
    ),
    "a port group": (
        nic(network="front", bridge=None, portgroup="fast"),
        nic(network="front", bridge=None, portgroup="slow"),
    ),
    "a queue of vhost-user": (
        nic(bridge=None, vhostuser={"path": "/run/v.sock"}, driver={"tx_queue_size": 1024}),
        nic(bridge=None, vhostuser={"path": "/run/v.sock"}, driver={"tx_queue_size": 512}),
    ),
    "a team of two": (
        {
            "networks": [
                {"name": "lan", "bridge": "br0", "teaming": "persistent", "alias": "ua-stays"},
                {"name": "vf", "hostdev": "0000:41:10.0", "teaming": {"type": "transient", "persistent": "ua-stays"}},
            ]
        },
        {"networks": [{"name": "lan", "bridge": "br0", "teaming": "persistent", "alias": "ua-stays"}]},
    ),
    "a team with a device": (
        nic(teaming="persistent", alias="ua-stays") | devices(hostdevs=[{"pci": "0000:41:00.0", "teaming": "ua-stays"}]),
        nic(teaming="persistent", alias="ua-stays") | devices(hostdevs=[{"pci": "0000:41:00.0"}]),
    ),
    "a switch of 802.1Qbg": (
        nic(bridge=None, macvtap={"dev": "eno2", "mode": "vepa"}, virtualport={"type": "802.1Qbg", "instance_id": UUID} | VEPA),
        nic(bridge=None, macvtap={"dev": "eno2", "mode": "vepa"}, virtualport={"type": "802.1Qbg", "instance_id": UUID} | VEPA | {"type_id": 7}),
    ),
}  # fmt: skip

# --- the machine
MACHINE: dict[str, tuple[Fields, Fields]] = {
    "a kernel": (
        {"boot": {"kernel": "/srv/vmlinuz", "initrd": "/srv/initrd", "cmdline": "quiet", "dtb": "/srv/board.dtb"}},
        {"boot": {"kernel": "/srv/other", "cmdline": "debug"}},
    ),
    "a timer": ({"clock": {"timers": {"rtc": {"present": True}}}}, {"clock": {"timers": {"rtc": {"present": False}}}}),
    "words": ({"title": "A", "description": "of a web"}, {"title": "B"}),
    "a controller's virtio": (
        {"controllers": [{"type": "scsi", "model": "virtio-scsi", "ats": True, "page_per_vq": True}]},
        {"controllers": [{"type": "scsi", "model": "virtio-scsi", "ats": False}]},
    ),
    "an expander of a node": (
        {"cpus": {"count": 4, "max": 4}, "numa": TWO_CELLS, "machine": "q35", "controllers": [{"type": "pci", "model": "pcie-expander-bus", "index": 20, "node": 1}]},
        {"cpus": {"count": 4, "max": 4}, "numa": TWO_CELLS, "machine": "q35", "controllers": [{"type": "pci", "model": "pcie-expander-bus", "index": 20, "node": 0}]},
    ),
    "shares": (cpus(shares=512, emulator_pin="0", pin={0: "0"}), cpus(shares=300, emulator_pin="0-1")),
    "periods": (
        cpus(period=100000, quota=50000, emulator_period=100000, emulator_quota=50000),
        cpus(global_period=100000, global_quota=150000, iothread_period=100000, iothread_quota=50000),
    ),
    "a topology": (
        {"cpus": {"count": 4, "max": 4, "topology": {"sockets": 1, "dies": 1, "cores": 2, "threads": 2}}},
        {"cpus": {"count": 4, "max": 4, "topology": {"sockets": 2, "cores": 2, "threads": 1}}},
    ),
    "features of a CPU": (
        {"cpus": {"count": 1, "model": "Nehalem", "features": {"pcid": "require"}}},
        {"cpus": {"count": 1, "model": "Nehalem", "features": {"pcid": "disable", "vmx": "forbid"}}},
    ),
    "memory's limits": (
        memory(tuning={"hard_limit": "1GiB", "soft_limit": "512MiB", "swap_hard_limit": "2GiB"}, locked=True),
        memory(tuning={"hard_limit": "2GiB"}, locked=True),
    ),
    "a balloon's figures": (memory(stats_period="10s"), memory(stats_period="5s")),
    "the ring": ({"features": {"kvm": {"dirty_ring": 4096}}}, {"features": {"kvm": {"dirty_ring": 1024}}}),
    "a read-only image": (
        {"firmware": {"type": "bios", "loader": "/usr/share/seabios/bios.bin", "readonly": True}},
        {"firmware": {"type": "bios", "loader": "/usr/share/seabios/bios.bin", "readonly": False}},
    ),
    "a latency of a cache": (
        {"cpus": {"count": 4, "max": 4}, "numa": {"cells": [TWO_CELLS[0] | {"caches": CACHES}, TWO_CELLS[1]], "latencies": [{"initiator": 0, "target": 0, "cache": 1, "value": 5}]}},
        {"cpus": {"count": 4, "max": 4}, "numa": {"cells": [TWO_CELLS[0] | {"caches": CACHES}, TWO_CELLS[1]], "bandwidths": [{"initiator": 0, "target": 0, "cache": 1, "type": "read", "value": "200MiB"}]}},
    ),
    "a base of labels": (
        {"seclabels": [{"model": "selinux", "type": "dynamic", "baselabel": "a:b:c:s0"}]},
        {"seclabels": [{"model": "selinux", "type": "dynamic", "baselabel": "a:b:d:s0"}]},
    ),
    "a thread's pool": (
        {"iothreads": [{"thread_pool_min": 2, "thread_pool_max": 8, "scheduler": {"scheduler": "fifo", "priority": 2}}]},
        {"iothreads": [{"thread_pool_max": 4}]},
    ),
    "displays": (
        {"graphics": [{"type": "vnc", "autoport": True}, {"type": "spice", "password": "secret", "password_valid_to": "2031-01-31T12:00:00"}]},
        {"graphics": [{"type": "vnc", "autoport": True}, {"type": "spice", "port": 5951}]},
    ),
}  # fmt: skip

# --- further devices
EVENT = {"type": "passthrough", "source": "/dev/input/event3"}
SMALL: dict[str, tuple[Fields, Fields]] = {
    "sound's policy": (
        devices(audio=[{"type": "oss", "id": 1, "dsp_policy": 3}], sound={"model": "ich9", "audio": 1}),
        devices(audio=[{"type": "oss", "id": 2, "dsp_policy": 4}], sound={"model": "ich9", "audio": 2}),
    ),
    "sound's streams": (
        devices(audio=[{"type": "jack", "input": {"connect_ports": "system:.*", "server_name": "a"}}]),
        devices(audio=[{"type": "pulseaudio", "input": {"stream_name": "mic", "latency": 100, "buffer_length": 50}}]),
    ),
    "a usb device's place": (
        devices(hostdevs=[{"usb": {"id": "1d6b:0002", "bus": 1, "device": 3}}]),
        devices(hostdevs=[{"usb": {"bus": 1, "device": 3}}]),
    ),
    "a scsi device's filter": (
        devices(hostdevs=[{"scsi": "2:0:0:1", "sgio": "filtered"}]),
        devices(hostdevs=[{"scsi": "2:0:0:1"}]),
    ),
    "a smartcard's slot": (
        devices(smartcard="host"),
        devices(smartcard={"mode": "host", "address": {"ccid": "0:0"}}),
    ),
    "an input's card": (
        devices(inputs=[EVENT]),
        devices(inputs=[EVENT | {"model": "virtio"}]),
    ),
    "a parallel port's number": (
        devices(parallels=[{"type": "dev", "path": "/dev/parport0", "number": 1}]),
        devices(parallels=[{"type": "dev", "path": "/dev/parport0"}]),
    ),
    "a filter of redirected devices": (
        devices(redirfilter=[{"allow": True, "class": "0x08", "vendor": "0x15e1", "product": "0x2007", "version": "1.10"}]),
        devices(redirfilter=[{"allow": False, "vendor": "0x15e1"}]),
    ),
    "a generator's rate": (
        devices(rng=[{"source": "builtin", "rate": {"bytes": "1KiB", "period": 2000}, "model": "virtio-transitional"}]),
        devices(rng=[{"source": "builtin", "rate": {"bytes": "1KiB"}, "model": "virtio-non-transitional"}]),
    ),
    "bell": (
        devices(shmem=[{"name": "b", "model": "ivshmem-doorbell", "path": "/tmp/b", "ioeventfd": True, "vectors": 2}]),
        devices(shmem=[{"name": "b", "model": "ivshmem-doorbell", "path": "/tmp/b", "ioeventfd": False, "vectors": 2}]),
    ),
    "what is left in memory": (
        {"memory": ROOM | {"devices": [{"model": "virtio-mem", "size": "256MiB", "block_size": "2MiB", "discard": True}]}},
        {"memory": ROOM | {"devices": [{"model": "virtio-mem", "size": "256MiB", "block_size": "2MiB", "discard": False}]}},
    ),
    "a card drawn by another process": (
        {"graphics": ["vnc"]} | devices(video={"model": "virtio", "backend": "vhostuser", "rendernode": "/dev/dri/renderD128"}),
        {"graphics": ["vnc"]} | devices(video={"model": "virtio", "backend": "qemu"}),
    ),
    "a console's target": (devices(consoles=[{"type": "pty", "target": "virtio"}]), devices(consoles=["null"])),
    "a channel's target": (devices(channels=[{"name": "a", "target": "virtio"}]), devices(channels=["a"])),
    "a clipboard": (
        devices(channels=[{"name": "com.redhat.spice.0", "type": "qemu-vdagent", "clipboard": True}]),
        devices(channels=[{"name": "com.redhat.spice.0", "type": "qemu-vdagent", "mouse": "client", "clipboard": False}]),
    ),
}  # fmt: skip
