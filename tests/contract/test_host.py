"""Connections, what they say of a host, and the lock, on both drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.adapters.libvirt.lock import LOCK_NAME, HostLock
from kvmspec.core.errors import Absent, ExitCode, HostUnreachable, LibvirtFailure, Refused
from kvmspec.manifest.secrets import SecretStore
from tests.contract.definitions import domain
from tests.support.private_libvirt import PrivateLibvirt

GROUP = "group `libvirt`"
HINTS = {
    "Failed to connect socket to '/run/libvirt/libvirt-sock': No such file or directory": "libvirtd running",
    "Failed to connect socket to '/run/libvirt/libvirt-sock': Permission denied": GROUP,
    "authentication unavailable: no polkit agent available": GROUP,
    "End of file while reading data: ssh: connect to host hv9 port 22: Connection refused": "ssh",
    "no connection driver available for nonsense:///system": "URI",
}
"""What libvirt 9.0 says → a word of what to do about it."""


# --- connections
def test_a_host_knows_itself(host: Host) -> None:
    facts = host.facts()
    assert facts.arch == host.conn.getInfo()[0] or host.uri.startswith("test:")
    assert facts.driver.lower() == ("test" if host.uri.startswith("test:") else "qemu")
    assert host.uri.startswith("test:") is host.uri.startswith("test:")


def test_closing_twice_is_as_good_as_once(uri: str, secrets: SecretStore) -> None:
    opened = connect("here", uri, secrets)
    opened.close()
    opened.close()


def test_without_a_socket_it_says_which_and_how_to_start(tmp_path: Path, secrets: SecretStore) -> None:
    socket = tmp_path / "libvirt-sock"
    with pytest.raises(HostUnreachable, match=r"^cannot connect to hv9 \(qemu.*\): .*No such file") as caught:
        connect("hv9", f"qemu+unix:///system?socket={socket}", secrets)
    assert str(socket) in caught.value.hint and "systemctl start libvirtd" in caught.value.hint
    assert caught.value.exit_code is ExitCode.UNREACHABLE


def test_an_unknown_uri_is_unreachable(secrets: SecretStore) -> None:
    with pytest.raises(HostUnreachable, match="nonsense") as caught:
        connect("hv9", "nonsense:///system", secrets)
    assert caught.value.hint


@pytest.mark.parametrize("words", HINTS)
def test_each_reason_has_its_remedy(
    words: str, monkeypatch: pytest.MonkeyPatch, secrets: SecretStore
) -> None:
    def refuse(uri: str) -> None:
        libvirt.virResetLastError()  # libvirtError takes its words from the last one
        raise libvirt.libvirtError(words)

    monkeypatch.setattr(libvirt, "open", refuse)
    with pytest.raises(HostUnreachable) as caught:
        connect("hv9", "qemu:///system", secrets)
    assert words in caught.value.message
    assert HINTS[words] in caught.value.hint


def test_a_host_that_went_away_is_no_absent_object(host: Host, clean_host: PrivateLibvirt) -> None:
    host.domains.define(domain(host))
    clean_host.kill_daemon()
    looks: tuple[Callable[[], object], ...] = (
        lambda: host.domains.get("web"),
        host.domains.list,
        lambda: host.networks.get("lan"),
        host.pools.list,
        lambda: host.volumes.get("vms", "root.qcow2"),
    )
    for look in looks:
        with pytest.raises(LibvirtFailure) as caught:
            look()
        assert not isinstance(caught.value, Absent)


# --- the lock
def test_the_lock_is_taken_and_let_go_again_and_again(host: Host) -> None:
    lock = HostLock("here", host.conn, host.facts().arch)
    for _ in range(3):
        lock.take()
        lock.release()
        lock.release()
    assert LOCK_NAME not in host.domains.names()


def test_the_lock_is_held_against_others(host: Host, uri: str, secrets: SecretStore) -> None:
    other = connect("here", uri, secrets)
    mine, theirs = HostLock("here", host.conn), HostLock("here", other.conn)
    mine.take()
    with pytest.raises(Refused, match=r"another apply is running on here: .+@.+, process \d+") as caught:
        theirs.take()
    assert caught.value.exit_code is ExitCode.REFUSED
    assert caught.value.problems[0].hint

    mine.release()
    theirs.take()
    theirs.release()
    other.close()


def test_the_lock_goes_with_its_holder(host: Host, uri: str, secrets: SecretStore) -> None:
    holder = connect("here", uri, secrets)
    HostLock("here", holder.conn).take()
    holder.close()
    mine = HostLock("here", host.conn)
    mine.take()
    mine.release()
