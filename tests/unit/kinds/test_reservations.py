"""Addresses of interfaces: who gives them, what is reserved, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds.addresses import StaticAddress, static_address
from kvmspec.kinds.domain.addresses import addresses
from kvmspec.kinds.domain.nic_spec import NicSpec
from kvmspec.kinds.network import KIND
from kvmspec.kinds.network.spec import NetworkSpec
from kvmspec.kinds.ownership import derived_uuid, mac_for
from kvmspec.kinds.records import KeyMap, Record
from kvmspec.kinds.reservations import Reservation, reservations
from kvmspec.manifest.section import Finding, Item, Manifest
from tests.unit.kinds.network.making import HOST, PROJECT, context, manifest, view

SERVED: dict[str, Any] = {"subnet": "10.0.0.0/24", "dhcp": {}}
BARE: dict[str, Any] = {"subnet": "10.9.0.0/24"}
LAN = {"mode": "bridge", "bridge": "br0"}
NETWORKS = {"front": SERVED, "bare": BARE, "lan": LAN}
UUID = "11111111-2222-4333-8444-555555555555"


def vm(name: str, *nics: Any, host: str = HOST, path: str = "", **fields: Any) -> Item:
    spec = SimpleNamespace(
        networks=tuple(map(NicSpec.model_validate, nics)),
        **({"state": "running", "cloud_init": None} | fields),
    )
    return Item("vm", name, spec, ("vms", path or name), (host,), {})  # type: ignore[arg-type]


def with_vms(*vms: Item, networks: Mapping[str, Any] = NETWORKS, **options: Any) -> Manifest:
    made = manifest(networks=networks, **options)
    return replace(made, items=(*made.items, *vms))


def front(ip: str, **more: Any) -> dict[str, Any]:
    return {"network": "front", "ip": ip, **more}


# --- who gives it
STATIC: dict[str, tuple[dict[str, Any], dict[str, Any] | None, StaticAddress | None]] = {
    "no address": ({"network": "front"}, BARE, None),
    "DHCP gives it": ({"network": "front", "ip": "10.0.0.9"}, SERVED, None),
    "no DHCP": (
        {"network": "front", "ip": "10.9.0.9"},
        BARE,
        StaticAddress("10.9.0.9/24", "10.9.0.1", ("10.9.0.1",)),
    ),
    "with its prefix": (
        {"network": "front", "ip": "10.9.0.9/24"},
        {**BARE, "gateway": "10.9.0.254"},
        StaticAddress("10.9.0.9/24", "10.9.0.254", ("10.9.0.254",)),
    ),
    "isolated: no way out": (
        {"network": "front", "ip": "10.9.0.9"},
        {**BARE, "mode": "isolated"},
        StaticAddress("10.9.0.9/24", None, ("10.9.0.1",)),
    ),
    "what is stated goes first": (
        {"network": "front", "ip": "10.9.0.9", "gateway": "10.9.0.7", "nameservers": ["9.9.9.9"]},
        BARE,
        StaticAddress("10.9.0.9/24", "10.9.0.7", ("9.9.9.9",)),
    ),
    "bridge": (
        {"bridge": "br0", "ip": "192.168.1.20/24", "gateway": "192.168.1.1", "nameservers": ["192.168.1.1"]},
        None,
        StaticAddress("192.168.1.20/24", "192.168.1.1", ("192.168.1.1",)),
    ),
    "network of mode bridge": (
        {"network": "lan", "ip": "192.168.1.20/16"},
        LAN,
        StaticAddress("192.168.1.20/16", None, ()),
    ),
    "network of somebody else's": (
        {"network": "default", "ip": "192.168.122.9/24"},
        None,
        StaticAddress("192.168.122.9/24", None, ()),
    ),
    "adopted, its own address not stated": (
        {"network": "front", "ip": "10.9.0.9"},
        {**BARE, "uuid": UUID},
        StaticAddress("10.9.0.9/24", None, ()),
    ),
}


@pytest.mark.parametrize("case", STATIC)
def test_what_cloud_init_has_to_set(case: str) -> None:
    nic, net, expected = STATIC[case]
    spec = NetworkSpec.model_validate(net) if net is not None else None
    assert static_address(NicSpec.model_validate(nic), spec) == expected


WRITTEN = {
    "plain": ("10.0.0.9", "10.0.0.9"),
    "with a prefix": ("10.0.0.9/24", "10.0.0.9/24"),
}
MISWRITTEN = (
    "10.0.0",
    "10.0.0.256",
    "10.0.0.9/33",
    "10.0.0.9/255.255.255.0",
    "fd00::1",
    "web",
    10,
    "",
    "10.0.0.9/",
)


@pytest.mark.parametrize("case", WRITTEN)
def test_written(case: str) -> None:
    text, read = WRITTEN[case]
    assert NicSpec.model_validate(front(text)).ip == read


@pytest.mark.parametrize("text", MISWRITTEN)
def test_miswritten(text: Any) -> None:
    with pytest.raises(ValidationError, match=r"IPv4 address such as 192\.168\.150\.10"):
        NicSpec.model_validate(front(text))


@pytest.mark.parametrize("field", ["gateway", "nameservers"])
def test_nothing_to_go_with(field: str) -> None:
    value = {"gateway": "10.0.0.1", "nameservers": ["10.0.0.1"]}[field]
    with pytest.raises(ValidationError, match=f"`{field}` goes with `ip` only"):
        NicSpec.model_validate({"network": "front", field: value})


# --- what is reserved
def reserved(of: Manifest, seen: HostView | None = None, host: str = HOST) -> list[Reservation]:
    return reservations(of, "front", host, seen)


def mac(name: str, key: str = "front") -> str:
    return mac_for(PROJECT, name, key)


def test_one_for_each_that_states_an_address_on_a_network_with_dhcp() -> None:
    nics = ("front", front("10.0.0.9/24"), {"network": "bare", "ip": "10.9.0.9"}, {"bridge": "br0"})
    assert reserved(with_vms(vm("web", *nics))) == [
        Reservation(mac("web", "front#2"), "10.0.0.9", "web", "web")
    ]
    assert reserved(with_vms(vm("web", *nics), networks={"front": BARE})) == []


def test_a_vm_has_one_name_on_a_network() -> None:
    found = reserved(with_vms(vm("web", front("10.0.0.9"), front("10.0.0.10"))))
    assert [each.name for each in found] == ["web", None]


@pytest.mark.parametrize("name", ["a_b", "a+b", "_a", "a.b", "a-"])
def test_no_host_name_no_name(name: str) -> None:
    assert [each.name for each in reserved(with_vms(vm(name, front("10.0.0.9"))))] == [None]


def test_names_that_dns_takes_for_one_are_given_once() -> None:
    found = reserved(with_vms(vm("Web", front("10.0.0.9")), vm("web", front("10.0.0.10"))))
    assert [each.name for each in found] == ["Web", None]


def test_the_networks_own_come_first() -> None:
    own = {"mac": mac("web"), "ip": "10.0.0.9", "name": "db"}
    net = {**SERVED, "dhcp": {"hosts": [own]}}
    of = with_vms(vm("web", front("10.0.0.9")), vm("db", front("10.0.0.10")), networks={"front": net})
    assert reserved(of) == [Reservation(mac("db"), "10.0.0.10", None, "db")]


def test_each_host_has_a_network_of_its_own() -> None:
    of = with_vms(
        vm("a", front("10.0.0.9"), host="hv1"), vm("b", front("10.0.0.9"), host="hv2"), hosts=("hv1", "hv2")
    )
    assert [each.vm for each in reserved(of, host="hv1")] == ["a"]
    assert [each.vm for each in reserved(of, host="hv2")] == ["b"]
    assert list(addresses(of)) == []


def domain(name: str, mac: str, keys: Mapping[str, str] | None, uuid: str = "") -> Observed:
    """A domain with one interface on front; with `keys` it is kvmspec's."""
    uuid = uuid or derived_uuid(PROJECT, "vm", name)
    record = Record(PROJECT, uuid, keys=KeyMap({}, keys)).xml() if keys is not None else ""
    interface = f"<interface type='network'><mac address='{mac}'/><source network='front'/></interface>"
    xml = (
        f"<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><metadata>{record}</metadata>"
        f"<devices>{interface}</devices></domain>"
    )
    return Observed("vm", name, uuid, xml)


ONE, TWO = "52:54:00:00:00:01", "52:54:00:00:00:02"
CARDS: dict[str, tuple[Observed, dict[str, Any], str]] = {
    "the one it was given": (domain("web", ONE, {"front": ONE}), front("10.0.0.9"), ONE),
    "the one it states": (domain("web", ONE, {"front": ONE}), front("10.0.0.9", mac=TWO), TWO),
    "the one that somebody gave it since": (domain("web", TWO, {"front": ONE}), front("10.0.0.9"), TWO),
    "the one an adopted VM has": (domain("web", ONE, None, UUID), front("10.0.0.9"), ONE),
    "a new one for a new key": (domain("web", ONE, {"old": ONE}), front("10.0.0.9"), mac("web")),
    "not one that another VM has": (
        domain("other", mac("web"), {"front": mac("web")}),
        front("10.0.0.9"),
        mac("web", "front\n2"),
    ),
}


@pytest.mark.parametrize("case", CARDS)
def test_it_is_reserved_for_the_card_that_the_vm_has(case: str) -> None:
    observed, interface, expected = CARDS[case]
    (found,) = reserved(with_vms(vm("web", interface)), view(observed))
    assert found.mac == expected


def test_a_vm_to_be_renamed_keeps_its_card() -> None:
    of = replace(with_vms(vm("shop", front("10.0.0.9"))), moved=(("web", "shop"),))
    (found,) = reserved(of, view(domain("web", ONE, {"front": ONE})))
    assert (found.mac, found.name) == (ONE, "shop")


def test_the_network_is_wanted_with_them() -> None:
    own = {"mac": ONE, "ip": "10.0.0.2"}
    of = with_vms(vm("web", front("10.0.0.9")), networks={"front": {**SERVED, "dhcp": {"hosts": [own]}}})
    (item,) = of.of("network")
    (desired,) = KIND.desire(of, item, HOST, None)
    xml = KIND.render(desired, context(of))
    hosts = re.findall(r"<host .*/>", xml)
    assert hosts == [
        f'<host mac="{ONE}" ip="10.0.0.2"/>',
        f'<host mac="{mac("web")}" name="web" ip="10.0.0.9"/>',
    ]
    assert desired.extra == {mac("web"): "web"}


# --- what is wrong
INIT: dict[str, Any] = {"cloud_init": {}}
RIGHT: dict[str, list[Item]] = {
    "by DHCP": [vm("web", front("10.0.0.9"))],
    "by DHCP, with the prefix": [vm("web", front("10.0.0.9/24"))],
    "one address on two networks": [
        vm("web", front("10.0.0.9"), {"bridge": "br0", "ip": "10.0.0.9/24"}, **INIT)
    ],
    "on two bridges": [
        vm("a", {"bridge": "br0", "ip": "10.0.0.9/24"}, {"bridge": "br1", "ip": "10.0.0.9/24"}, **INIT)
    ],
    "by cloud-init without DHCP": [vm("web", {"network": "bare", "ip": "10.9.0.9"}, **INIT)],
    "by cloud-init on somebody else's": [vm("web", {"network": "default", "ip": "10.0.0.9/24"}, **INIT)],
    "the ends of a line of two": [vm("web", {"bridge": "br0", "ip": "10.0.0.0/31"}, **INIT)],
    "a router": [vm("web", {"bridge": "br0", "ip": "10.0.0.9/24", "gateway": "10.0.0.1"}, **INIT)],
}


@pytest.mark.parametrize("case", RIGHT)
def test_right(case: str) -> None:
    assert list(addresses(with_vms(*RIGHT[case]))) == []


def lan(ip: str, **more: Any) -> dict[str, Any]:
    return {"network": "lan", "ip": ip, **more}


WRONG: dict[str, tuple[list[Item], str, str]] = {
    "no DHCP, no cloud-init": (
        [vm("web", {"network": "bare", "ip": "10.9.0.9"})],
        "nothing gives 10.9.0.9: network bare has no `dhcp:`",
        "add `dhcp: {}` to it, or add `cloud_init:`",
    ),
    "bridge, no cloud-init": (
        [vm("web", {"bridge": "br0", "ip": "10.9.0.9/24"})],
        "DHCP on bridge br0 is not libvirt's",
        "add `cloud_init:`",
    ),
    "network of mode bridge, no cloud-init": ([vm("web", lan("10.9.0.9"))], "bridge br0", "its prefix"),
    "not ours": (
        [vm("web", {"network": "default", "ip": "10.0.0.9"})],
        "network default is not declared here",
        "declare it with its `uuid:`",
    ),
    "no prefix": (
        [vm("web", {"bridge": "br0", "ip": "10.9.0.9"}, **INIT)],
        "nothing says in which subnet 10.9.0.9 is",
        "10.9.0.9/24",
    ),
    "outside": (
        [vm("web", front("10.0.1.9"))],
        "10.0.1.9 is outside the subnet 10.0.0.0/24",
        "10.0.0.1 to 10.0.0.254",
    ),
    "the subnet": ([vm("web", front("10.0.0.0"))], "is the address of the subnet", "10.0.0.1 to"),
    "the broadcast": ([vm("web", front("10.0.0.255"))], "broadcast", "10.0.0.1 to"),
    "the host": ([vm("web", front("10.0.0.1"))], "10.0.0.1 is the host's own address on network front", ""),
    "another prefix": (
        [vm("web", front("10.0.0.9/16"))],
        "/16 is not that of network front, 10.0.0.0/24",
        "/24",
    ),
    "the broadcast of its own prefix": (
        [vm("web", {"bridge": "br0", "ip": "10.0.0.255/24"}, **INIT)],
        "broadcast",
        "",
    ),
    "router by DHCP": (
        [vm("web", front("10.0.0.9", gateway="10.0.0.1"))],
        "`gateway` has no effect: DHCP of network front",
        "take it out",
    ),
    "router elsewhere": (
        [vm("web", lan("10.0.0.9/24", gateway="10.0.1.1"), **INIT)],
        "10.0.1.1 is outside the subnet 10.0.0.0/24",
        "router",
    ),
    "router to itself": (
        [vm("web", lan("10.0.0.9/24", gateway="10.0.0.9"), **INIT)],
        "10.0.0.9 is the VM's own address",
        "router",
    ),
    "twice": (
        [vm("a", front("10.0.0.9")), vm("b", front("10.0.0.9/24"))],
        "the address 10.0.0.9 is used twice on network front: by vm/a (networks[0]) and vm/b (networks[0])",
        "choose another",
    ),
    "twice in one VM": (
        [vm("a", front("10.0.0.9"), front("10.0.0.9"))],
        "by vm/a (networks[0]) and vm/a (networks[1])",
        "",
    ),
    "counted without index": (
        [vm("web-1", front("10.0.0.9"), path="web"), vm("web-2", front("10.0.0.9"), path="web")],
        "by vm/web-1 (networks[0]) and vm/web-2 (networks[0])",
        'write `${index}` in it, such as "10.0.0.1${index}"',
    ),
    "twice behind a bridge of all hosts": (
        [
            vm("a", {"bridge": "br0", "ip": "10.0.0.9/24"}, host="hv1", **INIT),
            vm("b", lan("10.0.0.9/24"), host="hv2", **INIT),
        ],
        "is used twice on network lan",
        "choose another",
    ),
}


def found_in(*vms: Item, **options: Any) -> list[Finding]:
    return list(addresses(with_vms(*vms, **options)))


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    vms, message, hint = WRONG[case]
    (found,) = found_in(*vms)
    assert message in found.message
    assert hint in found.hint
    assert found.path[:3] == ("vms", vms[-1].path[-1], "networks")
    assert not found.warning


def test_twice_is_a_warning_where_neither_shall_run() -> None:
    a, b = (vm(name, front("10.0.0.9"), state="stopped") for name in "ab")
    (found,) = found_in(a, b)
    assert found.warning
    (reserved_once,) = reserved(with_vms(a, b))
    assert reserved_once.vm == "a"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"mac": ONE, "ip": "10.0.0.9"}, "by front.dhcp.hosts[0] and vm/web (networks[0])"),
        ({"mac": mac("web"), "ip": "10.0.0.8"}, "front.dhcp.hosts[0] gives 10.0.0.8 to this NIC"),
        ({"mac": mac("web"), "ip": "10.0.0.9"}, ""),
    ],
    ids=["another's address", "another address", "the same twice"],
)
def test_beside_the_networks_own_reservations(own: dict[str, str], message: str) -> None:
    networks = {"front": {**SERVED, "dhcp": {"hosts": [own]}}}
    found = found_in(vm("web", front("10.0.0.9")), networks=networks)
    assert [message in each.message for each in found] == [True] * bool(message)


def test_dhcp_with_nothing_to_hand_out_is_told() -> None:
    networks = {"front": SERVED}
    (found,) = KIND.section.check(manifest(networks=networks))
    assert found.warning and "nothing to hand out" in found.message
    assert list(KIND.section.check(with_vms(vm("web", front("10.0.0.9")), networks=networks))) == []


# --- any set of VMs
_NICS = st.lists(st.tuples(st.integers(2, 40), st.none() | st.integers(1, 9)), max_size=3)


@given(st.dictionaries(st.sampled_from(["a", "B", "b", "c_d", "e.f", "g"]), _NICS))
def test_reservations_are_unique_and_complete(fleet: dict[str, list[tuple[int, int | None]]]) -> None:
    vms = [vm(name, *(_random(*each) for each in nics)) for name, nics in fleet.items()]
    of = with_vms(*vms)
    found = reserved(of)
    for values in zip(*((each.mac, each.ip, (each.name or each.mac).lower()) for each in found), strict=True):
        assert len(set(values)) == len(values)
    wanted = {f"10.0.0.{last}" for nics in fleet.values() for last, _ in nics}
    assert {each.ip for each in found} <= wanted
    stated = [number for nics in fleet.values() for _, number in nics if number is not None]
    if not list(addresses(of)) and len(set(stated)) == len(stated):
        assert {each.ip for each in found} == wanted
    assert all(IPv4Address(each.ip) for each in found)


def _random(last: int, number: int | None) -> dict[str, Any]:
    return front(f"10.0.0.{last}", **({"mac": f"52:54:00:00:00:{number:02x}"} if number is not None else {}))
