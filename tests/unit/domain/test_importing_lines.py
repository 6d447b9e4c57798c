"""Serial and parallel ports, consoles and channels: libvirt's XML → the manifest, which renders to the same
again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.test_importing import domain, imported, pci

ISA = "<target type='isa-serial' port='{}'><model name='isa-serial'/></target>"
PTY = f"<serial type='pty'>{ISA.format(0)}</serial><console type='pty'><target type='serial' port='0'/></console>"


def serial(kind: str, inside: str) -> str:
    """The first port, and the console that libvirt makes of it."""
    twin = f"<console type='{kind}'>{inside}<target type='serial' port='0'/></console>"
    return f"<serial type='{kind}'>{inside}{ISA.format(0)}</serial>{twin}"


def channel(kind: str, inside: str, target: str = "type='virtio' name='org.example.0'") -> str:
    at = "<address type='virtio-serial' controller='0' bus='0' port='1'/>" if "virtio" in target else ""
    return f"<channel type='{kind}'>{inside}<target {target}/>{at}</channel>"


ENDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a file": ("file", "<source path='/tmp/a.log' append='on'/>", {"path": "/tmp/a.log", "append": True}),
    "a device": ("dev", "<source path='/dev/ttyS2'/>", {"path": "/dev/ttyS2"}),
    "a pipe": ("pipe", "<source path='/tmp/a'/>", {"path": "/tmp/a"}),
    "a socket": ("unix", "<source mode='bind' path='/tmp/a.sock'/>", {"path": "/tmp/a.sock"}),
    "a socket of another's": (
        "unix",
        "<source mode='connect' path='/tmp/a.sock'><reconnect enabled='yes' timeout='10'/></source>",
        {"path": "/tmp/a.sock", "mode": "connect", "reconnect": 10},
    ),
    "tcp": (
        "tcp",
        "<source mode='connect' host='127.0.0.1' service='4555' tls='no'><reconnect enabled='no'/></source>"
        "<protocol type='telnet'/>",
        {
            "host": "127.0.0.1",
            "port": 4555,
            "mode": "connect",
            "tls": False,
            "protocol": "telnet",
            "reconnect": 0,
        },
    ),
    "raw tcp": (
        "tcp",
        "<source mode='bind' host='127.0.0.1' service='4555'/><protocol type='raw'/>",
        {"host": "127.0.0.1", "port": 4555},
    ),
    "udp": (
        "udp",
        "<source mode='bind' host='127.0.0.1' service='1111'/><source mode='connect' host='127.0.0.1' service='2222'/>",
        {"host": "127.0.0.1", "port": 2222, "bind_host": "127.0.0.1", "bind_port": 1111},
    ),
    "udp one way": (
        "udp",
        "<source mode='connect' host='127.0.0.1' service='2222'/>",
        {"host": "127.0.0.1", "port": 2222},
    ),
    "nothing": ("null", "", {}),
    "a window": ("vc", "", {}),
    "spice": ("spiceport", "<source channel='org.example.0'/>", {"channel": "org.example.0"}),
    "a log": (
        "null",
        "<log file='/var/log/web.log' append='off'/>",
        {"log": {"file": "/var/log/web.log", "append": False}},
    ),
    "a label": (
        "file",
        "<source path='/tmp/a.log'><seclabel model='dac' relabel='no'/></source>",
        {"path": "/tmp/a.log", "labels": [{"model": "dac", "relabel": False}]},
    ),
    "two labels": (
        "file",
        "<source path='/tmp/a.log'><seclabel model='dac' relabel='no'/><seclabel model='selinux' relabel='yes'>"
        "<label>a:b</label></seclabel></source>",
        {
            "path": "/tmp/a.log",
            "labels": [
                {"model": "dac", "relabel": False},
                {"model": "selinux", "label": "a:b"},
            ],
        },
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_where_a_serial_port_ends_is_stated(case: str, tmp_path: Path) -> None:
    kind, inside, wanted = ENDS[case]
    display = "<graphics type='spice'><listen type='none'/></graphics>" if kind.startswith("spice") else ""
    entry = imported(domain(serial(kind, inside) + display), tmp_path)
    assert entry["devices"]["serials"] == ([{"type": kind} | wanted] if wanted else [kind])
    assert "console" not in entry, "libvirt makes one of the port"
    assert "serial" not in entry.get("xml", "")
    assert "console" not in entry.get("xml", "")


DEVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "a port besides the console": (
        PTY + f"<serial type='file'><source path='/tmp/a.log'/>{ISA.format(1)}</serial>",
        {"serials": [{"type": "file", "path": "/tmp/a.log"}]},
    ),
    "two terminals": (PTY + f"<serial type='pty'>{ISA.format(1)}</serial>", {"serials": ["pty"]}),
    "a port with another number": (
        PTY + f"<serial type='null'>{ISA.format(3)}</serial>",
        {"serials": [{"type": "null", "number": 3}]},
    ),
    "a port on USB": (
        PTY + "<serial type='null'><target type='usb-serial' port='1'><model name='usb-serial'/></target>"
        "<address type='usb' bus='0' port='1'/></serial>",
        {"serials": [{"type": "null", "model": "usb-serial"}]},
    ),
    "parallel ports": (
        "<parallel type='dev'><source path='/dev/parport0'/><target port='0'/></parallel>"
        "<parallel type='unix'><source mode='connect' path='/tmp/b.sock'/><target port='1'/></parallel>",
        {
            "parallels": [
                {"type": "dev", "path": "/dev/parport0"},
                {"type": "unix", "path": "/tmp/b.sock", "mode": "connect"},
            ]
        },
    ),
    "a console besides the serial one": (
        PTY + "<console type='pty'><target type='virtio' port='1'/></console>",
        {"consoles": ["pty"]},
    ),
    "channels": (
        channel("unix", "") + "<channel type='pty'><target type='virtio' name='b'/>"
        "<address type='virtio-serial' controller='0' bus='0' port='2'/></channel>",
        {"channels": ["org.example.0", {"name": "b", "type": "pty"}]},
    ),
    "a channel without a name": (
        channel("unix", "<source mode='bind' path='/tmp/a'/>", "type='virtio'"),
        {"channels": [{"path": "/tmp/a"}]},
    ),
    "the clipboard of a display": (
        channel("qemu-vdagent", "<source><clipboard copypaste='no'/><mouse mode='server'/></source>"),
        {
            "channels": [
                {
                    "name": "org.example.0",
                    "type": "qemu-vdagent",
                    "clipboard": False,
                    "mouse": "server",
                }
            ]
        },
    ),
    "a forward": (
        channel("pipe", "<source path='/tmp/f'/>", "type='guestfwd' address='10.0.2.1' port='4600'"),
        {"channels": [{"guestfwd": "10.0.2.1:4600", "type": "pipe", "path": "/tmp/f"}]},
    ),
    "two forwards": (
        channel(
            "unix", "<source mode='bind' path='/tmp/f'/>", "type='guestfwd' address='10.0.2.1' port='4600'"
        )
        + channel(
            "unix", "<source mode='bind' path='/tmp/g'/>", "type='guestfwd' address='10.0.2.1' port='4601'"
        ),
        {
            "channels": [
                {"guestfwd": "10.0.2.1:4600", "path": "/tmp/f"},
                {"guestfwd": "10.0.2.1:4601", "path": "/tmp/g"},
            ]
        },
    ),
}
CONTROLLER = f"<controller type='virtio-serial' index='0'>{pci(2)}</controller>"


@pytest.mark.parametrize("case", DEVICES)
def test_a_port_or_channel_is_stated_and_nothing_is_left(case: str, tmp_path: Path) -> None:
    devices, wanted = DEVICES[case]
    entry = imported(domain(devices + (CONTROLLER if "'virtio'" in devices else "")), tmp_path)
    assert "xml" not in entry
    assert {name: entry["devices"].get(name) for name in wanted} == wanted
    assert entry.get("console", False) == (PTY in devices)


def test_the_agents_socket_is_stated(tmp_path: Path) -> None:
    agent = channel(
        "unix", "<source mode='bind' path='/tmp/a.sock'/>", "type='virtio' name='org.qemu.guest_agent.0'"
    )
    entry = imported(domain(agent + CONTROLLER), tmp_path)
    assert entry["guest_agent"] == "/tmp/a.sock"
    assert "xml" not in entry
