"""Every row of the network's field table on a real libvirtd, with a guest on the network.

A live row leaves the network running on the same bridge and the guest as it is; the definition and the
running network both have the change, and the next plan is empty.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.impact import Impact
from kvmspec.kinds.network import KIND
from kvmspec.kinds.network.apply import apply as act
from kvmspec.kinds.network.fields import FIELDS
from kvmspec.manifest.secrets import SecretStore
from tests.live.network_cases import LAN, LIMITS, LIVE, MACVTAP, NET, RESTART, SRV, records
from tests.live.test_networks import bridge, changes, front, master, start_guest
from tests.support import dns
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, apply, context, look, plan

pytestmark = pytest.mark.libvirtd


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    """A connection of kvmspec's own to the emptied host, which has interfaces d0, d1 and d2."""
    for dev in ("d0", "d1", "d2"):
        add = ["ip", "link", "add", dev, "type", "veth", "peer", "name", f"peer-{dev}"]
        clean_host.run(add, check=False)
        clean_host.run(["ip", "link", "set", dev, "up"])
    opened = connect(HOST, clean_host.uri, SecretStore())
    yield opened
    opened.close()


def xmls(host: Host) -> tuple[str, str]:
    """The running network, and its definition."""
    network = host.conn.networkLookupByName("front")
    return network.XMLDesc(0), network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)


def test_every_live_row_is_tried() -> None:
    live = {name for name, row in FIELDS.items() if row.impact is Impact.LIVE}
    assert {case.row for case in LIVE.values()} | {"interface"} == live
    assert all(FIELDS[name].call for name in live)


def test_every_row_that_restarts_is_tried_or_says_why_not() -> None:
    tried = {case.row for case in RESTART.values()}
    earlier = {"mode", "bridge", "mtu", "domain", "subnet", "gateway", "other", "macvtap_mode", "metadata"}
    for name in FIELDS.keys() - tried - earlier:
        assert FIELDS[name].impact is Impact.LIVE or FIELDS[name].unproved, name


@pytest.mark.parametrize("name", LIVE)
def test_a_live_row(name: str, host: Host, clean_host: PrivateLibvirt) -> None:
    case = LIVE[name]
    apply(front(case.before), host)
    guest, on = start_guest(host), bridge(host)
    number = guest.ID()
    assert set(changes(case.after, host).values()) == {Impact.LIVE}
    for wanted, there in ((case.after, True), (case.before, False)):
        assert apply(front(wanted), host) == ["UpdateNetwork"]
        assert [case.text in xml for xml in xmls(host)] == [there, there]
        assert plan(front(wanted), host) == []
        assert host.networks.get("front").running
        assert (bridge(host), guest.ID(), master(clean_host, guest)) == (on, number, on)


@pytest.mark.parametrize("name", LIVE)
def test_a_live_row_of_a_stopped_network_is_an_edit(name: str, host: Host) -> None:
    case = LIVE[name]
    apply(front(case.before), host)
    for wanted, there in ((case.after, True), (case.before, False)):
        host.networks.stop("front")
        assert apply(front(wanted), host) == ["EditNetwork", "StartNetwork"]
        assert [case.text in xml for xml in xmls(host)] == [there, there]
        assert plan(front(wanted), host) == []


@pytest.mark.parametrize("name", RESTART)
def test_a_row_that_restarts(name: str, host: Host, clean_host: PrivateLibvirt) -> None:
    case = RESTART[name]
    apply(front(case.before), host)
    guest = start_guest(host)
    number = guest.ID()
    for wanted, there in ((case.after, True), (case.before, False)):
        assert Impact.RESTART in changes(wanted, host).values()
        assert plan(front(wanted), host)[-1][1].guests == ("g",)
        assert apply(front(wanted), host) == ["EditNetwork", "RestartNetwork"]
        assert [case.text in xml for xml in xmls(host)] == [there, there]
        assert plan(front(wanted), host) == []
        assert (guest.ID(), master(clean_host, guest)) == (number, bridge(host))


def test_metadata_of_a_fragment_is_written_without_a_restart(host: Host) -> None:
    apply(front(NET), host)
    for owner in ("web", "db"):
        fragment = f"<network><metadata><o:owner xmlns:o='urn:shop'>{owner}</o:owner></metadata></network>"
        wanted = front({**NET, "xml": fragment})
        assert apply(wanted, host) == ["EditNetwork"]
        assert all(f">{owner}</o:owner>" in xml for xml in xmls(host)[1:])
        assert plan(wanted, host) == []


def test_the_firewall_follows_the_way_out(host: Host, clean_host: PrivateLibvirt) -> None:
    apply(front({**NET, "dev": "d0"}), host)
    apply(front({**NET, "dev": "d1"}), host)
    rules = clean_host.run(["iptables-save"]).stdout
    assert "-o d1 -j MASQUERADE" in rules
    assert "-o d0" not in rules


def test_records_are_served_at_once(host: Host, clean_host: PrivateLibvirt) -> None:
    apply(front(NET), host)
    start_guest(host)
    wanted = records(
        txt={"shop.lan": "v=spf1 -all"},
        srv=[{**SRV, "priority": 10, "weight": 5}],
        hosts={"10.71.0.7": ["gw"]},
    )
    apply(front(wanted), host)

    def answers(name: str, kind: str) -> list[str]:
        command = [sys.executable, str(Path(dns.__file__)), "10.71.0.1", name, kind]
        return clean_host.run(["sh", "-c", 'exec "$@"', "-", *command]).stdout.splitlines()

    assert answers("shop.lan", "TXT") == ["v=spf1 -all"]
    assert answers("_ldap._tcp.shop.lan", "SRV") == ["10 5 389 dc.shop.lan"]
    assert answers("gw", "A") == ["10.71.0.7"]


# --- networks of the host's own
def test_interfaces_of_a_macvtap_network_change_live(host: Host) -> None:
    apply(front(MACVTAP), host)
    assert plan(front(MACVTAP), host) == []
    guest = start_guest(host)
    number = guest.ID()
    wanted = {**MACVTAP, "interfaces": ["d2", "d1"]}
    assert set(changes(wanted, host).items()) == {
        ("interfaces[d0]", Impact.LIVE),
        ("interfaces[d2]", Impact.LIVE),
    }
    ((difference, _),) = plan(front(wanted), host)
    assert difference.notes == (
        "vm/g keeps its macvtap on d0 until the interface is attached again, or the next boot",
    )
    assert apply(front(wanted), host) == ["UpdateNetwork"]
    for xml in xmls(host):
        assert "<interface dev='d1'" in xml
        assert "<interface dev='d2'" in xml
        assert "'d0'" not in xml
    assert plan(front(wanted), host) == []
    assert guest.ID() == number
    assert "dev='d0' mode='bridge'" in guest.XMLDesc()


def test_macvtap_of_another_mode_restarts_and_leaves_the_guest(host: Host) -> None:
    apply(front(MACVTAP), host)
    guest = start_guest(host)
    number = guest.ID()
    wanted = {**MACVTAP, "macvtap_mode": "vepa"}
    assert changes(wanted, host) == {"macvtap_mode": Impact.RESTART}
    assert apply(front(wanted), host) == ["EditNetwork", "RestartNetwork"]
    assert plan(front(wanted), host) == []
    assert (guest.ID(), "<target dev='macvtap" in guest.XMLDesc()) == (number, True)


@pytest.mark.parametrize(("before", "after"), [(MACVTAP, NET), (NET, MACVTAP)], ids=["from", "to"])
def test_a_running_guest_cannot_change_to_or_from_macvtap(
    before: dict[str, Any], after: dict[str, Any], host: Host
) -> None:
    apply(front(before), host)
    guest = start_guest(host)
    about = context(front(after))
    (desired,) = about.desired.values()
    (problem,) = KIND.diff(desired, look(host), about).refusals
    assert "while vm/g runs" in problem.message
    guest.destroy()
    assert apply(front(after), host) == ["EditNetwork", "RestartNetwork"]
    assert plan(front(after), host) == []


OVS = {
    "vlan": {**LAN, "vlan": 42, "virtualport": "openvswitch"},
    "trunk": {**LAN, "vlan": {"trunk": [10, 20], "native": 10}, "virtualport": "openvswitch"},
    "profile": {**LAN, "virtualport": {"type": "openvswitch", "profile": "web"}},
}


@pytest.mark.parametrize("case", OVS)
def test_settings_for_open_vswitch_are_defined(case: str, host: Host) -> None:
    """Without Open vSwitch no guest can be on such a network; the definition is looked at."""
    before = {**LAN, "virtualport": "openvswitch"}
    apply(front(before), host)
    for wanted in (OVS[case], before):
        assert set(changes(wanted, host).values()) == {Impact.RESTART}
        assert apply(front(wanted), host) == ["EditNetwork", "RestartNetwork"]
        assert plan(front(wanted), host) == []


def test_portgroups_of_a_host_bridge_change_live(host: Host) -> None:
    before = {**LAN, "virtualport": "openvswitch"}
    apply(front(before), host)
    wanted = {**before, "portgroups": {"web": {"vlan": 4}, "db": {"vlan": {"trunk": [1, 2]}}}}
    assert apply(front(wanted), host) == ["UpdateNetwork"]
    assert plan(front(wanted), host) == []
    wanted = {**before, "portgroups": {"web": {"vlan": 5, "default": True}}}
    assert apply(front(wanted), host) == ["UpdateNetwork"]
    assert plan(front(wanted), host) == []
    assert all("<tag id='5'/>" in xml and "name='db'" not in xml for xml in xmls(host))


def test_limits_of_all_guests_are_defined(host: Host) -> None:
    """The kernel of this test may not have the queue that libvirt takes: the definition is looked at."""
    apply(front(NET), host)
    wanted = front({**NET, "bandwidth": LIMITS})
    assert changes({**NET, "bandwidth": LIMITS}, host) == {"bandwidth.inbound": Impact.RESTART}
    (_, edit), *_ = plan(wanted, host)
    act(edit, host, lambda text: None)
    assert "<inbound average='10000' peak='20000' burst='2048'/>" in xmls(host)[1]
