"""`plan --refresh-only` and `plan --summary`."""

from __future__ import annotations

from kvmspec.report.drift import drift_only, drift_text
from kvmspec.report.json import plan_data
from kvmspec.report.text import plan_text
from tests.unit.report import plans as p


def test_drift_alone() -> None:
    text = drift_text(p.plan(p.DRIFT, p.LIVE, p.CREATE_VM, p.FOREIGN))
    assert text == (
        "Drift: vm/web-2 was changed outside kvmspec: networks[front].link down → up\n\n"
        "1 object changed outside kvmspec. `kvmspec plan` shows what apply would do.\n"
    )


def test_no_drift() -> None:
    assert drift_text(p.plan(p.LIVE)) == "No drift. What the manifest states is as the last apply left it.\n"


def test_an_unread_host_is_not_free_of_drift() -> None:
    text = drift_text(p.plan(hosts=(p.HV2_DOWN,)))
    assert "hv2: unknown: no route to host" in text and "No drift" not in text


def test_as_data_nothing_is_to_be_done() -> None:
    data = plan_data(drift_only(p.plan(p.DRIFT, p.LIVE, p.DELETE, p.SECRET)))
    assert not data["actions"] and not data["required_permissions"]
    assert [item["address"] for item in data["resource_drift"]] == ["hv1/vm/web-2"]
    assert {tuple(item["change"]["actions"]) for item in data["resource_changes"]} == {("no-op",)}


def test_a_summary_is_a_line_an_object() -> None:
    text = plan_text(p.plan(p.RESTART, p.LIVE, p.CREATE_VM, p.LOSS, p.DRIFT), brief=True)
    assert text.splitlines()[2:7] == [
        "  ! vm/db               restart            cpus.mode",
        "  ~ vm/web-1            live               memory.size, disks.root.size",
        "  + vm/web              create",
        "  - volume/vms/scratch  delete, DATA LOSS",
        "  ~ vm/web-2            live               networks[front].link",
    ]
    assert "Drift" not in text and "Plan: 1 to create, 3 to change, 1 to delete." in text
