"""Serial and parallel ports, consoles and channels: defined, changed and taken away again, and each time there is
nothing left to plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
FILE = {"type": "file", "path": "/tmp/kvmspec-a.log"}
TCP = {"type": "tcp", "host": "127.0.0.1", "port": 4555}


def devices(**fields: Any) -> Fields:
    return {"devices": fields}


CASES: dict[str, tuple[Fields, Fields]] = {
    "a serial port": (devices(serials=[{**FILE, "append": True}]), devices(serials=[FILE])),
    "a serial port's end": (
        devices(serials=[{**TCP, "protocol": "telnet", "tls": False, "mode": "connect", "reconnect": 10}]),
        devices(serials=[{"type": "unix", "path": "/tmp/a.sock", "log": "/tmp/kvmspec-b.log"}]),
    ),
    "udp": (
        devices(serials=[{**TCP, "type": "udp", "bind_host": "127.0.0.1", "bind_port": 4556}]),
        devices(serials=[{**TCP, "type": "udp"}]),
    ),
    "several serial ports": (
        devices(serials=["pty", FILE, "null"]),
        devices(serials=[TCP, FILE, {"type": "null", "log": {"file": "/tmp/kvmspec-b.log", "append": True}}]),
    ),
    "a serial port besides the console": (
        {"console": True, "devices": {"serials": [FILE]}},
        {"console": True, "devices": {"serials": ["null", FILE]}},
    ),
    "labels": (
        devices(serials=[{**FILE, "labels": [{"model": "dac", "relabel": False}]}]),
        devices(serials=[{**FILE, "labels": [{"label": "a:b"}]}]),
    ),
    "cards": (
        devices(serials=["pty", {"type": "null", "model": "usb-serial"}]),
        devices(serials=["pty", {"type": "null", "model": "pci-serial"}]),
    ),
    "a debug port": (devices(serials=["pty", {**FILE, "model": "isa-debugcon"}]), devices(serials=["pty"])),
    "a port's number": (
        devices(serials=["pty", {"type": "null", "number": 2}]),
        devices(serials=["pty", "null"]),
    ),
    "parallel ports": (
        devices(parallels=[{"type": "dev", "path": "/dev/parport0"}]),
        devices(parallels=[FILE, {"type": "unix", "path": "/tmp/p.sock", "mode": "connect"}]),
    ),
    "consoles": (
        devices(consoles=["pty"]),
        devices(consoles=[{**FILE, "log": "/tmp/kvmspec-c.log"}, "null"]),
    ),
    "a console besides a serial port": (
        devices(serials=[TCP], consoles=["pty"]),
        devices(serials=[FILE], consoles=["null"]),
    ),
    "no console": ({"console": True}, {"console": False}),
    "channels": (
        devices(channels=[{"name": "a", **TCP, "protocol": "raw"}, {"name": "b", **FILE, "append": True}]),
        devices(channels=[{"name": "a", "type": "unix", "path": "/tmp/a.sock", "mode": "connect"}, "b"]),
    ),
    "a channel's socket": (
        devices(channels=[{"name": "a", "path": "/tmp/a.sock", "mode": "connect", "reconnect": 5}]),
        devices(channels=[{"name": "a", "path": "/tmp/a.sock", "reconnect": 0, "mode": "connect"}]),
    ),
    "a forward": (
        {
            "networks": [{"user": True}],
            "devices": {"channels": [{"guestfwd": "10.0.2.1:4600", "path": "/tmp/f.sock"}]},
        },
        {
            "networks": [{"user": True}],
            "devices": {
                "channels": [
                    {"guestfwd": "10.0.2.1:4600", "path": "/tmp/g.sock", "mode": "connect"},
                    {"guestfwd": "10.0.2.1:4601", "path": "/tmp/h.sock"},
                ]
            },
        },
    ),
    "a clipboard": (
        devices(channels=[{"name": "com.redhat.spice.0", "type": "qemu-vdagent", "clipboard": True}]),
        devices(channels=[{"name": "com.redhat.spice.0", "type": "qemu-vdagent", "mouse": "client"}]),
    ),
    "spice": (
        {
            "graphics": ["spice"],
            "devices": {"channels": [{"name": "a", "type": "spiceport", "channel": "org.example.0"}]},
        },
        {
            "graphics": ["spice"],
            "devices": {"channels": [{"name": "a", "type": "spiceport", "channel": "org.example.1"}]},
        },
    ),
    "an agent's socket": ({"guest_agent": "/tmp/agent.sock"}, {"guest_agent": "/tmp/other.sock"}),
    "an agent of its own socket": ({"guest_agent": "/tmp/agent.sock"}, {"guest_agent": True}),
}


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, CASES)


def test_a_new_vm_has_the_ports_that_are_stated_and_no_other(scene: Scene) -> None:
    scene.settle(
        scene.manifest({"web": idle_vm(state="stopped", preset="standard", **devices(serials=[FILE]))})
    )
    assert [port.get("type") for port in scene.tree("web").findall("devices/serial")] == ["file"]
