"""Plan and apply as a whole, on libvirt's test driver: all or nothing, looked at again, put back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kvmspec import pipeline
from kvmspec.core.action import Action, SetMemory, StartDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Verb
from kvmspec.core.errors import LibvirtFailure, Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Plan, Result, Status
from tests.unit.engine.session import Manifest, Workshop, apply


def shop(**vms: Any) -> Manifest:
    return {
        "networks": {"front": {"mode": "isolated", "subnet": "10.9.0.0/24"}},
        "vms": {name: {"networks": ["front"], **vm} for name, vm in vms.items()},
    }


def vm(**fields: Any) -> dict[str, Any]:
    return {"cpus": {"count": 1, "max": 4}, "memory": {"size": "64MiB", "max": "256MiB"}, **fields}


def changes(plan: Plan) -> dict[str, set[str]]:
    return {
        difference.address.short: {change.path for change in difference.changes}
        for difference in plan.differences
        if difference.verb is not Verb.NO_OP
    }


def statuses(result: Result) -> list[tuple[str, str]]:
    return [(type(o.step.action).__name__, o.status.value) for o in result.outcomes]


# --- the circle
def test_after_an_apply_the_plan_is_empty(workshop: Workshop) -> None:
    manifest = shop(web=vm(), db=vm(state="stopped", autostart=True))
    result = workshop.apply(manifest)
    assert not result.failed and not result.remaining
    assert workshop.names() == {"network/front", "vm/web", "vm/db"}
    assert workshop.plan(manifest).empty


def test_a_change_is_a_change_and_no_new_vm(workshop: Workshop) -> None:
    workshop.apply(shop(web=vm()))
    running = workshop.domain("web").ID()
    changed = shop(web=vm(description="serves", memory={"size": "128MiB", "max": "256MiB"}))
    assert changes(workshop.plan(changed)) == {"vm/web": {"description", "memory.size"}}
    assert not workshop.apply(changed).remaining
    assert workshop.domain("web").ID() == running
    assert workshop.plan(changed).empty


def test_what_left_the_manifest_goes_and_nothing_foreign_does(workshop: Workshop) -> None:
    before = workshop.foreign()
    workshop.apply(shop(web=vm(), db=vm()))
    workshop.apply(shop(web=vm()))
    assert workshop.names() == {"network/front", "vm/web"}
    with workshop.session(shop(web=vm()), destroy=True) as session:
        apply(session, session.plan())
    assert workshop.names() == set()
    assert workshop.foreign() == before


# --- all or nothing
def test_a_plan_that_lacks_a_permission_does_nothing_at_all(workshop: Workshop) -> None:
    workshop.apply(shop(old=vm()))
    manifest = shop(new=vm())
    with workshop.session(manifest, granted=()) as session:
        plan = session.plan()
        assert plan.missing == {Permission.DELETE}
        with pytest.raises(Refused, match="--allow delete"):
            apply(session, plan)
    assert workshop.names() == {"network/front", "vm/old"}


def test_what_is_refused_stops_all_the_rest(workshop: Workshop) -> None:
    before = workshop.foreign()
    manifest = shop(test=vm(), web=vm())  # the driver comes with a domain called test
    with workshop.session(manifest) as session:
        plan = session.plan()
        with pytest.raises(Refused, match="not made by this project"):
            apply(session, plan)
    assert workshop.names() == set() and workshop.foreign() == before


def test_a_host_that_changed_since_the_plan_is_refused(workshop: Workshop) -> None:
    workshop.apply(shop(web=vm()))
    with workshop.session(shop(web=vm(description="serves"), db=vm())) as session:
        plan = session.plan()
        workshop.domain("web").destroy()
        with pytest.raises(Refused, match=r"vm/web changed since the plan") as caught:
            apply(session, plan)
    assert "plan again" in caught.value.hint
    assert workshop.names() == {"network/front", "vm/web"}


def test_what_was_absent_at_the_plan_and_is_there_now_is_refused(workshop: Workshop) -> None:
    with workshop.session(shop(web=vm())) as session:
        plan = session.plan()
        workshop.conn.networkDefineXML("<network><name>front</name></network>")
        with pytest.raises(Refused, match="network/front changed"):
            apply(session, plan)
    assert workshop.names() == {"network/front"}


def test_an_object_the_plan_does_not_touch_may_change(workshop: Workshop) -> None:
    manifest = shop(web=vm(), db=vm())
    workshop.apply(manifest)
    with workshop.session(shop(web=vm(description="serves"), db=vm())) as session:
        plan = session.plan()
        workshop.domain("db").destroy()
        result = apply(session, plan)
    assert not result.failed
    assert [d.address.short for d in result.remaining] == ["vm/db"]  # said after the last look


# --- put back
class Failing:
    """The kind of VMs, of which one action fails."""

    def __init__(self, kind: Any, action: type) -> None:
        self._kind, self._action = kind, action

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)

    def apply(self, action: Action, host: Any, report: Any) -> None:
        if isinstance(action, self._action):
            raise LibvirtFailure("qemu does not like it")
        self._kind.apply(action, host, report)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(action: type) -> None:
        kinds = {**pipeline.KINDS, "vm": Failing(pipeline.KINDS["vm"], action)}
        monkeypatch.setattr(pipeline, "KINDS", kinds)

    yield make
    monkeypatch.undo()


def test_a_vm_whose_restart_fails_is_put_back_and_started_again(workshop: Workshop, failing: Any) -> None:
    workshop.apply(shop(web=vm()))
    before = workshop.domain("web").XMLDesc(2)
    failing(StartDomain)
    result = workshop.apply(shop(web=vm(cpus={"count": 2, "max": 8}, description="new")))
    assert ("StartDomain", "failed") in statuses(result)
    assert ("EditDomain", "undone") in statuses(result)
    assert ("ShutdownDomain", "undone") in statuses(result)
    assert workshop.domain("web").XMLDesc(2) == before
    assert workshop.domain("web").isActive()


def test_a_live_change_that_was_made_stays_and_the_next_apply_finishes(
    workshop: Workshop, failing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.apply(shop(web=vm()))
    wanted = shop(web=vm(description="new", memory={"size": "128MiB", "max": "256MiB"}))
    with monkeypatch.context():
        failing(SetMemory)
        result = workshop.apply(wanted)
        assert [o.error for o in result.failed] == ["qemu does not like it"]
        monkeypatch.undo()
    assert not workshop.plan(wanted).empty
    assert not workshop.apply(wanted).remaining
    assert workshop.plan(wanted).empty


def test_a_vm_that_cannot_be_created_leaves_the_others_alone(workshop: Workshop, failing: Any) -> None:
    failing(StartDomain)
    result = workshop.apply(shop(web=vm(), db=vm(state="stopped")))
    done = {o.step.action.address.short for o in result.outcomes if o.status is Status.DONE}
    assert {"vm/db", "network/front"} <= done
    assert [o.step.action.address.short for o in result.failed] == ["vm/web"]


def test_a_stale_fingerprint_is_found_for_every_kind(workshop: Workshop) -> None:
    manifest = shop(web=vm())
    with workshop.session(manifest) as session:
        plan = session.plan()
        for address in plan.fingerprints:
            stale = replace(plan, fingerprints={**plan.fingerprints, address: "another"})
            with pytest.raises(Refused, match=f"{address} changed"):
                apply(session, stale)
    assert Address("default", "vm", "web") in plan.fingerprints
    assert workshop.names() == set()
