"""Graphical consoles change while the guest runs: passwords do, the rest waits for a restart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.matrix import Row, devices, prove
from tests.live.scene import Scene, idle_vm
from tests.support.guest import domain_id

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

PASSWORDS = devices("graphics", "type", "passwd")
ENDS = devices("graphics", "type", "passwdValidTo")
DISPLAYS = [{"type": "vnc", "password": "first"}, {"type": "spice", "password": "a longer one"}]


def put(number: int, **fields: Any) -> Any:
    return lambda vm: vm["graphics"][number].update(fields)


CHANGES: dict[str, Row] = {
    "a vnc password": Row(put(0, password="second"), PASSWORDS),
    "a spice password": Row(put(1, password="another longer one"), PASSWORDS),
    "the end of a vnc password": Row(put(0, password_valid_to="2038-01-01T00:00:00"), ENDS),
    "the end of a spice password": Row(put(1, password_valid_to="2038-01-01T00:00:00"), ENDS),
    "another end": Row(put(0, password_valid_to="2037-12-31T23:59:59"), ENDS),
    "no end": Row(lambda vm: vm["graphics"][0].pop("password_valid_to"), ENDS),
}


def test_passwords_change_live(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(graphics=DISPLAYS)})
    scene.settle(manifest)
    prove(scene, manifest, CHANGES)


def test_what_a_console_is_started_with_needs_a_restart(scene: Scene) -> None:
    vm = idle_vm(graphics=[{"type": "vnc"}, {"type": "spice"}], lifecycle={"force_off_after": "1s"})
    manifest = scene.manifest({"web": vm})
    scene.settle(manifest)
    number = domain_id(scene.conn, "web")
    vm["graphics"] = [
        {"type": "vnc", "password": "first", "keymap": "de", "share_policy": "force-shared"},
        {"type": "spice", "port": 5990, "keymap": "de"},
    ]
    plan = scene.plan(manifest, expect=2)
    for name in ("vnc.password", "vnc.keymap", "vnc.share_policy", "spice.port", "spice.keymap"):
        assert f"graphics.{name}" in plan
    scene.apply(expect=4)
    scene.settle(manifest, "--allow", "restart")
    assert domain_id(scene.conn, "web") != number
    see = devices("graphics", "type", "keymap", "sharePolicy", "passwd")
    for active in (False, True):
        assert see(scene.tree("web", active=active)) == [
            ("vnc", "de", "force-shared", "first"),
            ("spice", "de", None, None),
        ]
    vm["graphics"] = [{"type": "vnc"}, {"type": "spice", "autoport": True}]
    scene.settle(manifest, "--allow", "restart")
    assert see(scene.tree("web")) == [("vnc", None, None, None), ("spice", None, None, None)]
