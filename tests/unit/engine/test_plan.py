"""Differences → plan: order, permissions, fingerprints."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise, permutations

import pytest

from kvmspec.core.action import (
    CreateVolume,
    DefineNetwork,
    DefinePool,
    DeleteNetwork,
    DeletePool,
    DeleteVolume,
    PlaceImage,
    RestartNetwork,
    SetVcpus,
    ShutdownDomain,
    StartDomain,
    StartNetwork,
    UndefineDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.errors import ManifestError
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem
from kvmspec.engine.plan import make_plan
from tests.unit.engine.stands import StandIn, at, context, difference, stand_ins

CREATE, UPDATE, DELETE = Verb.CREATE, Verb.UPDATE, Verb.DELETE


def define_pool(address: Address) -> DefinePool:
    return DefinePool(address, "")


def define_network(address: Address) -> DefineNetwork:
    return DefineNetwork(address, "")


def create_volume(address: Address) -> CreateVolume:
    return CreateVolume(address, "", 0, "qcow2")


def place_image(address: Address) -> PlaceImage:
    return PlaceImage(address, "vms", "os-0123456789ab", "")


def set_vcpus(address: Address) -> SetVcpus:
    return SetVcpus(address, 2)


def shutdown(address: Address) -> ShutdownDomain:
    return ShutdownDomain(address, 60)


def restart_network(address: Address) -> RestartNetwork:
    return RestartNetwork(address, ())


def order(plan: Plan) -> list[str]:
    return [step.action.address.short for step in plan.steps]


def before(plan: Plan, number: int) -> set[int]:
    """All the steps that must have succeeded before one."""
    steps = {step.number: step for step in plan.steps}
    found: set[int] = set()
    waiting = list(steps[number].after)
    while waiting:
        found.add(now := waiting.pop())
        waiting += steps[now].after
    return found


# --- order
def test_what_is_needed_comes_first_however_it_is_listed() -> None:
    made = [
        difference("vm/web", CREATE, StartDomain),
        difference("volume/vms/web", CREATE, create_volume),
        difference("network/front", CREATE, define_network, StartNetwork),
        difference("pool/vms", CREATE, define_pool),
    ]
    wanted = context({"vm/web": ["volume/vms/web", "network/front"], "volume/vms/web": ["pool/vms"]})
    for listed in permutations(made):
        plan = make_plan(listed, wanted, stand_ins())
        number = {address: n for n, address in enumerate(order(plan), 1)}
        assert before(plan, number["vm/web"]) == {1, 2, 3, 4, 5} - {number["vm/web"]}
        assert before(plan, number["volume/vms/web"]) == {number["pool/vms"]}


def test_steps_are_numbered_in_an_order_in_which_they_can_be_done() -> None:
    made = [difference(f"vm/{n}", CREATE, StartDomain) for n in range(9)]
    wanted = context({f"vm/{n}": [f"vm/{n - 1}"] for n in range(1, 9)})
    plan = make_plan(reversed(made), wanted, stand_ins())
    assert [step.number for step in plan.steps] == list(range(1, 10))
    assert all(max(step.after, default=0) < step.number for step in plan.steps)


def test_one_objects_actions_are_a_chain() -> None:
    plan = make_plan(
        [difference("vm/web", UPDATE, set_vcpus, shutdown, StartDomain)], context({"vm/web": []}), stand_ins()
    )
    for first, second in pairwise(plan.steps):
        assert second.after == {first.number}


def test_objects_without_a_need_wait_for_nobody() -> None:
    made = [difference(f"vm/{n}", CREATE, StartDomain) for n in range(3)]
    plan = make_plan(made, context({f"vm/{n}": [] for n in range(3)}), stand_ins())
    assert [step.after for step in plan.steps] == [frozenset()] * 3


def test_a_need_that_is_as_it_should_be_is_not_waited_for() -> None:
    made = [
        Difference(at("network/front"), Verb.NO_OP),
        difference("vm/web", CREATE, StartDomain),
    ]
    plan = make_plan(made, context({"vm/web": ["network/front"], "network/front": []}), stand_ins())
    assert [step.after for step in plan.steps] == [frozenset()]


def test_deletion_runs_the_other_way() -> None:
    made = [
        difference("pool/vms", DELETE, DeletePool),
        difference("network/front", DELETE, DeleteNetwork),
        difference("volume/vms/x", DELETE, DeleteVolume),
        difference("vm/web", DELETE, UndefineDomain),
    ]
    plan = make_plan(made, context(), stand_ins())
    number = {address: n for n, address in enumerate(order(plan), 1)}
    assert number["vm/web"] == 1
    assert before(plan, number["pool/vms"]) == {number["vm/web"], number["volume/vms/x"]}
    assert before(plan, number["network/front"]) == {number["vm/web"]}


def test_a_vm_that_goes_frees_its_addresses_before_another_comes() -> None:
    made = [difference("vm/new", CREATE, StartDomain), difference("vm/old", DELETE, UndefineDomain)]
    assert order(make_plan(made, context({"vm/new": []}), stand_ins())) == ["vm/old", "vm/new"]


def test_hosts_do_not_wait_for_each_other() -> None:
    made = [
        difference("hv1/vm/old", DELETE, UndefineDomain),
        difference("hv2/network/n", DELETE, DeleteNetwork),
    ]
    plan = make_plan(made, context(hosts=("hv1", "hv2")), stand_ins())
    assert [step.after for step in plan.steps] == [frozenset()] * 2


ORDER = """
from tests.unit.engine.test_plan import *
names = [f"vm/{n}" for n in range(20)]
made = [difference("pool/p", DELETE, DeletePool), *(difference(n, DELETE, UndefineDomain) for n in names)]
print(order(make_plan(made, context(), stand_ins())))
"""


def test_the_order_is_the_same_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", ORDER],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "1234"
    }
    assert len(found) == 1


# --- permissions
@pytest.mark.parametrize(
    ("impact", "needed"),
    [
        (Impact.NONE, set()),
        (Impact.LIVE, set()),
        (Impact.RESTART, {Permission.RESTART}),
        (Impact.DELETE, {Permission.DELETE}),
        (Impact.REPLACE, {Permission.REPLACE}),
        (Impact.DATA_LOSS, {Permission.DATA_LOSS}),
    ],
)
def test_an_impact_needs_its_permission(impact: Impact, needed: set[Permission]) -> None:
    made = [difference("vm/web", UPDATE, set_vcpus, impacts=[impact])]
    assert make_plan(made, context({"vm/web": []}), stand_ins()).required == needed


@pytest.mark.parametrize(
    ("action", "needed"),
    [
        (shutdown, Permission.RESTART),
        (restart_network, Permission.RESTART),
        (UndefineDomain, Permission.DELETE),
        (DeleteNetwork, Permission.DELETE),
        (DeletePool, Permission.DELETE),
        (DeleteVolume, Permission.DATA_LOSS),
    ],
)
def test_a_dangerous_action_needs_its_permission_whatever_the_impact(
    action: type, needed: Permission
) -> None:
    made = [difference("vm/web", UPDATE, action)]
    assert make_plan(made, context({"vm/web": []}), stand_ins()).required == {needed}


def test_every_impact_of_one_object_counts() -> None:
    made = [difference("vm/web", UPDATE, set_vcpus, impacts=[Impact.REPLACE, Impact.RESTART])]
    plan = make_plan(made, context({"vm/web": []}), stand_ins())
    assert plan.required == {Permission.REPLACE, Permission.RESTART}


def test_what_the_manifest_permits_needs_no_other_permission() -> None:
    made = [
        difference("vm/web", UPDATE, shutdown, StartDomain, permitted=frozenset({Permission.RESTART})),
    ]
    assert make_plan(made, context({"vm/web": []}), stand_ins()).required == set()
    made.append(difference("vm/db", UPDATE, shutdown, StartDomain))
    assert make_plan(made, context({"vm/web": []}), stand_ins()).required == {Permission.RESTART}


def test_granted_permissions_are_not_missing() -> None:
    made = [difference("vm/web", DELETE, DeleteVolume, UndefineDomain, impact_floor=Impact.DATA_LOSS)]
    plan = make_plan(made, context(granted=frozenset({Permission.DELETE})), stand_ins())
    assert plan.required == {Permission.DELETE, Permission.DATA_LOSS}
    assert plan.missing == {Permission.DATA_LOSS}


# --- the rest
def test_nothing_to_do_is_an_empty_plan_that_keeps_the_no_ops() -> None:
    plan = make_plan([Difference(at("vm/web"), Verb.NO_OP)], context({"vm/web": []}), stand_ins())
    assert plan.empty and not plan.required and not plan.fingerprints
    assert [kept.address for kept in plan.differences] == [at("vm/web")]


def test_a_difference_without_actions_has_no_steps_and_needs_nothing() -> None:
    made = [difference("volume/vms/x", Verb.ADOPT, impacts=[Impact.RESTART])]
    plan = make_plan(made, context({"volume/vms/x": []}), stand_ins())
    assert plan.empty and not plan.required


def test_an_image_comes_before_the_vm_whose_disk_is_made_anew_from_it() -> None:
    """The disk has no steps of its own then, they are in the VM's chain; the image is what the disk needs."""
    wanted = {"vm/web": ["volume/vms/root"], "volume/vms/root": ["image/os"], "image/os": []}
    made = [
        difference("vm/web", UPDATE, shutdown, DeleteVolume, create_volume, StartDomain),
        Difference(at("volume/vms/root"), Verb.NO_OP),
        difference("image/os", CREATE, place_image),
    ]
    plan = make_plan(made, context(wanted), stand_ins() | {"image": StandIn("image")})
    assert [type(step.action) for step in plan.steps][:2] == [PlaceImage, ShutdownDomain]
    assert plan.steps[1].after == {1}


def test_references_to_nothing_are_one_error_with_all_of_them() -> None:
    made = [
        Difference(at("vm/a"), Verb.NO_OP, invalid=(Problem("network x is nowhere"),)),
        Difference(at("vm/b"), Verb.NO_OP, invalid=(Problem("pool y is nowhere"), Problem("z"))),
    ]
    with pytest.raises(ManifestError) as caught:
        make_plan(made, context(), stand_ins())
    assert [problem.message for problem in caught.value.problems] == [
        "network x is nowhere",
        "pool y is nowhere",
        "z",
    ]


def test_refusals_are_kept_beside_what_would_be_done() -> None:
    made = [
        Difference(at("vm/web"), Verb.NO_OP, refusals=(Problem("foreign"),)),
        difference("vm/db", CREATE, StartDomain),
    ]
    plan = make_plan(made, context({"vm/web": [], "vm/db": []}), stand_ins())
    assert [problem.message for problem in plan.refusals] == ["foreign"]
    assert order(plan) == ["vm/db"]


def test_fingerprints_are_of_what_is_touched_and_what_it_needs_absent_ones_too() -> None:
    kinds = stand_ins(prints={"hv1/front": "f1", "hv1/web": "w1", "hv1/other": "o1"})
    made = [
        difference("vm/web", UPDATE, set_vcpus),
        difference("volume/vms/web", CREATE, create_volume),
        Difference(at("vm/other"), Verb.NO_OP),
    ]
    plan = make_plan(made, context({"vm/web": ["network/front"], "vm/other": []}), kinds)
    assert plan.fingerprints == {at("vm/web"): "w1", at("volume/vms/web"): "", at("network/front"): "f1"}


def test_an_unknown_host_is_named_and_has_no_fingerprints() -> None:
    views = {
        "hv1": HostView("hv1", "test:///1"),
        "hv2": HostView("hv2", "test:///2", unknown="no route", hint="plug it in"),
    }
    made = [difference("vm/web", CREATE, StartDomain)]
    plan = make_plan(made, context({"vm/web": ["hv2/vm/db"]}, views=views), stand_ins())
    assert [(host.name, host.unknown, host.hint) for host in plan.unknown] == [
        ("hv2", "no route", "plug it in")
    ]
    assert set(plan.fingerprints) == {at("vm/web")}
