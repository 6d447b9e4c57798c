"""Plan → outcome: side by side, in order, after failures and interruptions."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from kvmspec.core.action import Action, SetAutostart, StartDomain, StartNetwork
from kvmspec.core.plan import Event, Plan, Result, Status
from kvmspec.engine.execute import execute
from tests.unit.engine.stands import StandIn, at, fail, plan_of, stand_ins, step


def run(
    plan: Plan,
    kinds: dict[str, Any],
    *,
    parallelism: int = 4,
    interrupted: threading.Event | None = None,
    events: list[Event] | None = None,
) -> Result:
    return execute(
        plan,
        {name: object() for name in {step.action.address.host for step in plan.steps}},  # type: ignore[misc]
        kinds,
        on_event=(events if events is not None else []).append,
        interrupted=interrupted or threading.Event(),
        parallelism=parallelism,
    )


def statuses(result: Result) -> list[str]:
    return [outcome.status.value for outcome in result.outcomes]


def starts(count: int, host: str = "hv1", first: int = 1) -> list[Any]:
    return [step(first + n, StartDomain(at(f"{host}/vm/{n}"))) for n in range(count)]


def test_every_step_is_done_once_and_told_in_the_plans_order() -> None:
    kinds, events = stand_ins(), []
    result = run(plan_of(*starts(5)), kinds, events=events)
    assert statuses(result) == ["done"] * 5
    assert [outcome.step.number for outcome in result.outcomes] == [1, 2, 3, 4, 5]
    assert len(kinds["vm"].applied) == 5 and not result.failed and not result.interrupted
    assert sorted((e.step.number, e.what) for e in events) == [
        (n, what) for n in range(1, 6) for what in ("done", "started")
    ]


def test_a_step_waits_for_what_it_comes_after() -> None:
    kinds = stand_ins(does=lambda action: time.sleep(0.02))
    plan = plan_of(
        step(1, StartNetwork(at("network/n"))),
        step(2, SetAutostart(at("vm/a"), True), 1),
        step(3, StartDomain(at("vm/a")), 2),
        step(4, StartDomain(at("vm/b")), 1, 3),
    )
    assert statuses(run(plan, kinds)) == ["done"] * 4
    assert [type(a).__name__ for a in kinds["vm"].applied] == ["SetAutostart", "StartDomain", "StartDomain"]
    assert [a.address.name for a in kinds["vm"].applied] == ["a", "a", "b"]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_host_has_more_at_a_time_than_its_limit(limit: int) -> None:
    kinds = stand_ins(does=lambda action: time.sleep(0.02))
    plan = plan_of(*starts(8, "hv1"), *starts(8, "hv2", first=9))
    assert statuses(run(plan, kinds, parallelism=limit)) == ["done"] * 16
    assert kinds["vm"].most == {"hv1": limit, "hv2": limit}


def test_independent_steps_do_run_side_by_side() -> None:
    meeting = threading.Barrier(4, timeout=10)  # nobody passes alone
    result = run(plan_of(*starts(4)), stand_ins(does=lambda action: meeting.wait() and None))
    assert statuses(result) == ["done"] * 4


def test_one_hosts_failure_stops_no_other() -> None:
    def does(action: Action) -> None:
        if action.address.host == "hv1":
            fail()

    plan = plan_of(*starts(2, "hv1"), *starts(3, "hv2", first=3))
    assert statuses(run(plan, stand_ins(does=does))) == ["failed"] * 2 + ["done"] * 3


def test_what_needs_a_failed_step_is_skipped_and_nothing_else() -> None:
    def does(action: Action) -> None:
        if action.address.kind == "network":
            fail("bridge busy")

    kinds, events = stand_ins(does=does), []
    plan = plan_of(
        step(1, StartNetwork(at("network/n"))),
        step(2, StartDomain(at("vm/a")), 1),
        step(3, StartDomain(at("vm/b")), 2),
        step(4, StartDomain(at("vm/c"))),
    )
    result = run(plan, kinds, events=events)
    assert statuses(result) == ["failed", "skipped", "skipped", "done"]
    assert [a.address.name for a in kinds["vm"].applied] == ["c"]
    failed = result.failed[0]
    assert (failed.error, failed.hint) == ("bridge busy", "try again")
    assert ("failed", "bridge busy") in [(e.what, e.error) for e in events]


@pytest.mark.parametrize("error", [LookupError("devices/disk/vda"), ValueError("odd"), OSError("disk full")])
def test_an_object_that_changed_under_our_hands_is_a_failure_and_no_crash(error: Exception) -> None:
    def does(action: Action) -> None:
        if action.address.name == "0":
            raise error

    result = run(plan_of(*starts(2)), stand_ins(does=does))
    assert statuses(result) == ["failed", "done"]
    assert str(error).strip("'") in result.outcomes[0].error


def test_a_fault_of_our_own_is_an_outcome_and_named() -> None:
    def does(action: Action) -> None:
        raise ZeroDivisionError

    (outcome,) = run(plan_of(*starts(1)), stand_ins(does=does)).outcomes
    assert outcome.status is Status.FAILED
    assert "ZeroDivisionError" in outcome.error


def test_an_interruption_finishes_what_is_under_way_and_starts_nothing() -> None:
    interrupted, started = threading.Event(), threading.Event()

    def does(action: Action) -> None:
        started.set()
        interrupted.wait(10)
        time.sleep(0.05)

    kinds = stand_ins(does=does)
    watcher = threading.Thread(target=lambda: (started.wait(10), interrupted.set()))
    watcher.start()
    result = run(plan_of(*starts(4)), kinds, parallelism=1, interrupted=interrupted)
    watcher.join()
    assert statuses(result) == ["done"] + ["not-started"] * 3
    assert result.interrupted and len(kinds["vm"].applied) == 1


def test_interrupted_before_the_first_step_nothing_is_done() -> None:
    interrupted = threading.Event()
    interrupted.set()
    kinds = stand_ins()
    result = run(plan_of(*starts(2)), kinds, interrupted=interrupted)
    assert statuses(result) == ["not-started"] * 2 and not kinds["vm"].applied


def test_an_empty_plan_is_done() -> None:
    result = run(plan_of(), stand_ins())
    assert result.outcomes == () and not result.interrupted


def test_a_long_chain_and_a_wide_one() -> None:
    chain = [step(n, StartDomain(at(f"vm/{n}")), *([n - 1] if n > 1 else [])) for n in range(1, 301)]
    assert statuses(run(plan_of(*chain), stand_ins())) == ["done"] * 300
    assert statuses(run(plan_of(*starts(300)), stand_ins(), parallelism=16)) == ["done"] * 300


def test_time_is_measured_for_each_step() -> None:
    kind = StandIn("vm", does=lambda action: time.sleep(0.05))
    result = run(plan_of(*starts(1)), {"vm": kind})
    assert 0.04 < result.outcomes[0].seconds < 5
    assert result.outcomes[0].status is Status.DONE
