"""The plan as JSON: its keys are a contract."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.guest import GuestAddress
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Plan
from kvmspec.core.status import VmStatus
from kvmspec.report.json import dumps, plan_data, problems_data, status_data
from tests.unit.report import plans as p

KEYS = {
    "format_version", "kvmspec_version", "project", "created_at", "hosts", "unknown_hosts",
    "resource_changes", "resource_drift", "unmanaged", "pending", "actions", "links",
    "summary", "required_permissions", "granted_permissions", "refusals", "warnings",
}  # fmt: skip


def test_keys() -> None:
    data = plan_data(p.BIG)
    assert set(data) == KEYS
    assert data["format_version"] == "1.0"
    assert data["summary"] == {
        "create": 4, "change": 3, "delete": 2, "adopt": 1, "restart": 1, "data_loss": 1,
        "no_op": 2, "next_start": 0,
    }  # fmt: skip
    assert data["required_permissions"] == ["restart", "delete", "data-loss"]


def test_a_change() -> None:
    (resource,) = plan_data(p.plan(p.RESTART))["resource_changes"]
    assert resource == {
        "address": "hv1/vm/db",
        "host": "hv1",
        "kind": "vm",
        "name": "db",
        "change": {
            "actions": ["update"],
            "before": {"cpus": {"mode": "host-model"}},
            "after": {"cpus": {"mode": "host-passthrough"}},
            "before_sensitive": False,
            "after_sensitive": False,
        },
        "impact": "restart",
        "changes": [
            {
                "path": "cpus.mode",
                "before": "host-model",
                "after": "host-passthrough",
                "impact": "restart",
                "reason": "the CPU model is fixed at boot",
                "avoid": "",
                "sensitive": False,
                "drift": False,
            }
        ],
        "notes": [],
        "label": "",
        "restart": "",
        "permitted": [],
        "refusals": [],
    }


@pytest.mark.parametrize(
    ("plan", "actions"),
    [
        (p.plan(p.SAME), ["no-op"]),
        (p.plan(p.ADOPT), ["adopt"]),
        (p.plan(p.CREATE_VM), ["create"]),
        (p.plan(p.LIVE), ["update"]),
        (p.plan(p.LOSS), ["delete"]),
        (p.REPLACED, ["delete", "create"]),
    ],
)
def test_actions(plan: Plan, actions: list[str]) -> None:
    assert plan_data(plan)["resource_changes"][0]["change"]["actions"] == actions


def test_steps_are_in_order_and_carry_their_type() -> None:
    steps = plan_data(p.STEPS)["actions"]
    assert [(step["number"], step["after"], step["type"], step["address"]) for step in steps] == [
        (1, [], "DefinePool", "hv1/pool/vms"),
        (2, [1], "StartPool", "hv1/pool/vms"),
        (3, [2], "DefineDomain", "hv1/vm/web"),
    ]
    assert steps[2]["xml"] == "<domain>(secret)</domain>"


def test_no_secret_gets_out() -> None:
    whole = replace(
        p.SECRET,
        before={"graphics": {"vnc": {"password": "hunter1", "port": 5900}}},
        after={"graphics": {"vnc": {"password": "hunter2", "port": 5900}}},
        pending=p.SECRET.changes,
    )
    for difference in (p.SECRET, whole):
        data = plan_data(p.plan(difference))
        assert "hunter" not in dumps(data)
        change = data["resource_changes"][0]["change"]
        assert change["after"]["graphics"]["vnc"]["password"] == "(secret)"
        assert change["after_sensitive"] == {"graphics": {"vnc": {"password": True}}}


def test_a_secret_in_a_list_is_covered_too() -> None:
    graphics = [{"type": "vnc", "password": "hunter1"}, {"type": "spice"}]
    data = plan_data(p.plan(replace(p.SECRET, before={"graphics": graphics}, after=None)))
    assert data["resource_changes"][0]["change"]["before"]["graphics"] == [
        {"type": "vnc", "password": "(secret)"},
        {"type": "spice"},
    ]


def test_hosts_drift_pending_and_what_is_not_ours() -> None:
    data = plan_data(p.plan(p.DRIFT, p.PENDING, p.FOREIGN, hosts=(p.HV1, p.HV2_DOWN)))
    assert data["hosts"][1] == {
        "name": "hv2", "uri": "qemu+ssh://root@hv2/system", "unknown": "no route to host", "hint": "is it up?"
    }  # fmt: skip
    assert data["unknown_hosts"] == ["hv2"]
    assert [item["address"] for item in data["resource_drift"]] == ["hv1/vm/web-2"]
    assert data["pending"][0]["changes"][0]["path"] == "cpus.count"
    assert data["unmanaged"][0]["text"].startswith("has a USB device")


def test_problems() -> None:
    assert problems_data([p.REFUSAL]) == [
        {
            "severity": "error",
            "file": "a.yaml",
            "line": 3,
            "column": 5,
            "path": "vms.web",
            "message": "vm/web exists and belongs to nobody here",
            "hint": "state its uuid:",
        }
    ]


def test_status() -> None:
    seen = GuestAddress("52:54:00:00:00:01", "10.0.0.2", "arp")
    row = VmStatus(Address("hv1", "vm", "a"), "running", "stopped", (seen,), (), ("title",))
    (vm,) = status_data([row])["vms"]
    assert vm["address"] == "hv1/vm/a" and vm["drift"] == ["title"]
    assert vm["addresses"] == [{"mac": "52:54:00:00:00:01", "address": "10.0.0.2", "source": "arp"}]


def test_dotted_keys_of_a_kind_become_maps() -> None:
    whole = Difference(
        p.at("network/n"), Verb.CREATE, after={"dhcp.range": "a to b", "dns.hosts[10.0.0.1]": "x"}
    )
    after = plan_data(p.plan(whole))["resource_changes"][0]["change"]["after"]
    assert after == {"dhcp": {"range": "a to b"}, "dns": {"hosts[10.0.0.1]": "x"}}


def test_everything_serialises() -> None:
    odd = Difference(
        p.at("vm/x"), Verb.UPDATE, (p.change("a", {1, 2}, (Permission.DELETE, object)),), before=b"x"
    )
    json.loads(dumps(plan_data(p.plan(odd))))
