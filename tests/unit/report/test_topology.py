"""The topology as a picture: what is drawn, where, and what is folded."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import pytest

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.plan import Plan
from kvmspec.report.effects import LIVE, NO_OP
from kvmspec.report.topology import OUTSIDE, UNREAD, Node, Picture, picture
from kvmspec.report.topology.graph import MAX_NODES, natural
from kvmspec.report.values import width
from tests.unit.report import plans as p
from tests.unit.report.sites import CALM, HOSTS, SITE, all_new, big

PLANS = {"site": SITE, "calm": CALM, "big": big(1000), "new": all_new(300), "small": p.BIG}


def drawn(plan: Plan) -> Picture:
    found = picture(plan)
    assert found is not None
    return found


def node(found: Picture, address: Address) -> Node:
    (node,) = [each for each in found.nodes if each.address == address]
    return node


def edges(found: Picture) -> set[tuple[str, str]]:
    names = {each.number: each.text for each in found.nodes}
    return {(names[edge.start], names[edge.end]) for edge in found.edges}


def test_nothing_to_draw() -> None:
    assert picture(p.plan()) is None


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_nothing_overlaps_and_all_lies_in_its_host(plan: Plan) -> None:
    found = drawn(plan)
    for one, other in combinations(found.nodes, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart, (one, other)
    for each in found.nodes:
        inside = [box for box in found.hosts if box.y < each.y and each.y + each.height < box.y + box.height]
        assert [box.name for box in inside] == [each.members[0].host]
        assert each.x > 0 and each.x + each.width < found.width
    for above, below in zip(found.hosts, found.hosts[1:], strict=False):
        assert above.y + above.height < below.y
    assert found.hosts[-1].y + found.hosts[-1].height == found.height


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_text_fits(plan: Plan) -> None:
    for each in drawn(plan).nodes:
        assert width(each.text) * 7.25 <= each.width - 34, each.text


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_edges_begin_and_end_at_the_sides_of_their_nodes(plan: Plan) -> None:
    found = drawn(plan)
    ends = {(x, each.middle) for each in found.nodes for x in (each.x, each.x + each.width)}
    for edge in found.edges:
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", edge.path)]
        assert (numbers[0], numbers[1]) in ends
        assert (numbers[-2], numbers[-1]) in ends


def test_it_is_the_same_each_time() -> None:
    assert drawn(SITE) == drawn(replace(SITE))


def test_a_long_name_is_cut_in_the_middle_and_told_in_full() -> None:
    long = node(drawn(SITE), p.at("vm/build-long-name-of-a-machine-that-does-not-fit-01", "hv2"))
    assert re.fullmatch("build-long-.*….*not-fit-01", long.text)
    assert long.title == "vm/build-long-name-of-a-machine-that-does-not-fit-01: replace"


def test_what_the_boxes_tell_needs_no_edge() -> None:
    found = edges(drawn(SITE))
    assert ("db", "pgdata") in found
    assert ("web-1", "front") in found
    assert ("web-1", "db") in found
    assert not {(user, used) for user, used in found if used.startswith("pool ")}


def test_a_pool_that_is_used_without_a_volume_has_an_edge() -> None:
    links = ((p.at("vm/a"), p.at("pool/p")),)
    assert edges(drawn(p.plan(Difference(p.at("vm/a"), Verb.ADOPT), links=links))) == {("a", "pool p")}


def test_volumes_lie_in_the_box_of_their_pool() -> None:
    found = drawn(SITE)
    frames = found.hosts[0].frames
    assert len(frames) == 3
    for name, count in (("vms", 7), ("fast", 1), ("images", 1)):
        pool = node(found, p.at(f"pool/{name}"))
        (frame,) = [f for f in frames if f.y < pool.y < f.y + f.height]
        inside = [
            each for each in found.nodes if each.x == pool.x and frame.y < each.y < frame.y + frame.height
        ]
        assert len(inside) == count + 1


def test_what_is_not_in_the_plan_and_what_could_not_be_read_is_dashed() -> None:
    found = drawn(SITE)
    assert node(found, p.at("network/default")).effect is OUTSIDE
    assert node(found, p.at("vm/edge", "hv3")).effect is UNREAD
    dashed = {edge.end for edge in found.edges if edge.dashed}
    assert node(found, p.at("network/default")).number in dashed
    assert node(found, p.at("network/front")).number not in dashed
    assert [box.unknown for box in found.hosts] == [False, False, True]


def test_an_unknown_host_of_which_nothing_is_known() -> None:
    found = drawn(replace(SITE, links=()))
    assert (found.hosts[2].unknown, found.hosts[2].note) == (True, "nothing of it is known")


def test_vms_of_a_network_are_together() -> None:
    links = tuple((p.at(f"vm/{vm}"), p.at(f"network/{net}")) for vm, net in zip("abcd", "zyzy", strict=True))
    vms = [Difference(p.at(f"vm/{vm}"), Verb.NO_OP) for vm in "abcd"]
    order = [each.text for each in drawn(p.plan(*vms, links=links)).nodes if each.address in dict(links)]
    assert order == ["b", "d", "a", "c"]


# --- big plans
def test_what_changes_is_drawn_first_and_the_rest_folded() -> None:
    found = drawn(big(vms=400, hosts=1))
    vms = [each for each in found.nodes if each.address and each.address.kind == "vm"]
    (fold,) = [each for each in found.nodes if not each.address and each.members[0].kind == "vm"]
    assert len(vms) == MAX_NODES
    assert all(each.effect is not NO_OP for each in vms)
    assert (fold.text, fold.title) == ("and 360 more VMs", "360 no change")


def test_a_fold_says_how_many_of_it_change() -> None:
    found = drawn(big(vms=500, hosts=1))
    (fold,) = [each for each in found.nodes if not each.address and each.members[0].kind == "vm"]
    assert (fold.text, fold.title) == ("and 460 more VMs, 10 change", "10 change live, 450 no change")
    assert fold.effect is LIVE


def test_a_fold_has_one_edge_to_each_thing_its_members_use() -> None:
    found = drawn(all_new(300))
    (fold,) = [each for each in found.nodes if not each.address and each.members[0].kind == "vm"]
    ends = [edge.end for edge in found.edges if edge.start == fold.number]
    assert len(ends) == len(set(ends)) == 2


def test_a_fold_of_one_saves_nothing() -> None:
    vms = [Difference(p.at(f"vm/{number}"), Verb.NO_OP) for number in range(MAX_NODES + 1)]
    assert all(each.address for each in drawn(p.plan(*vms)).nodes)


def test_a_quiet_host_of_a_big_plan_is_one_line() -> None:
    found = drawn(big(vms=1000))
    assert found.hosts[1].note == "5 networks, 1 pool, 250 VMs, 250 volumes: nothing changes"
    assert not [each for each in found.nodes if each.members[0].host == "hv1"]


def test_a_plan_without_links_has_boxes_all_the_same() -> None:
    found = drawn(replace(SITE, links=(), hosts=HOSTS[:1]))
    assert found.edges == ()
    assert [box.name for box in found.hosts] == ["hv1", "hv2"]


def test_odd_kinds_and_links_to_itself() -> None:
    links = ((p.at("vm/a"), p.at("image/debian")), (p.at("vm/a"), p.at("vm/a")))
    assert edges(drawn(p.plan(Difference(p.at("vm/a"), Verb.ADOPT), links=links))) == {("a", "image debian")}


def test_natural_order() -> None:
    names = ["web-10", "web-2", "10", "a", "web", "2"]
    assert sorted(names, key=natural) == ["2", "10", "a", "web", "web-2", "web-10"]
