"""Networks on a real libvirtd, with guests attached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.adapters.libvirt.taps import HOLD
from kvmspec.core.impact import Impact
from kvmspec.kinds.network import KIND
from kvmspec.kinds.network.apply import apply as act
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.manifest.secrets import SecretStore
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, PROJECT, apply, context, look, manifest, plan

pytestmark = pytest.mark.libvirtd

FRONT = {
    "subnet": "10.71.0.0/24",
    "dhcp": {
        "start": "10.71.0.100",
        "end": "10.71.0.150",
        "lease": "12h",
        "hosts": [{"mac": "52:54:00:71:00:01", "ip": "10.71.0.10", "name": "a"}],
    },
    "dns": {"hosts": {"10.71.0.1": ["gw.shop.lan", "gw"]}},
    "domain": "shop.lan",
    "mtu": 1400,
}
GUEST = """
<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>
<os><type machine='pc'>hvm</type></os>
<devices><interface type='network'><mac address='52:54:00:71:00:01'/><source network='{network}'/>
<model type='virtio'/></interface></devices></domain>
"""


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    """A connection of kvmspec's own to the emptied host."""
    opened = connect(HOST, clean_host.uri, SecretStore())
    yield opened
    opened.close()


def without(network: dict[str, Any], *fields: str, **others: Any) -> dict[str, Any]:
    return {key: value for key, value in network.items() if key not in fields} | others


def dhcp(**others: Any) -> dict[str, Any]:
    return without(FRONT, dhcp={**FRONT["dhcp"], **others})


def front(of: Any) -> Any:
    return manifest(networks={"front": of})


def changes(of: Any, host: Host) -> dict[str, Any]:
    wanted = context(front(of))
    (desired,) = wanted.desired.values()
    difference = KIND.diff(desired, look(host), wanted)
    assert not difference.refusals
    return {change.path: change.impact for change in difference.changes}


def start_guest(host: Host, name: str = "g", network: str = "front") -> Any:
    guest = host.conn.defineXML(GUEST.format(name=name, network=network))
    guest.create()
    return guest


def master(machine: PrivateLibvirt, guest: Any) -> str:
    """The bridge that the guest's tap is on."""
    dev = guest.XMLDesc().partition("<target dev='vnet")[2].partition("'")[0]
    link = machine.run(["ip", "-o", "link", "show", f"vnet{dev}"]).stdout
    return link.partition(" master ")[2].partition(" ")[0]


def bridge(host: Host, name: str = "front") -> str:
    return str(host.conn.networkLookupByName(name).bridgeName())


MODES = {
    "nat": FRONT,
    "route": {"mode": "route", "subnet": "10.71.0.0/24"},
    "open": {"mode": "open", "subnet": "10.71.0.0/24", "dhcp": {"start": "10.71.0.9", "end": "10.71.0.9"}},
    "isolated": {"mode": "isolated", "subnet": "10.71.0.0/30", "gateway": "10.71.0.2"},
    "no address at all": {"mode": "isolated", "dns": {"hosts": {"10.9.9.9": ["x"]}}, "mtu": 9000},
    "reservations only": {
        "subnet": "10.71.0.0/24",
        "dhcp": {"hosts": [{"mac": "52:54:00:71:00:01", "ip": "10.71.0.10"}]},
    },
    "host bridge": {"mode": "bridge", "bridge": "br0"},
    "autostart off": without(FRONT, autostart=False),
}


@pytest.mark.parametrize("mode", MODES)
def test_created_then_nothing_to_do_then_destroyed(mode: str, host: Host) -> None:
    wanted = front(MODES[mode])
    assert apply(wanted, host)[:2] == ["DefineNetwork", "StartNetwork"]
    observed = host.networks.get("front")
    assert (observed.state, observed.autostart) == ("running", mode != "autostart off")
    assert observed.uuid == derived_uuid(PROJECT, "network", "front")
    assert plan(wanted, host) == []
    assert apply(wanted, host, destroy=True) == ["DeleteNetwork"]
    assert "front" not in look(host).networks


LIVE = {
    "a reservation more": dhcp(
        hosts=[*FRONT["dhcp"]["hosts"], {"mac": "52:54:00:71:00:02", "ip": "10.71.0.11", "name": "b"}]
    ),
    "no reservation": dhcp(hosts=[]),
    "another address for it": dhcp(hosts=[{**FRONT["dhcp"]["hosts"][0], "ip": "10.71.0.20"}]),
    "another name for it": dhcp(hosts=[{**FRONT["dhcp"]["hosts"][0], "name": "z"}]),
    "another range": dhcp(start="10.71.0.110"),
    "another lease time": dhcp(lease="1h"),
    "libvirt's lease time": without(FRONT, dhcp={k: v for k, v in FRONT["dhcp"].items() if k != "lease"}),
    "no range": without(FRONT, dhcp={"hosts": FRONT["dhcp"]["hosts"]}),
    "no dhcp": without(FRONT, "dhcp"),
    "other names": without(FRONT, dns={"hosts": {"10.71.0.1": ["gw"], "10.71.0.2": ["two"]}}),
    "no names": without(FRONT, "dns"),
}


@pytest.mark.parametrize("case", LIVE)
def test_changes_while_running(case: str, host: Host) -> None:
    apply(front(FRONT), host)
    before = host.networks.get("front")
    assert set(changes(LIVE[case], host).values()) == {Impact.LIVE}
    assert apply(front(LIVE[case]), host) == ["UpdateNetwork"]
    assert plan(front(LIVE[case]), host) == []
    assert apply(front(FRONT), host) == ["UpdateNetwork"]  # and back
    assert plan(front(FRONT), host) == []
    after = host.networks.get("front")
    assert sorted(after.xml.split()) == sorted(before.xml.split())


def test_two_reservations_swap_their_addresses_and_names(host: Host) -> None:
    one = {"mac": "52:54:00:71:00:01", "ip": "10.71.0.10", "name": "a"}
    two = {"mac": "52:54:00:71:00:02", "ip": "10.71.0.11", "name": "b"}
    apply(front(dhcp(hosts=[one, two])), host)
    for swapped in (
        [{**one, "ip": two["ip"]}, {**two, "ip": one["ip"]}],
        [one, two],
        [{**one, "mac": two["mac"]}, {**two, "mac": one["mac"]}],
    ):
        assert apply(front(dhcp(hosts=swapped)), host) == ["UpdateNetwork"]
        assert plan(front(dhcp(hosts=swapped)), host) == []


RESTART = {
    "mode": without(FRONT, mode="route"),
    "to isolated": without(FRONT, mode="isolated"),
    "subnet": {"subnet": "10.72.0.0/16"},
    "gateway": without(FRONT, gateway="10.71.0.5"),
    "domain": without(FRONT, domain="other.lan"),
    "no domain": without(FRONT, "domain"),
    "mtu": without(FRONT, mtu=1300),
    "no mtu": without(FRONT, "mtu"),
    "no address": {"mode": "isolated"},
    "host bridge": {"mode": "bridge", "bridge": "br9"},
}


@pytest.mark.parametrize("case", RESTART)
def test_changes_that_restart_reconnect_the_guests(case: str, host: Host, clean_host: PrivateLibvirt) -> None:
    clean_host.run(["ip", "link", "add", "br9", "type", "bridge"], check=False)
    apply(front(FRONT), host)
    guest = start_guest(host)
    start_guest(host, "other", "default")
    assert master(clean_host, guest) == bridge(host)
    number = guest.ID()
    for wanted in (RESTART[case], FRONT):  # there and back
        assert Impact.RESTART in changes(wanted, host).values()
        assert apply(front(wanted), host) == ["EditNetwork", "RestartNetwork"]
        assert plan(front(wanted), host) == []
        assert guest.ID() == number
        assert master(clean_host, guest) == bridge(host)
    assert look(host).networks.keys() == {"front", "default"}


def test_definition_keeps_what_libvirt_chose(host: Host) -> None:
    apply(front(FRONT), host)
    kept = ("<uuid>", "<bridge ", "<mac ")
    before = [line for line in host.networks.get("front").xml.splitlines() if line.strip().startswith(kept)]
    apply(front(without(FRONT, subnet="10.71.0.0/16", mtu=1200)), host)
    after = [line for line in host.networks.get("front").xml.splitlines() if line.strip().startswith(kept)]
    assert [line for line in after if "52:54:00:71" not in line] == before


def test_stopped_network_is_changed_without_restart_and_started(host: Host) -> None:
    apply(front(FRONT), host)
    host.networks.stop("front")
    wanted = without(FRONT, mtu=1300, subnet="10.71.0.0/16")
    assert changes(wanted, host) == {"mtu": Impact.NONE, "subnet": Impact.NONE, "state": Impact.LIVE}
    assert apply(front(wanted), host) == ["EditNetwork", "StartNetwork"]
    assert plan(front(wanted), host) == []


def test_guest_whose_network_was_stopped_is_connected_again(host: Host, clean_host: PrivateLibvirt) -> None:
    apply(front(FRONT), host)
    guest = start_guest(host)
    host.networks.stop("front")
    assert master(clean_host, guest) == ""
    assert apply(front(FRONT), host) == ["StartNetwork"]
    assert master(clean_host, guest) == bridge(host)


@pytest.mark.parametrize("until", ["hold", "stop", "start"])
def test_restart_killed_half_way_is_finished_by_the_next(
    until: str, host: Host, clean_host: PrivateLibvirt
) -> None:
    apply(front(FRONT), host)
    guest = start_guest(host)
    wanted = front(without(FRONT, mtu=1300))
    edit, restart = (action for _, action in plan(wanted, host))
    act(edit, host, lambda text: None)
    for step in ("hold", "stop", "start")[: ("hold", "stop", "start").index(until) + 1]:
        getattr(host.networks, step)("front")
    assert restart.guests == ("g",)
    assert apply(wanted, host)
    assert plan(wanted, host) == []
    assert master(clean_host, guest) == bridge(host)
    assert HOLD + "front" not in look(host).networks


def test_what_others_changed_is_put_right(host: Host) -> None:
    apply(front(FRONT), host)
    observed = host.networks.get("front")
    host.networks.define(
        observed.xml.replace(
            "<ip ", "<portgroup name='x'/><ip family='ipv6' address='fd00::1' prefix='64'/><ip ", 1
        ).replace("stp='on'", "stp='off'")
    )
    assert set(changes(FRONT, host)) == {
        "portgroups[x]",
        "ipv6.subnet",
        "ipv6.gateway",
        "stp",
    }
    assert apply(front(FRONT), host) == ["EditNetwork", "RestartNetwork"]
    assert plan(front(FRONT), host) == []


def test_what_only_the_running_network_lacks_is_added(host: Host) -> None:
    apply(front(FRONT), host)
    network = host.conn.networkLookupByName("front")
    network.update(
        libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
        libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
        -1,
        "<host mac='52:54:00:71:00:01'/>",
        libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE,
    )
    assert changes(FRONT, host) == {"dhcp.hosts[52:54:00:71:00:01]": Impact.LIVE}
    ((_, action),) = plan(front(FRONT), host)
    assert (action.live, action.config) == (True, False)
    apply(front(FRONT), host)
    assert plan(front(FRONT), host) == []


def test_adopted_network_keeps_what_is_not_stated(host: Host) -> None:
    default = host.networks.get("default")
    stated = {"uuid": default.uuid, "subnet": "192.168.122.0/24"}
    wanted = manifest(networks={"default": stated})
    assert plan(wanted, host) == []
    stated["dhcp"] = {"hosts": [{"mac": "52:54:00:71:00:09", "ip": "192.168.122.9"}]}
    wanted = manifest(networks={"default": stated})
    assert apply(wanted, host) == ["UpdateNetwork"]
    assert plan(wanted, host) == []
    xml = host.networks.get("default").xml
    assert "<range start='192.168.122.2' end='192.168.122.254'/>" in xml
    wanted = manifest(networks={"default": {**stated, "domain": "d.lan"}})
    assert apply(wanted, host) == ["EditNetwork", "RestartNetwork"]
    assert "<range start='192.168.122.2' end='192.168.122.254'/>" in host.networks.get("default").xml
    assert plan(wanted, host) == []
    host.networks.define(default.xml)  # clean_host expects it as it was
    host.networks.stop("default")
    host.networks.start("default")


def test_every_action_twice_is_as_once(host: Host) -> None:
    for wanted in (FRONT, without(FRONT, mtu=1300)):
        for _, action in plan(front(wanted), host):
            act(action, host, lambda text: None)
            act(action, host, lambda text: None)
        assert plan(front(wanted), host) == []
    for _, action in plan(front(FRONT), host, destroy=True):
        act(action, host, lambda text: None)
        act(action, host, lambda text: None)


def test_fingerprint_sees_changes_and_not_guests(host: Host) -> None:
    assert KIND.fingerprint("front", look(host)) == ""
    apply(front(FRONT), host)
    before = KIND.fingerprint("front", look(host))
    start_guest(host)
    assert KIND.fingerprint("front", look(host)) == before
    host.networks.set_autostart("front", False)
    assert KIND.fingerprint("front", look(host)) != before


def test_leftover_used_by_a_foreign_guest_is_refused(host: Host) -> None:
    apply(front(FRONT), host)
    start_guest(host)
    about = context(replace(front(FRONT), items=()), destroy=True)
    (difference,) = KIND.leftovers(look(host), about)
    assert [problem.message for problem in difference.refusals] == [
        "network/front on hv1 is used by vm/g, which stays"
    ]
