"""A network of the manifest against what is there. How libvirt writes it: tests/live."""

from dataclasses import replace
from typing import Any

import pytest

from kvmspec.canon import rng
from kvmspec.canon.edit import edit
from kvmspec.core.action import EditNetwork, RestartNetwork, UpdateNetwork
from kvmspec.core.change import Verb
from kvmspec.core.impact import Impact
from kvmspec.core.observed import Observed
from kvmspec.kinds.network import KIND
from kvmspec.kinds.ownership import derived_uuid
from tests.unit.kinds.network.making import FOREIGN, PROJECT, context, domain, manifest, view

FRONT: dict[str, Any] = {
    "subnet": "10.0.0.0/24",
    "dhcp": {"start": "10.0.0.100", "end": "10.0.0.199", "lease": "12h"},
}
OURS = derived_uuid(PROJECT, "network", "front")
LIVE = """
<network>
  <name>front</name>
  <uuid>{uuid}</uuid>
  <forward mode='nat'/>
  <bridge name='virbr1' stp='on' delay='0'/>
  <mac address='52:54:00:12:77:39'/>
  <ip address='10.0.0.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='10.0.0.100' end='10.0.0.199'>
        <lease expiry='43200' unit='seconds'/>
      </range>
    </dhcp>
  </ip>
</network>
"""
NIC = "<interface type='network'><source network='{}'/></interface>"


def live(uuid: str = OURS, name: str = "front", state: str = "running", **others: Any) -> Observed:
    """The network FRONT as libvirt shows it."""
    xml = LIVE.format(uuid=uuid).replace("<name>front", f"<name>{name}")
    active = xml.replace("'nat'/>", "'nat'><nat><port start='1024' end='65535'/></nat></forward>")
    observed = Observed(
        "network", name, uuid, xml, state, True, active_xml=active if state == "running" else None
    )
    return replace(observed, **others)


def diff(spec: dict[str, Any], *objects: Any, name: str = "front") -> Any:
    about = context(manifest(networks={name: spec}))
    (desired,) = about.desired.values()
    return KIND.diff(desired, view(*objects), about)


def steps(spec: dict[str, Any], *objects: Any) -> list[Any]:
    about = context(manifest(networks={"front": spec}))
    (desired,) = about.desired.values()
    difference = KIND.diff(desired, view(*objects), about)
    return [action for action, _ in KIND.steps(difference, view(*objects), about)]


def test_absent_is_created_and_started() -> None:
    assert diff(FRONT).verb is Verb.CREATE
    assert [type(action).__name__ for action in steps(FRONT)] == [
        "DefineNetwork",
        "StartNetwork",
        "SetAutostart",
    ]
    assert len(steps({**FRONT, "autostart": False})) == 2


def test_the_same_is_nothing_to_do() -> None:
    difference = diff(FRONT, live())
    assert (difference.verb, difference.changes, difference.impact) == (Verb.NO_OP, (), Impact.NONE)
    assert steps(FRONT, live()) == []


SAME = {
    "prefix for netmask": ("netmask='255.255.255.0'", "prefix='24'"),
    "family said": ("<ip address", "<ip family='ipv4' address"),
    "lease in hours": ("expiry='43200' unit='seconds'", "expiry='12' unit='hours'"),
    "lease in libvirt's minutes": ("expiry='43200' unit='seconds'", "expiry='720'"),
    "no MAC yet": ("<mac address='52:54:00:12:77:39'/>", ""),
    "metadata of others": ("<forward", "<metadata><x:y xmlns:x='urn:x'>text</x:y></metadata><forward"),
    "empty dns": ("<ip address", "<dns/><ip address"),
}


@pytest.mark.parametrize("case", SAME)
def test_other_ways_to_say_the_same(case: str) -> None:
    observed = live()
    xml = observed.xml.replace(*SAME[case])
    assert xml != observed.xml
    assert diff(FRONT, replace(observed, xml=xml)).changes == ()


HOST = {"mac": "52:54:00:00:00:01", "ip": "10.0.0.9", "name": "a"}
CHANGES: dict[str, tuple[dict[str, Any], list[tuple[str, Any, Any]], Impact]] = {
    "mode": ({**FRONT, "mode": "route"}, [("mode", "nat", "route")], Impact.RESTART),
    "isolated": ({**FRONT, "mode": "isolated"}, [("mode", "nat", "isolated")], Impact.RESTART),
    "gateway": ({**FRONT, "gateway": "10.0.0.2"}, [("gateway", "10.0.0.1", "10.0.0.2")], Impact.RESTART),
    "subnet": (
        {**FRONT, "subnet": "10.0.0.0/16"},
        [("subnet", "10.0.0.0/24", "10.0.0.0/16")],
        Impact.RESTART,
    ),
    "mtu": ({**FRONT, "mtu": 9000}, [("mtu", None, 9000)], Impact.RESTART),
    "domain": ({**FRONT, "domain": "x.lan"}, [("domain", None, "x.lan")], Impact.RESTART),
    "range": (
        {**FRONT, "dhcp": {**FRONT["dhcp"], "end": "10.0.0.120"}},
        [("dhcp.end", "10.0.0.199", "10.0.0.120")],
        Impact.LIVE,
    ),
    "no range": (
        {**FRONT, "dhcp": {"hosts": [HOST]}},
        [
            ("dhcp.hosts[52:54:00:00:00:01]", None, "10.0.0.9 a"),
            ("dhcp.lease", "12h", None),
            ("dhcp.range", "10.0.0.100 to 10.0.0.199", None),
        ],
        Impact.LIVE,
    ),
    "lease": (
        {**FRONT, "dhcp": {**FRONT["dhcp"], "lease": "90m"}},
        [("dhcp.lease", "12h", "90m")],
        Impact.LIVE,
    ),
    "names": (
        {**FRONT, "dns": {"hosts": {"10.0.0.1": ["b", "a"]}}},
        [("dns.hosts[10.0.0.1]", None, "a, b")],
        Impact.LIVE,
    ),
    "autostart": ({**FRONT, "autostart": False}, [("autostart", True, False)], Impact.LIVE),
    "unstated autostart": (FRONT, [], Impact.NONE),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes(case: str) -> None:
    spec, expected, impact = CHANGES[case]
    difference = diff(spec, live())
    assert sorted((each.path, each.before, each.after) for each in difference.changes) == expected
    assert difference.impact is impact
    assert all(each.reason for each in difference.changes if each.impact is Impact.RESTART)


@pytest.mark.parametrize("case", CHANGES)
def test_an_edited_definition_reads_as_wanted_and_keeps_the_rest(case: str) -> None:
    spec, observed = CHANGES[case][0], live(state="stopped")
    for action in steps(spec, observed):
        if isinstance(action, EditNetwork):
            xml = edit(observed.xml, action.edits)
            assert "virbr1" in xml
            assert "52:54:00:12:77:39" in xml
            assert {each.path for each in diff(spec, replace(observed, xml=xml)).changes} <= {
                "state",
                "autostart",
            }
            assert rng.errors(xml) == [] or "Extra element" in rng.errors(xml)[0]


@pytest.mark.parametrize(
    ("lease", "written"),
    {
        "1d": "24 hours",
        "90m": "90 minutes",
        "150s": "150 seconds",
        "120m": "2 hours",
        "infinite": "0",
    }.items(),
)
def test_a_lease_is_written_in_its_largest_unit(lease: str, written: str) -> None:
    """As a definition has it from the start: there and back, it is the same."""
    (action,) = steps({**FRONT, "dhcp": {**FRONT["dhcp"], "lease": lease}}, live())
    assert isinstance(action, UpdateNetwork)
    amount, _, unit = written.partition(" ")
    more = f' unit="{unit}"' if unit else ""
    assert f'<lease expiry="{amount}"{more} />' in action.changes[-1].xml


def test_stopped_network_needs_no_restart() -> None:
    difference = diff({**FRONT, "mtu": 9000}, live(state="stopped"))
    assert [(each.path, each.impact) for each in difference.changes] == [
        ("mtu", Impact.NONE),
        ("state", Impact.LIVE),
    ]


def test_restart_names_the_running_guests() -> None:
    guests = (
        domain("b", NIC.format("front"), ours=False),
        domain("a", NIC.format("front")),
        domain("off", NIC.format("front"), running=False),
        domain("elsewhere", NIC.format("other")),
    )
    *_, action = steps({**FRONT, "mtu": 9000}, live(), *guests)
    assert isinstance(action, RestartNetwork)
    assert action.guests == ("a", "b")


def test_guests_left_aside_by_a_killed_restart_are_fetched() -> None:
    hold = Observed("network", "kvmspec-hold-front", FOREIGN, "<network/>", "running", persistent=False)
    difference = diff(FRONT, live(), hold, domain("a", NIC.format("kvmspec-hold-front")))
    assert [(each.path, each.before) for each in difference.changes] == [("guests", "vm/a disconnected")]
    assert [
        type(each).__name__
        for each in steps(FRONT, live(), hold, domain("a", NIC.format("kvmspec-hold-front")))
    ] == ["StartNetwork"]


def test_deletions_come_before_additions() -> None:
    names = {**FRONT, "dns": {"hosts": {"10.0.0.5": ["x"], "10.0.0.6": ["y"]}}}
    observed = live()
    shown = "<dns><host ip='10.0.0.5'><hostname>y</hostname></host></dns><ip address"
    assert observed.active_xml is not None
    observed = replace(
        observed,
        xml=observed.xml.replace("<ip address", shown),
        active_xml=observed.active_xml.replace("<ip address", shown),
    )
    (action,) = steps(names, observed)
    assert isinstance(action, UpdateNetwork)
    assert [change.command for change in action.changes] == ["delete", "add-last", "add-last"]
    assert (action.live, action.config) == (True, True)


def test_only_the_definition_differs() -> None:
    observed = live()
    observed = replace(observed, xml=observed.xml.replace("10.0.0.199", "10.0.0.150"))
    (action,) = steps(FRONT, observed)
    assert (action.live, action.config) == (False, True)


GROUPS = {
    "named": ("<source network='front' portgroup='web'/>", {"web": {}}, ["web"]),
    "the default": ("<source network='front'/>", {"web": {"default": True}, "db": {}}, ["web"]),
    "another": ("<source network='front' portgroup='db'/>", {"web": {}, "db": {}}, []),
    "of another network": ("<source network='lan' portgroup='web'/>", {"web": {}}, []),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_running_guest_keeps_its_portgroup_as_it_was(case: str) -> None:
    source, groups, kept = GROUPS[case]
    there = "".join(
        f"<portgroup name='{name}' default='{'yes' if group else 'no'}'/>" for name, group in groups.items()
    )
    observed = live()
    assert observed.active_xml is not None
    observed = replace(
        observed,
        xml=observed.xml.replace("<ip ", f"{there}<ip "),
        active_xml=observed.active_xml.replace("<ip ", f"{there}<ip "),
    )
    wanted = {**FRONT, "portgroups": {**groups, "web": {"vlan": 3, **groups["web"]}}}
    guest = domain("a", f"<interface type='network'>{source}</interface>")
    difference = diff(wanted, observed, guest)
    assert [(each.path, each.impact) for each in difference.changes] == [("portgroups[web]", Impact.LIVE)]
    assert list(difference.notes) == [
        f"vm/a keeps portgroup {name} as it was until the interface is attached again, or the next boot"
        for name in kept
    ]


FOREIGNERS = {
    "another's": (live(FOREIGN), "exists already and was not made by this project"),
    "transient": (live(persistent=False), "is transient"),
    "renamed": (live(name="old"), "was renamed to old outside kvmspec"),
}


@pytest.mark.parametrize("case", FOREIGNERS)
def test_foreign_is_refused(case: str) -> None:
    observed, words = FOREIGNERS[case]
    difference = diff(FRONT, observed)
    assert (difference.verb, difference.changes) == (Verb.NO_OP, ())
    (problem,) = difference.refusals
    assert words in problem.message
    assert problem.hint
    assert steps(FRONT, observed) == []


def test_stated_uuid_adopts_and_compares_only_what_is_stated() -> None:
    observed = live(FOREIGN)
    observed = replace(
        observed, xml=observed.xml.replace("<ip ", "<domain name='x'/><ip ").replace("'on'", "'off'")
    )
    assert diff({"uuid": FOREIGN}, observed).changes == ()
    (change,) = diff({"uuid": FOREIGN, "mtu": 9000}, observed).changes
    assert change.path == "mtu"
    (problem,) = diff({"uuid": OURS.replace("-5", "-4", 1), **FRONT}, observed).refusals
    assert "has the UUID" in problem.message


def gone(*objects: Any, networks: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    about = context(manifest(networks=networks or {"other": FRONT}), **options)
    return KIND.leftovers(view(*objects), about)


def test_leftovers() -> None:
    foreign = live(FOREIGN, "theirs")
    (difference,) = gone(live(), foreign)
    assert (difference.address.short, difference.verb, difference.impact) == (
        "network/front",
        Verb.DELETE,
        Impact.DELETE,
    )
    assert gone(live(), networks={"front": FRONT}) == []
    assert KIND.leftovers(view(live()), context(manifest())) == []  # an empty manifest deletes nothing
    assert len(gone(live(), foreign, networks={"front": FRONT}, destroy=True)) == 1


USERS: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "foreign, running": (domain("x", NIC.format("front"), ours=False), {}, True),
    "foreign, stopped": (domain("x", NIC.format("front"), ours=False, running=False), {}, False),
    "ours, to be deleted": (domain("x", NIC.format("front")), {}, False),
    "ours, stays on it": (domain("x", NIC.format("front")), {"needs": {"x": ["network/front"]}}, True),
    "ours, moves away": (domain("x", NIC.format("front")), {"needs": {"x": ["network/other"]}}, False),
    "ours, destroyed": (
        domain("x", NIC.format("front")),
        {"needs": {"x": ["network/front"]}, "destroy": True},
        False,
    ),
    "not on it": (domain("x", NIC.format("other"), ours=False), {}, False),
}


@pytest.mark.parametrize("case", USERS)
def test_a_network_in_use_is_not_deleted(case: str) -> None:
    user, options, refused = USERS[case]
    (difference,) = gone(live(), user, **options)
    assert bool(difference.refusals) is refused
    assert bool(difference.notes) is (case == "foreign, stopped")


def test_names_cannot_leave_their_element() -> None:
    about = context(manifest(networks={"a.b+c": FRONT}))
    (desired,) = about.desired.values()
    assert rng.errors(KIND.render(desired, about)) == []
