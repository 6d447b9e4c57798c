"""Sizes on a real libvirtd: disks grow where they are, running or not, and never shrink."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live.scene import MIB, Scene, has_pattern, idle_vm, write_pattern

pytestmark = pytest.mark.libvirtd
LIFECYCLE = {"force_off_after": "1s"}


def seen(path: Path) -> int:
    """Bytes that a guest sees of a disk, by QEMU's own tool."""
    shown = subprocess.run(
        ["qemu-img", "info", "-U", "--output=json", path], capture_output=True, text=True, check=True
    )
    return int(json.loads(shown.stdout)["virtual-size"])


def inline(scene: Scene, size: str, state: str = "running", **fields: Any) -> dict[str, Any]:
    lifecycle = LIFECYCLE | fields.pop("lifecycle", {})
    disks = [{"name": "root", "size": size} | fields]
    vm = idle_vm(disks=disks, state=state, lifecycle=lifecycle)
    return scene.manifest({"web": vm}, volumes={"base": {"size": "8MiB"}})


def standalone(scene: Scene, size: str, state: str = "running", **fields: Any) -> dict[str, Any]:
    vm = idle_vm(disks=[{"volume": "data"}], state=state, lifecycle=LIFECYCLE)
    volumes = {"base": {"size": "8MiB"}, "data": {"size": size} | fields}
    return scene.manifest({"web": vm}, volumes=volumes)


WAYS = {
    "inline": (inline, "web-root.{}"),
    "standalone": (standalone, "data"),
}
KINDS: dict[str, dict[str, Any]] = {
    "qcow2": {},
    "raw": {"format": "raw"},
    "overlay": {"backing": "base"},
}


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_grows(scene: Scene, way: str, kind: str, state: str) -> None:
    make, name = WAYS[way]
    path = scene.volume(name.format("raw" if kind == "raw" else "qcow2"))
    scene.settle(make(scene, "8MiB", state, **KINDS[kind]))
    number = scene.domain("web").ID()
    if kind == "raw":
        write_pattern(path)
    grown = make(scene, "12MiB", state, **KINDS[kind])
    text = scene.plan(grown, expect=2)
    assert "8MiB → 12MiB" in text and "Needs:" not in text
    scene.settle()
    assert seen(path) == 12 * MIB
    assert kind != "raw" or has_pattern(path)
    assert scene.domain("web").ID() == number, "no restart"
    if state == "running":
        assert scene.domain("web").blockInfo("vda")[0] == 12 * MIB, "the guest sees it at once"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", ["running", "stopped"])
def test_never_shrinks_also_what_was_grown_by_hand(scene: Scene, way: str, state: str) -> None:
    make, name = WAYS[way]
    scene.settle(make(scene, "8MiB", state))
    if state == "running":
        scene.domain("web").blockResize("vda", 9 * MIB, 1)
    else:
        pool = scene.conn.storagePoolLookupByName("vms")
        pool.storageVolLookupByName(name.format("qcow2")).resize(9 * MIB)
    with scene.nothing_changes():
        told = " ".join(scene.apply(expect=4).stdout.split())
    assert "has 9MiB, the manifest says 8MiB" in told and "state `size: 9MiB` or more" in told
    with scene.nothing_changes():
        scene.apply(make(scene, "5MiB", state), expect=4)
    scene.plan(make(scene, "9MiB", state), expect=0)
    scene.settle(make(scene, "10MiB", state))


@pytest.mark.parametrize("ignored", ["disks", "disks.root.size"])
def test_an_ignored_size_may_be_any(scene: Scene, ignored: str) -> None:
    fields = {"lifecycle": {"ignore_changes": [ignored]}}
    scene.settle(inline(scene, "8MiB", "stopped", **fields))
    for size in ("12MiB", "4MiB"):
        scene.plan(inline(scene, size, "stopped", **fields), expect=0)
    assert seen(scene.volume("web-root.qcow2")) == 8 * MIB


def test_a_base_does_not_grow_under_its_overlays(scene: Scene) -> None:
    scene.settle(inline(scene, "8MiB", "stopped", backing="base"))
    grown = inline(scene, "8MiB", "stopped", backing="base")
    grown["volumes"]["base"]["size"] = "9MiB"
    with scene.nothing_changes():
        told = " ".join(scene.apply(grown, expect=4).stdout.split())
    assert "volume/vms/web-root.qcow2 (vm/web) rests on it" in told
