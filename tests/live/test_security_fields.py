"""Fields of what keeps a guest and its host apart, and of what is said to QEMU past libvirt. Each is defined,
changed and taken away again, and each time there is nothing left to plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
RANGE = {"start": 0, "target": 1000, "count": 10}
OSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
LABEL = {"model": "dac", "type": "static", "label": "0:0", "relabel": False}

CASES: dict[str, tuple[Fields, Fields]] = {
    "an id by which a copy is seen": (
        {"genid": "auto"},
        {"genid": "92ea5862-a045-4be2-8f52-d40bdac14319"},
    ),
    "labels": (
        {"seclabels": [{"model": "dac", "type": "none"}]},
        {"seclabels": [LABEL, {"model": "selinux", "relabel": True}]},
    ),
    "a label": ({"seclabels": [LABEL]}, {"seclabels": [LABEL | {"label": "1:1", "relabel": True}]}),
    "ids of users and groups": (
        {"idmap": {"uid": [RANGE], "gid": [RANGE]}},
        {"idmap": {"uid": [RANGE, {"start": 10, "target": 5000, "count": 1}], "gid": [RANGE | {"count": 5}]}},
    ),
    "the guest's system": (
        {"osinfo": "http://debian.org/debian/12"},
        {"osinfo": "http://microsoft.com/win/11"},
    ),
    "its cgroup": (
        {"resource": "/machine/shop"},
        {"resource": {"partition": "/machine/other", "appid": "shop web"}},
    ),
    "what its I/O is told by": ({"resource": {"appid": "one"}}, {"resource": {"appid": "two"}}),
    "wrapped keys": ({"keywrap": {"aes": True}}, {"keywrap": {"aes": False, "dea": True}}),
    "what is counted": (
        {"perf": {"cpu_cycles": True}},
        {"perf": {"cpu_cycles": False, "instructions": True}},
    ),
    "arguments": (
        {"qemu": {"args": ["-name", "debug-threads=on"]}},
        {"qemu": {"args": ["-msg", 'guest-name="<on>"', "-name", "x"], "env": {"LANG": "C", "EMPTY": ""}}},
    ),
    "environment": (
        {"qemu": {"env": {"LANG": "C", "A": "<&>"}}},
        {"qemu": {"env": {"LANG": "de_DE"}, "deprecation": "reject"}},
    ),
    "what QEMU can": (
        {"qemu": {"capabilities": {"blockdev": False, "vnc": True}}},
        {"qemu": {"capabilities": {"blockdev": True}, "deprecation": "omit"}},
    ),
    "properties of a device": (
        {"qemu": {"override": {"ua-disk": {"a": "on", "b": -1, "c": 1}}}},
        {
            "qemu": {
                "override": {
                    "ua-disk": {"a": False, "c": {"signed": 1}, "d": {"remove": True}},
                    "ua-nic": {"x": 5},
                }
            }
        },
    ),
}


def idle(state: str = "stopped", **fields: Any) -> Fields:
    return {"web": idle_vm(state=state, **fields)}


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, CASES)


def test_the_guests_system_changes_while_it_runs(scene: Scene) -> None:
    scene.settle(scene.manifest(idle("running")))
    number = scene.domain("web").ID()
    for system in ("http://debian.org/debian/11", "http://debian.org/debian/12", None):
        scene.settle(scene.manifest(idle("running", **({"osinfo": system} if system else {}))))
        for active in (True, False):
            found = scene.tree("web", active=active).find(f"metadata/{{{OSINFO}}}libosinfo/{{{OSINFO}}}os")
            assert (found.get("id") if found is not None else None) == system
    assert scene.domain("web").ID() == number


STARTED: dict[str, tuple[Fields, str, str]] = {
    "genid": ({"genid": "auto"}, "genid", "the guest reads it at boot"),
    "label": (
        {"seclabels": [{"model": "dac", "type": "none"}]},
        "seclabels.dac",
        "QEMU is confined when it starts",
    ),
    "arguments": (
        {"qemu": {"args": ["-msg", "timestamp=on"], "deprecation": "omit"}},
        "qemu.args",
        "QEMU reads it when it starts",
    ),
}


def test_a_guest_gets_it_when_it_starts_anew(scene: Scene) -> None:
    power = {"lifecycle": {"force_off_after": "1s"}}
    scene.settle(scene.manifest({name: idle_vm(**power) for name in STARTED}))
    numbers = {name: scene.domain(name).ID() for name in STARTED}
    plan = scene.plan_json(
        scene.manifest({name: idle_vm(**power, **fields) for name, (fields, *_) in STARTED.items()})
    )
    told = {item["address"].rpartition("/")[2]: item["changes"] for item in plan["resource_changes"]}
    for name, (_, path, reason) in STARTED.items():
        assert {change["path"]: change["reason"] for change in told[name]}[path] == reason
    scene.apply(None, "--allow", "restart")
    assert all(scene.domain(name).ID() != number for name, number in numbers.items())
    assert "Pending" not in scene.plan(expect=0)
