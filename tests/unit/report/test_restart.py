"""The second line of every restart: which guest, why, whether it can be avoided."""

from __future__ import annotations

from dataclasses import replace

from kvmspec.core.action import RestartNetwork, ShutdownDomain, StartDomain
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan, Step
from kvmspec.report.restart import restarts
from kvmspec.report.text import plan_text
from tests.unit.report import plans as p

DB = p.at("vm/db")
FIXED = p.change("cpus.max", 1, 2, Impact.RESTART, "the maximum is fixed at boot")
WAY_OUT = p.change("cpus.count", 1, 2, Impact.RESTART, "it booted with 1", avoid="up to 1 goes live")


def restarting(*changes: FieldChange, starts: bool = True, **more: object) -> Plan:
    item = replace(Difference(DB, Verb.UPDATE, changes), **more)  # type: ignore[arg-type]  # a case's own fields
    steps = [Step(1, ShutdownDomain(DB, 60))] + [Step(2, StartDomain(DB))] * starts
    return replace(p.plan(item), steps=tuple(steps))


def test_why_and_that_it_cannot_be_avoided() -> None:
    said = "restarts guest db: the maximum is fixed at boot (cpus.max); cannot be avoided"
    assert restarts(restarting(FIXED))[DB] == said
    lines = plan_text(restarting(FIXED)).splitlines()
    assert lines[3].strip() == said and lines[2].startswith("  ! vm/db")


def test_what_could_be_stated_instead() -> None:
    assert restarts(restarting(WAY_OUT))[DB].endswith("(cpus.count); avoidable: up to 1 goes live")


def test_one_unavoidable_cause_is_enough() -> None:
    said = restarts(restarting(FIXED, WAY_OUT))[DB]
    assert said.endswith("(cpus.max), and 1 more reason below; cannot be avoided")


def test_what_goes_live_is_no_cause() -> None:
    live = p.change("memory.size", 1, 2)
    assert "memory" not in restarts(restarting(live, FIXED))[DB]


def test_a_stop() -> None:
    stop = p.change("state", "running", "stopped", Impact.RESTART, "the guest is asked to shut down")
    assert restarts(restarting(stop, starts=False))[DB].startswith("stops guest db: the guest is asked")


def test_a_restart_that_was_pending() -> None:
    said = restarts(restarting(pending=(FIXED,), impact_floor=Impact.RESTART))[DB]
    assert (
        said == "restarts guest db: fields that are defined already wait for it (cpus.max); cannot be avoided"
    )


def test_a_network_names_its_guests() -> None:
    net = p.at("network/front")
    change = p.change("mtu", 1500, 9000, Impact.RESTART, "set when the network starts")
    for guests, words in (
        (("a", "b"), "restarts, and then reconnects guest a, b: set"),
        ((), "no guest is on it: set"),
    ):
        plan = replace(
            p.plan(Difference(net, Verb.UPDATE, (change,))), steps=(Step(1, RestartNetwork(net, guests)),)
        )
        assert words in restarts(plan)[net]


def test_a_deletion_is_no_restart() -> None:
    assert not restarts(p.plan(p.DELETE))
