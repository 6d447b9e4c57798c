"""A network's change that fails leaves it no worse than before; a restart proves that guests are back."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.action import NetworkChange, RestartNetwork, UpdateNetwork
from kvmspec.core.address import Address
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.plan import Plan, Status, Step
from kvmspec.engine.execute import execute
from kvmspec.kinds.network import KIND
from kvmspec.kinds.network.apply import apply as act
from kvmspec.manifest.secrets import SecretStore
from tests.live.scene import NETWORK, Scene, guest_vm
from tests.live.test_networks import FRONT, bridge, front, master, start_guest, without
from tests.support.guest import TinyGuest, domain_id, macs_of, wait_for, wait_for_lease
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, apply, plan

pytestmark = pytest.mark.libvirtd

ADDRESS = Address(HOST, "network", "front")
GOOD = NetworkChange("add-last", "dns-txt", "<txt name='a' value='b'/>")
BAD = NetworkChange("delete", "dns-txt", "<txt name='nobody'/>")


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    opened = connect(HOST, clean_host.uri, SecretStore())
    yield opened
    opened.close()


def run(host: Host, *actions: Any) -> list[tuple[Status, str]]:
    """Carry out these steps, each needing the one before."""
    steps = tuple(
        Step(number, action, frozenset({number - 1} if number else ()))
        for number, action in enumerate(actions)
    )
    result = execute(
        Plan("shop", "", (), (), steps),
        {HOST: host},
        {"network": KIND},
        on_event=lambda event: None,
        interrupted=threading.Event(),
        parallelism=2,
    )
    return [(outcome.status, outcome.error) for outcome in result.outcomes]


def xmls(host: Host) -> tuple[str, str]:
    network = host.conn.networkLookupByName("front")
    return network.XMLDesc(0), network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)


def test_one_call_of_several_that_fails_leaves_the_definition(host: Host) -> None:
    apply(front(FRONT), host)
    before = xmls(host)
    with pytest.raises(LibvirtFailure, match="its definition is as before, the running network has: nothing"):
        act(UpdateNetwork(ADDRESS, (GOOD, BAD), live=True, config=True), host, lambda text: None)
    assert xmls(host) == before


def test_what_the_running_network_has_by_then_is_told_and_taken_back_by_the_next(host: Host) -> None:
    apply(front(FRONT), host)
    before = xmls(host)
    ((status, error),) = run(host, UpdateNetwork(ADDRESS, (GOOD, BAD), live=True, config=False))
    assert status is Status.FAILED
    assert "the running network has: add-last dns-txt" in error
    assert xmls(host)[1] == before[1]
    assert apply(front(FRONT), host) == ["UpdateNetwork"]
    assert xmls(host) == before


def test_a_definition_updated_by_a_step_before_goes_back(host: Host) -> None:
    apply(front(FRONT), host)
    before = xmls(host)
    outcomes = run(
        host,
        UpdateNetwork(ADDRESS, (GOOD,), live=False, config=True),
        UpdateNetwork(ADDRESS, (BAD,), live=True, config=False),
    )
    assert [status for status, _ in outcomes] == [Status.UNDONE, Status.FAILED]
    assert xmls(host) == before


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_killed_between_two_calls_the_next_apply_goes_on(calls: int, host: Host) -> None:
    apply(front(FRONT), host)
    before = xmls(host)
    wanted = front(without(FRONT, portgroups={"web": {}}, dns={"txt": {"a": "b"}}))
    ((_, action),) = plan(wanted, host)
    sent = [(change, live) for live in (False, True) for change in action.changes]
    assert len(sent) == 6  # the names of FRONT go
    for change, live in sent[:calls]:
        host.networks.update("front", change, live=live)
    assert set(apply(wanted, host)) == {"UpdateNetwork"}
    assert plan(wanted, host) == []
    apply(front(FRONT), host)
    # names come back in another order than they were defined in
    assert [sorted(xml.split()) for xml in xmls(host)] == [sorted(xml.split()) for xml in before]


def test_a_restart_that_fails_gives_back_definition_network_and_guests(
    host: Host, clean_host: PrivateLibvirt
) -> None:
    """Limits need a queue that this kernel may not have: then the network does not start."""
    apply(front(FRONT), host)
    guest = start_guest(host)
    before, number = host.networks.get("front"), guest.ID()
    wanted = front(without(FRONT, subnet="10.71.0.0/16", bandwidth={"inbound": {"average": "10MB"}}))
    outcomes = run(host, *(action for _, action in plan(wanted, host)))
    if outcomes[-1][0] is Status.DONE:
        pytest.skip("this kernel has the queue `sfq`")
    assert [status for status, _ in outcomes] == [Status.UNDONE, Status.FAILED]
    assert "tc" in outcomes[-1][1]
    after = host.networks.get("front")
    assert (after.xml, after.running) == (before.xml, True)
    assert (guest.ID(), master(clean_host, guest)) == (number, bridge(host))
    assert plan(front(FRONT), host) == []


def test_guests_that_do_not_come_back_put_the_old_network_back(
    host: Host, clean_host: PrivateLibvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network runs with its new definition when that is seen."""
    apply(front(FRONT), host)
    guest = start_guest(host)
    before = host.networks.get("front")
    answers = [["vm/g: interface 52:54:00:71:00:01 has no port on it"]]
    seen = host.networks.astray
    monkeypatch.setattr(host.networks, "astray", lambda name: answers.pop() if answers else seen(name))
    outcomes = run(host, *(action for _, action in plan(front(without(FRONT, mtu=1300)), host)))
    assert [status for status, _ in outcomes] == [Status.UNDONE, Status.FAILED]
    assert "not all of its guests are on it: vm/g: interface 52:54:00:71:00:01" in outcomes[-1][1]
    after = host.networks.get("front")
    assert after.xml == before.xml
    assert "<mtu size='1400'/>" in str(after.active_xml)
    assert master(clean_host, guest) == bridge(host)
    assert plan(front(FRONT), host) == []


def test_a_tap_without_its_bridge_is_seen(host: Host, clean_host: PrivateLibvirt) -> None:
    apply(front(FRONT), host)
    guest = start_guest(host)
    assert host.networks.astray("front") == []
    host.networks.stop("front")
    host.networks.start("front")
    assert host.networks.astray("front") == ["vm/g: interface 52:54:00:71:00:01 has no port on it"]
    act(RestartNetwork(ADDRESS, ("g",)), host, lambda text: None)
    assert host.networks.astray("front") == []
    assert master(clean_host, guest) == bridge(host)


LOOK = """
import sys
from kvmspec.adapters.libvirt import connect
from kvmspec.manifest.secrets import SecretStore
sys.stdout.write(repr(connect("hv1", sys.argv[1], SecretStore()).networks.astray("front")))
"""


def test_on_its_own_machine_the_kernel_is_asked_too(host: Host, clean_host: PrivateLibvirt) -> None:
    """In the network of this host the taps are in /sys, as they are on a hypervisor itself."""
    apply(front(FRONT), host)
    start_guest(host)
    tap = clean_host.run(["sh", "-c", "ls /sys/class/net | grep vnet"]).stdout.strip()
    command = [sys.executable, "-c", LOOK, clean_host.uri]
    assert clean_host.run(command).stdout == "[]"
    clean_host.run(["ip", "link", "set", tap, "nomaster"])
    assert f"is on no bridge: {tap} belongs on {bridge(host)}" in clean_host.run(command).stdout


@pytest.mark.live
def test_a_guest_that_runs_gets_its_lease_again(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = scene.manifest({"web": guest_vm(tiny_guest)})
    scene.settle(manifest)
    (mac,) = macs_of(scene.conn, "web")
    wait_for_lease(scene.conn, "front", mac)
    assert lease_time(scene, mac) > 120
    number = domain_id(scene.conn, "web")
    moved = {**NETWORK, "domain": "shop.lan", "dhcp": {**NETWORK["dhcp"], "lease": "2m"}}
    text = scene.plan({**manifest, "networks": {"front": moved}}, expect=2)
    assert "restarts, and then reconnects guest web" in text
    refused = scene.apply(expect=4)
    assert "--allow restart" in refused.stdout + refused.stderr
    done = scene.apply(None, "--allow", "restart")
    assert "reconnected web" in done.stdout + done.stderr
    scene.plan(expect=0)
    wait_for(lambda: lease_time(scene, mac) <= 120, 60, what="a lease by the new server")
    assert domain_id(scene.conn, "web") == number
    assert master(scene.host, scene.domain("web")) == scene.conn.networkLookupByName("front").bridgeName()


def lease_time(scene: Scene, mac: str) -> float:
    """For how many seconds more the guest has its address."""
    (lease,) = scene.conn.networkLookupByName("front").DHCPLeases(mac)
    return float(lease["expirytime"]) - time.time()
