"""Ports, the way to them, and which addresses count."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kvmspec.adapters import probe as probing
from kvmspec.adapters.jump import Jump
from kvmspec.adapters.libvirt.guests import agent_state, merged
from kvmspec.adapters.libvirt.parallel import while_time_lasts
from kvmspec.adapters.probe import probe
from kvmspec.core.guest import GuestAddress

HERE = "127.0.0.1"


@contextmanager
def server(greeting: bytes | None) -> Iterator[int]:
    """A port that takes connections; with a greeting it speaks first."""
    with socket.create_server((HERE, 0)) as listening:

        def serve() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                if greeting is not None:
                    connection.sendall(greeting)
                connection.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def test_a_port_that_is_open() -> None:
    with server(None) as port:
        assert probe(HERE, port, None) == b""


def test_a_server_that_greets() -> None:
    with server(b"SSH-2.0-x\r\n") as port:
        assert probe(HERE, port, None, greets=True) == b"SSH-2.0-x\r\n"


def test_a_server_that_should_greet_and_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_TIMEOUT", 0.1)
    with server(None) as port, pytest.raises(OSError, match="no answer"):
        probe(HERE, port, None, greets=True)


def test_a_port_that_is_closed() -> None:
    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError, match="connection refused"):
        probe(HERE, port, None)


# --- through ssh
@pytest.mark.parametrize(
    ("uri", "destination", "options"),
    [
        ("qemu+ssh://root@hv1.example/system", "root@hv1.example", ()),
        ("qemu+ssh://hv1:2222/system?keyfile=/k%20ey&no_verify=1", "hv1",
         ("-p", "2222", "-i", "/k ey", "-o", "StrictHostKeyChecking=no")),
        ("qemu+libssh2://a%40b@[fd00::1]/system", "a@b@fd00::1", ()),
    ],
)  # fmt: skip
def test_the_way_to_a_host(uri: str, destination: str, options: tuple[str, ...]) -> None:
    assert Jump.of(uri) == Jump(destination, options)


@pytest.mark.parametrize("uri", ["qemu:///system", "qemu+unix:///system?socket=/x", "qemu+tls://hv1/system"])
def test_hosts_without_a_jump(uri: str) -> None:
    assert Jump.of(uri) is None


def test_the_proxy_command_is_one_word_a_word() -> None:
    command = Jump("root@hv1", ("-i", "/my keys/100%")).proxy_command
    assert command == "ssh -i '/my keys/100%%' -W '[%h]:%p' -- root@hv1"


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("echo SSH-2.0-x", b"SSH-2.0-x\n"),
        ("exit 0", b""),
        (
            "echo 'channel 0: open failed: connect failed: Connection refused' >&2; exit 255",
            "Connection refused",
        ),
    ],
)
def test_through_a_host(
    script: str, wanted: bytes | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n{script}\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    jump = Jump("root@hv1", ("-p", "2222"))
    if isinstance(wanted, bytes):
        assert probe("fd00::2", 22, jump, greets=True) == wanted
    else:
        with pytest.raises(OSError, match=f"through root@hv1: .*{wanted}"):
            probe("fd00::2", 22, jump)
    called = (tmp_path / "called").read_text()
    assert called == "-o BatchMode=yes -o ConnectTimeout=10 -p 2222 -W [fd00::2]:22 -- root@hv1\n"


# --- addresses
A, B, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02", "02:42:00:00:00:03"


def lease(mac: str, address: str) -> GuestAddress:
    return GuestAddress(mac, address, "lease")


def told(mac: str, address: str) -> GuestAddress:
    return GuestAddress(mac, address, "agent")


@pytest.mark.parametrize(
    ("leases", "agent", "wanted"),
    [
        ([], [], []),
        ([lease(B, "10.0.0.2"), lease(A, "10.0.0.1")], [], ["10.0.0.1 (lease)", "10.0.0.2 (lease)"]),
        (
            [lease(A, "10.0.0.1")],
            [told(A, "10.0.0.1"), told(A, "fd00::1")],
            ["10.0.0.1 (lease)", "fd00::1 (agent)"],
        ),
        ([lease(A, "10.0.0.9")], [told(A, "10.0.0.1")], ["10.0.0.1 (agent)"]),
        ([lease(A, "10.0.0.9")], [told(A, "fe80::1")], ["10.0.0.9 (lease)"]),
        ([], [told(OTHER, "172.17.0.1"), told(A, "127.0.0.1"), told(A, "169.254.1.1")], []),
    ],
)
def test_which_addresses_count(
    leases: list[GuestAddress], agent: list[GuestAddress], wanted: list[str]
) -> None:
    assert [str(entry) for entry in merged([A, B], leases, agent)] == wanted


@pytest.mark.parametrize(
    ("channel", "state"),
    [
        ("", None),
        ("<channel><target name='org.qemu.guest_agent.0'/></channel>", "disconnected"),
        ("<channel><target name='org.qemu.guest_agent.0' state='connected'/></channel>", "connected"),
        ("<channel><target name='com.redhat.spice.0' state='connected'/></channel>", None),
    ],
)
def test_the_state_of_the_agent(channel: str, state: str | None) -> None:
    assert agent_state(f"<domain><devices>{channel}</devices></domain>") == state


def test_who_never_answers_holds_up_nobody() -> None:
    stuck = threading.Event()
    names = ["wedged", *(f"vm-{n}" for n in range(20))]
    found = while_time_lasts(lambda name: name != "wedged" or stuck.wait(20), names, 0.5)
    stuck.set()
    assert found == dict.fromkeys(names[1:], True)
