"""VMs of one `count`: how many are restarted at once, and what a failure leaves alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.core.action import Action, ShutdownDomain, StartDomain, WaitForGuest
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.observed import Observed
from kvmspec.core.plan import Plan, Result, Status
from kvmspec.engine.execute import execute
from kvmspec.engine.plan import make_plan
from kvmspec.kinds.base import Context
from tests.unit.engine.stands import at, context, difference, stand_ins
from tests.unit.engine.test_plan import before


def shutdown(address: Address) -> ShutdownDomain:
    return ShutdownDomain(address, 60)


def wait(address: Address) -> WaitForGuest:
    return WaitForGuest(address, 60, True, False, False, (), False)


def restart(name: str) -> Difference:
    return difference(f"vm/{name}", Verb.UPDATE, shutdown, StartDomain, wait)


def start(name: str) -> Difference:
    return difference(f"vm/{name}", Verb.UPDATE, StartDomain, wait)


def group(*names: str, at_once: int = 1, needs: Mapping[str, list[str]] | None = None) -> Context:
    """A context in which these VMs are of one `count`."""
    wants = {f"vm/{name}": needs.get(name, []) if needs else [] for name in names}
    made = context(wants)
    desired: dict[Address, Desired] = {
        address: replace(wanted, path=("vms", "web"), at_once=at_once)
        for address, wanted in made.desired.items()
    }
    return replace(made, desired=desired)


def plan_for(context: Context, *differences: Difference) -> Plan:
    return make_plan(differences, context, stand_ins())


def names(count: int) -> list[str]:
    return [f"web-{number}" for number in range(1, count + 1)]


class Guests:
    """Notes how many VMs are out of service at once: from their shutdown until they are waited for."""

    def __init__(self, failing: str = "") -> None:
        self.out: set[str] = set()
        self.most, self.begun, self.failing = 0, [], failing  # type: ignore[var-annotated]
        self.guard = threading.Lock()

    def __call__(self, action: Action) -> None:
        name = action.address.name
        with self.guard:
            if isinstance(action, ShutdownDomain):
                self.out.add(name)
                self.begun.append(name)
                self.most = max(self.most, len(self.out))
            elif isinstance(action, WaitForGuest):
                if name == self.failing:
                    raise LibvirtFailure("it does not answer")
                self.out.discard(name)


class Domains:
    """The domains as far as undo looks at them and puts them back."""

    def get(self, name: str) -> Any:
        return Observed("vm", name, "", "", state="running")

    def start(self, name: str) -> None:
        pass


def run(plan: Plan, guests: Guests, parallelism: int = 4) -> Result:
    host: Any = SimpleNamespace(domains=Domains())
    return execute(
        plan,
        {"hv1": host},
        stand_ins(does=guests),
        on_event=lambda event: None,
        interrupted=threading.Event(),
        parallelism=parallelism,
    )


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 8))
def test_never_more_than_that_many_are_out_of_service(count: int, at_once: int, parallelism: int) -> None:
    plan = plan_for(group(*names(count), at_once=at_once), *map(restart, names(count)))
    guests = Guests()
    result = run(plan, guests, parallelism)
    assert all(outcome.status is Status.DONE for outcome in result.outcomes)
    assert sorted(guests.begun) == sorted(names(count))
    assert guests.most <= at_once


@given(st.integers(2, 8), st.integers(1, 3), st.data())
def test_one_that_fails_leaves_the_rest_alone(count: int, at_once: int, data: Any) -> None:
    failing = data.draw(st.integers(1, count))
    plan = plan_for(group(*names(count), at_once=at_once), *map(restart, names(count)))
    guests = Guests(f"web-{failing}")
    result = run(plan, guests)
    assert [outcome.step.subject.name for outcome in result.failed] == [f"web-{failing}"]
    late = {f"web-{number}" for number in range(failing + at_once, count + 1)}
    assert not late & set(guests.begun)
    skipped = {o.step.subject.name for o in result.outcomes if o.status is Status.SKIPPED}
    assert late <= skipped


def test_they_go_in_the_order_of_their_numbers() -> None:
    guests = Guests()
    run(plan_for(group(*names(5)), *map(restart, names(5))), guests)
    assert guests.begun == names(5)


def test_two_groups_do_not_wait_for_each_other() -> None:
    one, other = group("a-1", "a-2"), group("b-1", "b-2")
    both = {a: replace(d, path=("vms", "b")) for a, d in other.desired.items()} | dict(one.desired)
    plan = plan_for(replace(one, desired=both), *map(restart, ("a-1", "a-2", "b-1", "b-2")))
    subjects = {step.number: step.subject.name[0] for step in plan.steps}
    assert all(subjects[n] == subjects[s.number] for s in plan.steps for n in before(plan, s.number))


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.UPDATE])
def test_what_is_not_restarted_is_not_held_up(verb: Verb) -> None:
    """New VMs, and such as are only started, all at once."""
    several = [difference(f"vm/{name}", verb, StartDomain) for name in names(4)]
    plan = plan_for(group(*names(4)), *several)
    assert not any(step.after for step in plan.steps)


def test_one_that_is_down_is_started_before_another_is_restarted() -> None:
    plan = plan_for(group(*names(3)), restart("web-1"), restart("web-2"), start("web-3"))
    last = max(step.number for step in plan.steps if step.subject == at("vm/web-3"))
    for step in plan.steps:
        if isinstance(step.action, ShutdownDomain):
            assert last in before(plan, step.number)


def test_what_they_need_of_each_other_decides_the_order() -> None:
    """No cycle, whatever `depends_on` says."""
    needs = {"web-1": ["vm/web-2"], "web-3": ["vm/web-1"]}
    guests = Guests()
    run(plan_for(group(*names(3), needs=needs), *map(restart, names(3))), guests)
    assert guests.begun == ["web-2", "web-1", "web-3"]
    down = plan_for(group(*names(3), needs=needs), restart("web-2"), start("web-1"), restart("web-3"))
    assert [s.subject.name for s in down.steps if isinstance(s.action, StartDomain)] == [
        "web-2",
        "web-1",
        "web-3",
    ]


def test_a_vm_of_its_own_is_no_group() -> None:
    alone = context({"vm/a": [], "vm/b": []})
    desired = {a: replace(d, path=("vms", a.name), at_once=1) for a, d in alone.desired.items()}
    plan = plan_for(replace(alone, desired=desired), restart("a"), restart("b"))
    assert [len(before(plan, s.number)) for s in plan.steps] == [0, 1, 2, 0, 1, 2]
