"""What holds the disks of a VM, as libvirt 9.0 describes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kvmspec.core.observed import Observed
from kvmspec.kinds import holds
from kvmspec.kinds.holds import BARS_CHANGE, BARS_GROWTH, Holding

MIRROR = (
    "<domain><devices><disk type='file'><source file='/p/a'/>{}<target dev='vda'/></disk>"
    "<disk type='file'><source file='/p/b'/><target dev='vdb'/></disk></devices></domain>"
)
COPY = "<mirror type='file' file='/p/c' format='qcow2' job='copy' ready='yes'><source file='/p/c'/></mirror>"
INTERNAL = (
    "<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='internal'/>"
    "<disk name='vdb' snapshot='no'/></disks></domainsnapshot>"
)
EXTERNAL = (
    "<domainsnapshot><name>e</name><disks><disk name='vda' snapshot='external' type='file'>"
    "<source file='/p/a.e'/></disk></disks></domainsnapshot>"
)
CHECKPOINT = (
    "<domaincheckpoint><name>c</name><disks><disk name='vda' checkpoint='bitmap' bitmap='c'/>"
    "<disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>"
)
VM = Observed("vm", "web", "u", MIRROR.format(""), "running", active_xml=MIRROR.format(""))

CASES: dict[str, tuple[Observed, list[str]]] = {
    "nothing": (VM, []),
    "copy": (replace(VM, active_xml=MIRROR.format(COPY)), ["a running block job (copy)"]),
    "pull": (replace(VM, jobs=(("vda", "pull"),)), ["a running block job (pull)"]),
    "copy, seen twice": (
        replace(VM, active_xml=MIRROR.format(COPY), jobs=(("vda", "copy"),)),
        ["a running block job (copy)"],
    ),
    "internal": (replace(VM, snapshots=(INTERNAL,)), ["the snapshot s"]),
    "without a list of disks": (
        replace(VM, snapshots=("<domainsnapshot><name>old</name></domainsnapshot>",)),
        ["the snapshot old"],
    ),
    "external": (
        replace(VM, snapshots=(EXTERNAL,), active_xml=VM.xml.replace("/p/a", "/p/a.e")),
        ["the external snapshot e"],
    ),
    "external, merged since": (replace(VM, snapshots=(EXTERNAL,)), []),
    "checkpoint": (replace(VM, checkpoints=(CHECKPOINT,)), ["the checkpoint c"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_holds_a_disk(case: str) -> None:
    domain, words = CASES[case]
    found = holds.holds(domain, {"vda"}, BARS_CHANGE)
    assert [hold.words for hold in found] == words
    assert all("virsh" in hold.hint and "web" in hold.hint for hold in found)


@pytest.mark.parametrize("case", CASES)
def test_the_other_disk_is_free(case: str) -> None:
    found = holds.holds(CASES[case][0], {"vdb"}, BARS_CHANGE)
    assert bool(found) is (case == "without a list of disks")


def test_a_checkpoint_bars_no_growth() -> None:
    assert holds.holds(CASES["checkpoint"][0], None, BARS_GROWTH) == []
    assert holds.holds(CASES["internal"][0], None, Holding.JOB) == []


def test_several_are_named_together() -> None:
    domain = replace(VM, snapshots=(INTERNAL,), checkpoints=(CHECKPOINT,))
    found = holds.holds(domain, None, BARS_CHANGE)
    assert holds.names(found) == "the snapshot s, the checkpoint c"
    assert holds.kinds(found) == "snapshots and checkpoints"
    assert "virsh snapshot-delete web s" in holds.hints(found)
