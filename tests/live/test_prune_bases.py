"""`image prune --bases`: only what nothing rests on goes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.live.scene import Manifest, Scene, idle_vm
from tests.support.images import tiny_image

pytestmark = pytest.mark.libvirtd


def with_image(scene: Scene, **vms: Any) -> Manifest:
    found = scene.manifest(vms, images={"tiny": {"path": "./tiny.qcow2"}})
    return found | {"networks": {}}


def newer(scene: Scene) -> None:
    """Another image at the same path, as when a distribution publishes a new one."""
    with (scene.path.parent / "tiny.qcow2").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\7")


def vm(**fields: Any) -> dict[str, Any]:
    return idle_vm(state="stopped", disks=[{"name": "root", "image": "tiny"}]) | fields


def bases(scene: Scene) -> set[str]:
    return {path.name for path in scene.pool.glob("tiny-*")}


@pytest.fixture
def old_and_new(scene: Scene) -> tuple[str, str]:
    """Bases of two ages; a VM rests on each."""
    shutil.copyfile(tiny_image().qcow2, scene.path.parent / "tiny.qcow2")
    scene.apply(with_image(scene, a=vm()))
    (old,) = bases(scene)
    newer(scene)
    scene.apply(with_image(scene, a=vm(), b=vm()))
    (new,) = bases(scene) - {old}
    return old, new


def prune(scene: Scene, *args: str, expect: int = 0) -> str:
    argv = ("image", "prune", scene.path, "--bases", "--connect", scene.host.uri, *args)
    done = scene.forks.cli(*argv, expect=expect)
    return str(done.stdout + done.stderr)


def test_what_a_disk_rests_on_stays(scene: Scene, old_and_new: tuple[str, str]) -> None:
    old, new = old_and_new
    told = prune(scene, "--yes", "--all")
    assert bases(scene) == {old, new}
    assert "a-root.qcow2 rests on it" in told and "Nothing to remove." in told


def test_an_old_one_that_nobody_needs_goes_and_the_current_one_stays(
    scene: Scene, old_and_new: tuple[str, str]
) -> None:
    old, new = old_and_new
    scene.cli("destroy", "--yes", "--allow", "data-loss", "--target", "vm/a", expect=0)
    refused = prune(scene, expect=4)
    assert old in refused and "--yes" in refused and bases(scene) == {old, new}
    told = prune(scene, "--yes")
    assert bases(scene) == {new} and "1 base removed" in told
    scene.plan(with_image(scene, b=vm()), expect=0)


def test_a_stopped_pool_proves_nothing(scene: Scene, old_and_new: tuple[str, str], tmp_path: Path) -> None:
    scene.cli("destroy", "--yes", "--allow", "data-loss", "--target", "vm/a", expect=0)
    folder = scene.host.images / "other"
    folder.mkdir(exist_ok=True)
    scene.conn.storagePoolDefineXML(
        f"<pool type='dir'><name>other</name><target><path>{folder}</path></target></pool>"
    )
    told = prune(scene, "--yes")
    assert bases(scene) == set(old_and_new) and "pool other is not running" in told
