"""What `graph` draws: what is wanted, what it refers to, and what the plan says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kvmspec import pipeline
from kvmspec.core.change import Verb
from kvmspec.core.topology import Topology
from tests.support.manifests import as_yaml
from tests.unit.engine.session import Workshop

SHOP: dict[str, Any] = {
    "kvmspec": 1,
    "project": "shop",
    "hosts": {"hv1": {"uri": "test:///default"}, "hv2": {"uri": "test:///default"}},
    "defaults": {"host": "hv1", "vms": {"memory": "64MiB"}},
    "networks": {"front": {"subnet": "10.9.0.0/24"}},
    "pools": {"vms": {"path": "/srv/vms"}},
    "vms": {
        "web": {"count": 2, "networks": ["front"], "disks": [{"name": "root", "size": "1GiB"}]},
        "db": {"host": "hv2", "networks": ["default", {"bridge": "br0"}], "depends_on": ["web"]},
    },
}


def offline(folder: Path, **request: Any) -> Topology:
    (folder / "kvmspec.yaml").write_text(as_yaml(SHOP))
    return pipeline.topology(pipeline.Request((folder,), environ={}, **request))


def links(topology: Topology) -> set[tuple[str, str]]:
    return {(str(start), str(end)) for start, end in topology.links}


def test_offline_it_is_what_the_manifest_says(tmp_path: Path) -> None:
    topology = offline(tmp_path)
    assert [host.name for host in topology.hosts] == ["hv1", "hv2"] and topology.plan is None
    about = {str(thing.address): thing.about for thing in topology.things}
    assert about == {
        "hv1/pool/vms": "/srv/vms",
        "hv1/volume/vms/web-1-root.qcow2": "1GiB",
        "hv1/volume/vms/web-2-root.qcow2": "1GiB",
        "hv1/network/front": "nat, 10.9.0.0/24",
        "hv1/vm/web-1": "64MiB",
        "hv1/vm/web-2": "64MiB",
        "hv2/network/default": "",
        "hv2/vm/db": "64MiB, on bridge br0",
    }
    assert ("hv1/vm/web-1", "hv1/volume/vms/web-1-root.qcow2") in links(topology)
    assert ("hv2/vm/db", "hv1/vm/web-2") in links(topology)


def test_what_is_only_referred_to_is_not_managed(tmp_path: Path) -> None:
    assert [str(t.address) for t in offline(tmp_path).things if not t.managed] == ["hv2/network/default"]


def test_vms_of_one_count_are_of_one_entry(tmp_path: Path) -> None:
    entries = {thing.address.name: thing.entry for thing in offline(tmp_path).things}
    assert entries["web-1"] == entries["web-2"] == "vms.web"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            {"targets": ("vm/web-1",)},
            {"pool/vms", "volume/vms/web-1-root.qcow2", "network/front", "vm/web-1"},
        ),
        ({"hosts": ("hv2",)}, {"network/default", "vm/db", "vm/web-1", "vm/web-2"}),
    ],
)
def test_it_can_be_narrowed(tmp_path: Path, request_: dict[str, Any], expected: set[str]) -> None:
    assert {thing.address.short for thing in offline(tmp_path, **request_).things} == expected


def test_with_the_plan_it_has_what_goes_too(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    both = {"vms": {"a": {"memory": "64MiB"}, "b": {"memory": "64MiB"}}}
    workshop.apply(both)
    with workshop.session({"vms": {"a": {"memory": "64MiB"}, "c": {"memory": "64MiB"}}}) as session:
        topology = session.topology()
    assert topology.plan is not None
    verbs = {d.address.name: d.verb for d in topology.plan.differences}
    assert verbs == {"a": Verb.NO_OP, "b": Verb.DELETE, "c": Verb.CREATE}
    assert {thing.address.name: bool(thing.entry) for thing in topology.things} == {
        "a": True,
        "b": False,
        "c": True,
    }
