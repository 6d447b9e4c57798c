"""Waiting, on libvirt's own test driver: its guests run, stop, and answer nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.action import WaitForGuest
from kvmspec.core.address import Address
from kvmspec.core.errors import LibvirtFailure
from kvmspec.kinds.domain.cloudinit import _doing, _long
from kvmspec.kinds.domain.readiness import conditions, wait
from kvmspec.manifest.secrets import SecretStore

XML = """<domain type='test'><name>web</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>
<devices>{}</devices></domain>"""


def waiting(*, ip: bool = False, agent: bool = False, ports: tuple[int, ...] = ()) -> WaitForGuest:
    return WaitForGuest(Address("here", "vm", "web"), 60, ip, agent, False, ports, False)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    node = tmp_path / "node.xml"
    node.write_text("<node><memory>4000000</memory></node>")
    opened = connect("here", f"test://{node}", SecretStore())
    opened.domains.define(XML.format("<serial type='pty'><log file='/var/log/web.log'/></serial>"))
    opened.domains.start("web")
    yield opened
    opened.close()


class Clock:
    """Time passes only while one sleeps; at `alarm` something happens."""

    def __init__(self, alarm: float = 0, ring: object = None) -> None:
        self.now, self.alarm, self.ring = 0.0, alarm, ring

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if callable(self.ring) and self.now == self.alarm:
            self.ring()


def test_nothing_to_wait_for(host: Host) -> None:
    wait(waiting(), host, print)


def test_a_timeout_says_what_was_seen_last_and_where_to_look(host: Host) -> None:
    clock, said = Clock(), []
    with pytest.raises(LibvirtFailure) as failed:
        wait(waiting(agent=True, ports=(80,)), host, said.append, sleep=clock.sleep, clock=clock)
    assert failed.value.message == (
        "vm/web was not ready within 60 s, waiting for the guest agent (and then port 80); seen last: "
        "it has no channel for a guest agent (`guest_agent: true` gives it one)"
    )
    assert "its console log is /var/log/web.log on here" in failed.value.hint
    assert all(text.endswith("…") for text in said)
    assert len(set(said)) == 1, "in the same words while nothing changes"


def test_no_interface_no_address(host: Host) -> None:
    clock = Clock()
    with pytest.raises(LibvirtFailure, match="it has no network interface"):
        wait(waiting(ip=True), host, print, sleep=clock.sleep, clock=clock)


@pytest.mark.parametrize("end", ["power_off", "undefine"])
def test_a_guest_that_stops_ends_the_wait_at_once(host: Host, end: str) -> None:
    def ring() -> None:
        host.domains.power_off("web")
        if end == "undefine":
            host.domains.undefine("web")

    clock = Clock(2.0, ring)
    with pytest.raises(
        LibvirtFailure, match=r"vm/web is (stopped|gone); there is no use in waiting for port 80"
    ):
        wait(waiting(ports=(80,)), host, print, sleep=clock.sleep, clock=clock)
    assert clock.now == 2.0


def test_conditions_come_in_the_order_of_a_boot() -> None:
    action = WaitForGuest(Address("h", "vm", "web"), 60, True, True, True, (80,), True)
    told = [condition.words for condition in conditions(action)]
    assert told == ["an address", "the guest agent", "ssh", "port 80", "cloud-init"]


# --- what cloud-init says
def test_cloud_init_in_words() -> None:
    assert _doing({}) == "cloud-init is in stage between two stages"
    status = {"v1": {"stage": "modules-final", "init": {"errors": ["no such user"]}}}
    assert _doing(status) == "cloud-init is in stage modules-final, with errors so far: no such user"


def test_cloud_init_status_long() -> None:
    assert _long("web", "status: done\n") == ""
    assert _long("web", "status: running\n") == "cloud-init is running"
    assert _long("web", "") == "cloud-init does not tell its status"
    with pytest.raises(LibvirtFailure, match=r"errors in vm/web: detail: no package"):
        _long("web", "status: error\ndetail:\n  no package\n")
