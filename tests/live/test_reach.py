"""Running guests, reached: addresses, waiting, ssh, the console."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.manifest.secrets import SecretStore
from tests.live.harbour import Harbour, Terminal
from tests.support.guest import TOP, TinyGuest, wait_for
from tests.support.hosts import why_no_libvirtd
from tests.support.private_libvirt import PrivateLibvirt
from tests.support.reachable import KEY, build_reachable

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]
OpenTerminal = Callable[..., Terminal]
LOGIN = ("-l", "root", "-i", str(KEY))


@pytest.fixture(scope="module")
def harbour(tiny_guest: TinyGuest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    """A host with a guest `web`, in which everything can be reached."""
    if reason := why_no_libvirtd():
        pytest.fail(reason, pytrace=False)
    guest = build_reachable(tiny_guest)
    with PrivateLibvirt() as host:
        place = Harbour(host, guest, tmp_path_factory.mktemp("harbour"))
        conditions = {"ip": True, "agent": True, "ssh": True, "port": [22, 80], "timeout": "2m"}
        place.first = place.apply(web=place.vm("reach=agent,ssh,http,echo", wait_for=conditions))
        yield place


@pytest.fixture
def guests(harbour: Harbour) -> Iterator[Host]:
    opened = connect("here", harbour.host.uri, SecretStore())
    yield opened
    opened.close()


@pytest.fixture
def terminal(harbour: Harbour) -> Iterator[OpenTerminal]:
    """terminal("console", "web"): kvmspec at a terminal."""
    opened: list[Terminal] = []

    def start(*argv: str) -> Terminal:
        opened.append(Terminal(harbour.command(*argv)))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


# --- apply waits
def test_apply_waits_and_the_next_plan_is_empty(harbour: Harbour) -> None:
    assert "wait for an address, the guest agent, ssh, port 22, port 80 … done" in harbour.first
    harbour.kvmspec("plan", "--detailed-exitcode", "--target", "vm/web")
    assert "ready: an address, the guest agent, ssh" in harbour.kvmspec("wait", "web").stdout


def test_cloud_init_is_waited_for(harbour: Harbour) -> None:
    waiting = {"cloud_init": True, "timeout": "1m"}
    told = harbour.apply(
        expect=1,
        fine=harbour.vm("reach=agent,cloud-init", wait_for=waiting),
        broken=harbour.vm("reach=agent,cloud-init-errors", wait_for=waiting),
    )  # fmt: skip
    assert "vm/fine wait for cloud-init … done" in told
    assert "cloud-init ended with errors in vm/broken: no package nginxx" in told
    for name in ("fine", "broken"):
        harbour.domain(name).destroy()


def test_status_says_who_knows_an_address(harbour: Harbour, guests: Host) -> None:
    assert re.search(r"web .* 10\.81\.0\.1\d\d \(lease\) ", harbour.kvmspec("status").stdout)
    (row,) = [
        vm
        for vm in json.loads(harbour.kvmspec("status", "--format", "json").stdout)["vms"]
        if vm["name"] == "web"
    ]
    assert [entry["source"] for entry in row["addresses"]] == ["lease"]
    agent = guests.guests._told_by_agent("web")
    assert row["addresses"][0]["address"] in {entry.address for entry in agent}


def test_a_lease_from_before_is_no_address(harbour: Harbour, guests: Host) -> None:
    """A VM that is started again waits for a new lease."""
    again = harbour.vm(wait_for={"ip": True, "timeout": "1m"})
    harbour.apply(again=again)
    before = guests.guests.leases("again")
    harbour.domain("again").destroy()
    harbour.apply(again=again)
    after = guests.guests.leases("again")
    assert before and before.keys() == after.keys() and before != after


def test_an_address_that_only_arp_knows(harbour: Harbour) -> None:
    still = harbour.vm("static=10.82.0.77", networks=["bare"], wait_for={"ip": True, "timeout": "1m"})
    harbour.apply(still=still)
    assert "10.82.0.77 (arp)" in harbour.kvmspec("status").stdout


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        (
            {"port": 81},
            r"waiting for port 81; seen last: 10\.81\.0\.\d+ \(lease\) port 81: connection refused",
        ),
        (
            {"ip": True, "agent": True},
            r"waiting for the guest agent; seen last: the guest agent is not connected",
        ),
    ],
)
def test_a_timeout_says_what_was_seen(harbour: Harbour, condition: dict[str, object], seen: str) -> None:
    name = "late-" + "-".join(condition)
    vm = harbour.vm(wait_for={**condition, "timeout": "25s"})
    told = harbour.apply(expect=1, **{name: vm})
    assert re.search(seen, told), told
    assert f"`kvmspec console {name}` shows its console" in told
    assert harbour.domain(name).isActive()
    harbour.kvmspec("plan", "--detailed-exitcode", "--target", f"vm/{name}")
    harbour.domain(name).destroy()


def test_no_lease_at_all(harbour: Harbour) -> None:
    deaf = {"cpus": 1, "memory": "32MiB", "networks": ["front"], "wait_for": {"ssh": True, "timeout": "1s"}}
    told = harbour.apply(expect=1, deaf=deaf)
    assert "no address to reach port 22 at: no DHCP lease, nothing in the ARP table" in told
    harbour.domain("deaf").destroy()


def test_a_guest_that_stops_while_it_is_waited_for(harbour: Harbour) -> None:
    waiting = {"cpus": 1, "memory": "32MiB", "networks": ["front"], "wait_for": {"ssh": True}}
    harbour.write(stops=waiting)
    apply = harbour.start("apply", "--yes", "--target", "vm/stops")
    wait_for(lambda: harbour.domain("stops").isActive(), what="stops runs")
    time.sleep(1)
    harbour.domain("stops").destroy()
    begin = time.monotonic()
    out, _ = apply.communicate(timeout=20)
    assert time.monotonic() - begin < 5
    assert apply.returncode == 1 and "vm/stops is stopped; there is no use in waiting for ssh" in out


def test_an_interrupt_ends_the_wait(harbour: Harbour) -> None:
    waiting = {"cpus": 1, "memory": "32MiB", "networks": ["front"], "wait_for": {"ssh": True}}
    harbour.write(idle=waiting)
    apply = harbour.start("apply", "--yes", "--target", "vm/idle", "--format", "json")
    wait_for(lambda: harbour.domain("idle").isActive(), what="idle runs")
    time.sleep(1)
    os.killpg(apply.pid, signal.SIGINT)
    begin = time.monotonic()
    out, _ = apply.communicate(timeout=15)
    assert time.monotonic() - begin < 6
    assert apply.returncode == 130 and "not waited for any longer" in out
    assert harbour.domain("idle").isActive()
    harbour.domain("idle").destroy()


# --- the agent
def test_files_of_the_guest(guests: Host) -> None:
    assert guests.guests.read_file("web", "/www/index.html") == b"hello\n"
    assert guests.guests.read_file("web", "/nowhere") is None
    assert len(guests.guests.read_file("web", "/bin/busybox", most=1 << 20) or b"") >= 1 << 20


# --- ssh
def test_ssh_runs_a_command_with_its_exit_code(harbour: Harbour) -> None:
    done = harbour.kvmspec("ssh", "web", *LOGIN, "--", "cat", "/www/index.html")
    assert done.stdout == "hello\n" and done.stderr == ""
    harbour.kvmspec("ssh", "default/web", *LOGIN, "--", "exit 7", expect=7)
    known = (harbour.folder / ".local/share/kvmspec/known_hosts/shop").read_text()
    assert known.startswith(f"{harbour.domain('web').UUIDString()} ssh-ed25519 ")


def test_a_host_key_that_the_agent_does_not_confirm(harbour: Harbour) -> None:
    """The agent puts right what is known; what the network shows has to match it."""
    known = harbour.folder / ".local/share/kvmspec/known_hosts/shop"
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(f"{harbour.domain('web').UUIDString()} ssh-ed25519 AAAAforged\nother ssh-rsa AAAA\n")
    harbour.kvmspec("ssh", "web", *LOGIN, "--", "true")
    assert "forged" not in known.read_text() and "other ssh-rsa AAAA" in known.read_text()


def test_the_arguments_of_ssh(harbour: Harbour, tmp_path: Path) -> None:
    stand_in = tmp_path / "ssh"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    words = harbour.kvmspec("ssh", "web", "-p", "2222", "--", "ls", "-l", env=env).stdout.splitlines()
    uuid = harbour.domain("web").UUIDString()
    assert words[:2] == ["-o", f"HostKeyAlias={uuid}"] and "StrictHostKeyChecking=yes" in words
    assert words[-6:-4] == ["-p", "2222"] and words[-3:] == ["--", "ls", "-l"]
    done = harbour.kvmspec("ssh", "web", env={"PATH": str(tmp_path / "nothing")}, expect=1)
    assert "ssh is not installed here" in done.stderr and "openssh-client" in done.stderr


def test_ssh_to_what_cannot_be_reached(harbour: Harbour) -> None:
    off = {"cpus": 1, "memory": "32MiB", "state": "stopped"}
    harbour.apply(off=off, nowhere={**off, "state": "running"})
    assert "vm/off is stopped" in harbour.kvmspec("ssh", "off", expect=1).stderr
    assert "`kvmspec wait nowhere`" in harbour.kvmspec("ssh", "nowhere", expect=1).stderr
    assert "did you mean web?" in harbour.kvmspec("ssh", "wib", expect=64).stderr
    harbour.write(new=off)
    assert "vm/new is not on default yet" in harbour.kvmspec("ssh", "new", expect=1).stderr


PROBE = """
import sys
from kvmspec.adapters.jump import Jump
from kvmspec.adapters.probe import probe
options = ("-i", sys.argv[2], "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
jump = Jump(f"root@{sys.argv[1]}", options)
print(jump.proxy_command)
for port in (22, 80, 81):
    try:
        print(probe("127.0.0.1", port, jump)[:4])
    except OSError as error:
        print(error)
"""


def test_ports_behind_a_host_that_ssh_reaches(harbour: Harbour, guests: Host) -> None:
    """The guest stands in for the host: it is the one SSH server here."""
    address = guests.guests.addresses("web")[0].address
    command = ["env", f"PYTHONPATH={TOP}", sys.executable, "-c", PROBE, address, str(KEY)]
    proxy, ssh, http, closed = harbour.host.run(command).stdout.splitlines()
    assert (ssh, http) == ("b'SSH-'", "b''") and closed.startswith(f"through root@{address}: ")
    options = ["-o", f"ProxyCommand={proxy}", "-o", "StrictHostKeyChecking=no", "-i", str(KEY)]
    done = harbour.host.run(
        ["ssh", *options, "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1", "echo there"]
    )
    assert done.stdout == "there\n"


# --- the console
def test_the_console_at_a_terminal(terminal: OpenTerminal) -> None:
    at = terminal("console", "web")
    at.see("Ctrl-] leaves it")
    at.type("good morning\r")
    at.see("heard: good morning")
    assert at.is_raw
    at.type("\x1d")
    assert at.ended() == 0
    assert "left the console" in at.screen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_puts_the_terminal_back(terminal: OpenTerminal, number: signal.Signals) -> None:
    at = terminal("console", "web")
    at.see("Ctrl-] leaves it")
    at.type("x\r")
    at.see("heard: ")
    os.killpg(at.process.pid, number)
    assert at.ended() == 130


def test_one_console_at_a_time(harbour: Harbour, terminal: OpenTerminal) -> None:
    first = terminal("console", "web")
    first.see("Ctrl-] leaves it")
    first.type("x\r")
    first.see("heard: ")
    refused = harbour.kvmspec("console", "web", expect=1).stderr
    assert "is open already" in refused and "--force" in refused
    second = terminal("console", "web", "--force")
    second.see("Ctrl-] leaves it")
    second.type("mine\r")
    second.see("heard: mine")
    assert first.ended() == 0 and "somebody took it" in first.screen


def test_the_console_without_a_terminal(harbour: Harbour) -> None:
    done = harbour.kvmspec("console", "web", typed="one\ntwo\n")
    assert "heard: one" in done.stdout and "heard: two" in done.stdout and done.stderr == ""


def test_no_console_to_open(harbour: Harbour) -> None:
    mute = {"cpus": 1, "memory": "32MiB", "console": False}
    harbour.apply(mute=mute, still_off={**mute, "state": "stopped"})
    assert "vm/mute has no console" in harbour.kvmspec("console", "mute", expect=1).stderr
    assert "vm/still_off is stopped" in harbour.kvmspec("console", "still_off", expect=1).stderr


def test_a_guest_that_stops_ends_its_console(harbour: Harbour, terminal: OpenTerminal) -> None:
    harbour.apply(goes=harbour.vm("reach=echo"))
    at = terminal("console", "goes")
    at.see("ready eth0", timeout=60)
    harbour.domain("goes").destroy()
    assert at.ended() == 0 and "the VM stopped" in at.screen


# --- the last ones, for what they leave behind
def test_a_wedged_agent_holds_up_nobody(harbour: Harbour) -> None:
    harbour.kvmspec("ssh", "web", *LOGIN, "--", "kill -STOP $(pidof qemu-ga)")
    begin = time.monotonic()
    assert re.search(r"web .*\(lease\)", harbour.kvmspec("status").stdout)
    assert time.monotonic() - begin < 12
    done = harbour.kvmspec("wait", "web", "--timeout", "1s", expect=1)
    assert "is connected and does not answer" in done.stderr


def test_a_lost_connection_ends_the_console(harbour: Harbour, terminal: OpenTerminal) -> None:
    at = terminal("console", "web")
    at.see("Ctrl-] leaves it")
    at.type("x\r")
    at.see("heard: ")
    harbour.host.kill_daemon()
    assert at.ended(30) == 1 and "the connection to the host was lost" in at.screen
    harbour.host.start_daemon()
