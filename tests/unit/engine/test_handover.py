"""Disks that go from one running VM to another."""

from __future__ import annotations

from typing import Any

from kvmspec.core.action import (
    AttachDevice,
    DetachDevice,
    Edit,
    EditDomain,
    SetVcpus,
    ShutdownDomain,
    StartDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.plan import Step
from kvmspec.engine.handover import in_order

WEB, DB = Address("h", "vm", "web"), Address("h", "vm", "db")
VDA, VDB = ("devices", "disk", "vda"), ("devices", "disk", "vdb")


def disk(file: str, target: str = "vda") -> str:
    return f"<disk type='file'><source file='{file}' index='1'/><target dev='{target}'/></disk>"


def running(name: str, file: str) -> Observed:
    xml = f"<domain><devices>{disk(file)}</devices></domain>"
    return Observed("vm", name, name, xml, "running", False, True, xml)


VIEWS: Any = {
    "h": HostView("h", "", domains={"web": running("web", "/v1"), "db": running("db", "/v2")}),
}


def chain(*actions: Any) -> list[Step]:
    """Steps of which each needs the one before it, where that is the same VM's."""
    steps: list[Step] = []
    for number, action in enumerate(actions, 1):
        mine = [step.number for step in steps if step.action.address == action.address]
        steps.append(Step(number, action, frozenset(mine[-1:]), type(action).__name__, action.address))
    return steps


def order(steps: list[Step]) -> list[tuple[str, str]]:
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(need < step.number for step in steps for need in step.after)
    return [(step.action.address.name, step.text) for step in steps]


def test_an_exchange_while_both_run() -> None:
    steps = chain(
        *(DetachDevice(WEB, VDA, 5), AttachDevice(WEB, VDB, disk("/v2", "vdb"))),
        *(DetachDevice(DB, VDA, 5), AttachDevice(DB, VDB, disk("/v1", "vdb"))),
    )
    found = in_order(steps, VIEWS)
    assert order(found) == [
        *(("web", "DetachDevice"), ("db", "DetachDevice")),
        *(("web", "AttachDevice"), ("db", "AttachDevice")),
    ]
    assert found[2].after == {1, 2}


def test_an_exchange_at_a_restart() -> None:
    def restart(vm: Address, file: str) -> list[Any]:
        edit = Edit("add", VDB, disk(file, "vdb"))
        return [EditDomain(vm, (edit,)), ShutdownDomain(vm, 5), StartDomain(vm)]

    found = in_order(chain(*restart(WEB, "/v2"), *restart(DB, "/v1")), VIEWS)
    words = order(found)
    assert max(words.index((vm, "ShutdownDomain")) for vm in ("web", "db")) < words.index(
        ("web", "StartDomain")
    )


def test_what_is_nobody_elses_stays_in_its_order() -> None:
    steps = chain(SetVcpus(WEB, 2), AttachDevice(WEB, VDB, disk("/v3", "vdb")), DetachDevice(DB, VDA, 5))
    assert in_order(steps, VIEWS) is steps


def test_no_circle_is_made() -> None:
    """db waits for web anyway, so web cannot wait for it."""
    web = chain(AttachDevice(WEB, VDB, disk("/v2", "vdb")))
    db = Step(2, DetachDevice(DB, VDA, 5), frozenset({1}), "DetachDevice", DB)
    steps = [*web, db]
    assert in_order(steps, VIEWS) is steps
