"""Progress, outcome and status."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kvmspec.core.action import ShutdownDomain
from kvmspec.core.address import Address
from kvmspec.core.guest import GuestAddress
from kvmspec.core.plan import Event, Outcome, Result, Status, Step
from kvmspec.core.status import VmStatus
from kvmspec.report.outcome import outcome_text
from kvmspec.report.progress import progress_line
from kvmspec.report.status import status_text
from tests.unit.report import plans as p


def result(*statuses: Status, interrupted: bool = False) -> Result:
    errors = {Status.FAILED: ("libvirt says:\nno space", "free some")}
    return Result(
        tuple(
            Outcome(step, status, 0.4, *errors.get(status, ("", "")))
            for step, status in zip(p.STEPS.steps, statuses, strict=True)
        ),
        interrupted,
    )


def test_complete() -> None:
    text = outcome_text(p.STEPS, result(*[Status.DONE] * 3), 4.21)
    assert text == "Apply complete: 2 created in 4.2s.\n"


def test_failed() -> None:
    text = outcome_text(p.STEPS, result(Status.DONE, Status.FAILED, Status.SKIPPED), 4.2)
    assert text == (
        "Failed:\n"
        "  pool/vms  start: libvirt says: no space\n"
        "    hint: free some\n"
        "\n"
        "Skipped, because something it needs failed:\n"
        "  vm/web  create\n"
        "\n"
        "Apply failed: 1 action failed; nothing was finished. Run apply again to finish.\n"
    )


def test_interrupted() -> None:
    text = outcome_text(
        p.STEPS, result(Status.DONE, Status.DONE, Status.NOT_STARTED, interrupted=True), 1, name="Destroy"
    )
    assert text.endswith("Destroy interrupted: 1 created. Run destroy again to finish.\n")


def test_a_deletion_says_what_stayed() -> None:
    plan = p.plan(p.DELETE)
    text = outcome_text(plan, Result((Outcome(plan.steps[0], Status.DONE),)), 1, name="Destroy")
    assert (
        text == "vm/old: its volumes stay: old-root.qcow2 (20GiB)\n\nDestroy complete: 1 deleted in 1.0s.\n"
    )


def test_success_is_not_claimed_when_something_still_differs() -> None:
    left = replace(result(*[Status.DONE] * 3), remaining=(p.LIVE,))
    assert outcome_text(p.STEPS, left, 1) == (
        "Still different after a last look:\n"
        "  vm/web-1: memory.size 1GiB → 2GiB, disks.root.size 20GiB → 40GiB\n"
        "\n"
        "Apply incomplete: 2 created, but 1 object not as planned. See kvmspec plan, and please report it.\n"
    )


STEP = p.STEPS.steps[1]
SHUTDOWN = Step(1, ShutdownDomain(p.at("vm/a"), 120), text="shut down")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event(STEP, "started"), ""),
        (Event(STEP, "done", 0.42), "hv1  pool/vms  start … done (0.4s)"),
        (Event(STEP, "failed", 1.0, "no\nspace"), "hv1  pool/vms  start … FAILED (1.0s): no space"),
        (Event(STEP, "skipped"), "hv1  pool/vms  start … skipped"),
        (Event(STEP, "undone"), "hv1  pool/vms  start … undone"),
        (Event(SHUTDOWN, "started"), ""),
        (Event(SHUTDOWN, "progress", note="asked, 9 s left …"), "hv1  vm/a  shut down: asked, 9 s left …"),
        (Event(SHUTDOWN, "progress", note="reconnected vm/b"), ""),
    ],
)
def test_progress(event: Event, line: str) -> None:
    assert progress_line(event, starts=True) == line


def test_status() -> None:
    seen = (GuestAddress("52:54:00:00:00:01", "10.0.0.2", "lease"), GuestAddress("", "10.0.0.3", "agent"))
    rows = [
        VmStatus(Address("hv1", "vm", "web-1"), "running", "running", seen, (), ()),
        VmStatus(
            Address("hv2", "vm", "db"), "running", "unknown", (), ("cpus.count",), ("title",), "no\nroute"
        ),
    ]
    assert status_text(rows) == (
        "VM     HOST  WANTED   ACTUAL   ADDRESSES                           PENDING     DRIFT\n"
        "web-1  hv1   running  running  10.0.0.2 (lease), 10.0.0.3 (agent)  -           -\n"
        "db     hv2   running  unknown  -                                   cpus.count  title\n"
        "\n"
        "db: no route\n"
    )


def test_status_without_vms() -> None:
    assert status_text([]) == "The manifest has no VMs.\n"
