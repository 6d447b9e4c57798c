"""Images, seeds and disks that are made anew, where somebody asks for what cannot or must not be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.depot import Depot, qcow2
from tests.live.scene import Scene, has_pattern, idle_vm, write_pattern
from tests.support.serving import serve

pytestmark = pytest.mark.libvirtd
REPLACE = ("--replace", "vm/web/root")


@pytest.fixture
def depot(scene: Scene, tmp_path: Path) -> Iterator[Depot]:
    """An emptied host, an empty cache, an empty server."""
    folder = tmp_path / "web"
    folder.mkdir()
    with serve(folder) as served:
        yield Depot(scene, served, tmp_path)


def _vm(*, state: str = "stopped", **fields: Any) -> dict[str, Any]:
    lifecycle = {"force_off_after": "1s", "restart": "allowed"} | fields.pop("lifecycle", {})
    disks = [{"name": "root", "image": "os", "clone": "full", "format": "raw"}]
    return idle_vm(state=state, disks=disks, lifecycle=lifecycle) | fields


class TestReplace:
    """`--replace` deletes data: it does so once, as it was shown, and not against what protects it."""

    @pytest.mark.parametrize("state", ["stopped", "running"])
    def test_a_saved_plan_does_it_once(self, depot: Depot, tmp_path: Path, state: str) -> None:
        depot.write(depot.image("os.img", qcow2(tmp_path)), web=_vm(state=state))
        depot.settle()
        saved, disk = tmp_path / "saved.json", depot.scene.volume("web-root.raw")
        depot.cli("plan", "--out", str(saved), *REPLACE, expect=0)
        env = {"HOME": str(depot.home)}
        depot.scene.forks.cli("apply", saved, "--yes", "--allow", "data-loss", expect=0, env=env)
        depot.plan(expect=0)

        write_pattern(disk)
        again = depot.scene.forks.cli("apply", saved, "--yes", "--allow", "data-loss", expect=4, env=env)
        assert "vm/web changed since" in again.stderr
        assert has_pattern(disk), "what the guest wrote since is not in the plan"

    @pytest.mark.parametrize("ignored", ["disks", "disks.root.size"])
    def test_is_asked_for_and_so_not_ignored(self, depot: Depot, tmp_path: Path, ignored: str) -> None:
        vm = _vm(state="running", lifecycle={"ignore_changes": [ignored]})
        depot.write(depot.image("os.img", qcow2(tmp_path)), web=vm)
        depot.settle()
        disk = depot.scene.volume("web-root.raw")
        write_pattern(disk)
        depot.apply(*REPLACE, expect=4)
        assert "disks.root.data" in depot.apply(*REPLACE, "--allow", "data-loss")
        assert not has_pattern(disk)
        depot.plan(expect=0)

    def test_not_of_a_vm_that_is_protected(self, depot: Depot, tmp_path: Path) -> None:
        image = depot.image("os.img", qcow2(tmp_path))
        depot.write(image, web=_vm(lifecycle={"prevent_destroy": True}))
        depot.settle()
        depot.write(image, web=_vm())  # it holds until it is taken out in an apply of its own
        with depot.scene.nothing_changes():
            text = depot.apply(*REPLACE, "--allow", "data-loss", expect=4)
        assert "vm/web is protected by prevent_destroy" in text
        depot.settle()
        depot.settle(*REPLACE, "--allow", "data-loss")
