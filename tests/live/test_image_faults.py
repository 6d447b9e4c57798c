"""Images, seeds and disks that are made anew, where somebody asks for what cannot or must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartKvmspec
from tests.live.depot import Depot, digest_of, iso, qcow2, raw
from tests.live.scene import MIB, Scene, has_pattern, idle_vm, write_pattern
from tests.support.guest import wait_for
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = pytest.mark.libvirtd
OTHER = "11111111-2222-4333-8444-555555555555"
REPLACE = ("--replace", "vm/web/root")


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
        depot.scene.forks.cli("apply", saved, "--yes", "--allow", "replace,data-loss", expect=0, env=env)
        depot.plan(expect=0)

        write_pattern(disk)
        again = depot.scene.forks.cli(
            "apply", saved, "--yes", "--allow", "replace,data-loss", expect=4, env=env
        )
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
        assert "disks.root.data" in depot.apply(*REPLACE, "--allow", "replace,data-loss")
        assert not has_pattern(disk)
        depot.plan(expect=0)

    def test_not_of_a_vm_that_is_protected(self, depot: Depot, tmp_path: Path) -> None:
        image = depot.image("os.img", qcow2(tmp_path))
        depot.write(image, web=_vm(lifecycle={"prevent_destroy": True}))
        depot.settle()
        depot.write(image, web=_vm())  # it holds until it is taken out in an apply of its own
        with depot.scene.nothing_changes():
            text = depot.apply(*REPLACE, "--allow", "replace,data-loss", expect=4)
        assert "vm/web is protected by prevent_destroy" in text
        depot.settle()
        depot.settle(*REPLACE, "--allow", "replace,data-loss")


class TestSeed:
    """A seed holds secrets: it goes with its VM, and is not made for nothing."""

    @staticmethod
    def seeds(scene: Scene) -> list[str]:
        return sorted(path.name.rpartition("-")[0] for path in scene.pool.glob("*-seed-*.iso"))

    @staticmethod
    def vm(hostname: str = "one", **fields: Any) -> dict[str, Any]:
        lifecycle = {"force_off_after": "1s", "restart": "allowed"} | fields.pop("lifecycle", {})
        seed = {"hostname": hostname, "on_change": "new-instance"}
        return idle_vm(pool="vms", cloud_init=seed, lifecycle=lifecycle) | fields

    def test_one_that_a_failed_apply_left_goes_with_the_vm(self, scene: Scene) -> None:
        scene.settle(scene.manifest({"web": self.vm()}))
        slow = {"force_off_after": None, "shutdown_timeout": "1s"}
        scene.apply(scene.manifest({"web": self.vm("two", lifecycle=slow)}), expect=1)
        assert self.seeds(scene) == ["web-seed", "web-seed"]
        scene.cli("destroy", "--yes", expect=0)
        assert self.seeds(scene) == []

    def test_one_that_a_failed_apply_left_goes_with_the_next(self, scene: Scene) -> None:
        scene.settle(scene.manifest({"web": self.vm()}))
        slow = {"force_off_after": None, "shutdown_timeout": "1s"}
        scene.apply(scene.manifest({"web": self.vm("two", lifecycle=slow)}), expect=1)
        number = scene.domain("web").ID()
        scene.settle(scene.manifest({"web": self.vm()}))
        assert self.seeds(scene) == ["web-seed"] and scene.domain("web").ID() == number

    def test_a_renamed_vm_keeps_its_own_when_another_takes_the_name(self, scene: Scene) -> None:
        www, web = self.vm(state="stopped"), self.vm("two", state="stopped", uuid=OTHER)
        scene.settle(scene.manifest({"web": www}))
        scene.settle(scene.manifest({"www": www}, moved=[{"from": "vm/web", "to": "vm/www"}]))
        scene.settle(scene.manifest({"www": www, "web": web}))
        scene.settle(scene.manifest({"www": www, "web": web | {"cloud_init": {"hostname": "three"}}}))
        scene.settle(scene.manifest({"www": www}), "--allow", "delete")
        assert self.seeds(scene) == ["web-seed"]
        scene.settle(scene.manifest({"www": www | {"state": "running"}}))

    def test_destroy_says_that_it_goes_and_not_that_it_stays(self, scene: Scene) -> None:
        scene.settle(scene.manifest({"web": self.vm()}))
        text = scene.cli("destroy", "--yes", expect=0).stdout
        assert "cloud-init's seed is deleted" in text and "web-seed-" not in text
        assert self.seeds(scene) == []

    def test_one_in_a_pool_that_does_not_run_is_said_to_stay(self, scene: Scene) -> None:
        scene.settle(scene.manifest({"web": self.vm(state="stopped"), "db": idle_vm(state="stopped")}))
        scene.conn.storagePoolLookupByName("vms").destroy()
        text = scene.apply(scene.manifest({"db": idle_vm(state="stopped")}), "--allow", "delete").stdout
        assert "vms/web-seed-" in text

    @pytest.mark.parametrize("before", [{"hostname": "one", "on_change": "new-instance"}, None])
    def test_ignored_is_neither_made_nor_deleted(self, scene: Scene, before: dict[str, Any] | None) -> None:
        vm = self.vm("two", state="stopped", lifecycle={"ignore_changes": ["cloud_init"]})
        first = {key: value for key, value in vm.items() if before or key != "cloud_init"}
        scene.settle(scene.manifest({"web": first | ({"cloud_init": before} if before else {})}))
        found = sorted(scene.pool.iterdir())
        assert "create" not in scene.plan(scene.manifest({"web": vm}), expect=0)
        scene.settle(scene.manifest({"web": vm | {"state": "running"}}))
        assert sorted(scene.pool.iterdir()) == found

    def test_a_rename_makes_no_other_of_the_same_content(self, scene: Scene) -> None:
        scene.settle(scene.manifest({"web": self.vm(state="stopped")}))
        moved = [{"from": "vm/web", "to": "vm/www"}]
        text = scene.plan(scene.manifest({"www": self.vm(state="stopped")}, moved=moved), expect=2)
        assert "cloud_init" not in text and "seed" not in text
        scene.settle()
        assert self.seeds(scene) == ["web-seed"]


class TestCopy:
    """`clone: full`: libvirtd copies by itself, and what it leaves when it dies looks like a volume."""

    SIZE = 400 * MIB

    def test_cut_off_is_never_taken_for_whole(
        self, depot: Depot, clean_host: PrivateLibvirt, start_kvmspec: StartKvmspec, tmp_path: Path
    ) -> None:
        image, disk = tmp_path / "large.raw", depot.scene.volume("web-root.raw")
        image.write_bytes(raw(MIB) * (self.SIZE // MIB))
        depot.write({"path": str(image)}, web=_vm())
        run = start_kvmspec("apply", "--yes", depot.scene.path, connect=clean_host)
        wait_for(lambda: disk.exists() and disk.stat().st_blocks * 512 > 8 * MIB, what="a part of the copy")
        clean_host.kill_daemon()
        assert run.wait(60) == 1
        assert disk.stat().st_blocks * 512 < self.SIZE
        clean_host.start_daemon()
        assert "its copying was cut off; it is copied again" in depot.plan(expect=2)
        depot.settle()
        assert digest_of(disk) == digest_of(image)
        assert [path.name for path in depot.scene.pool.glob("web-*")] == ["web-root.raw"]

    def test_a_guest_that_runs_on_one_is_left_alone(self, depot: Depot, tmp_path: Path) -> None:
        depot.write(depot.image("os.img", qcow2(tmp_path)), web=_vm(state="running"))
        depot.settle()
        depot.scene.volume("web-root.raw.kvmspec-copying").write_bytes(b"\0")
        depot.scene.conn.storagePoolLookupByName("vms").refresh()
        with depot.scene.nothing_changes():
            assert "was cut off, and vm/web runs on it" in depot.apply(expect=4)


class TestInstall:
    """An installation writes over the disk it is given."""

    @staticmethod
    def vm(**fields: Any) -> dict[str, Any]:
        return (
            idle_vm(install={"iso": "os", "timeout": "5s"}, disks=[{"name": "root", "size": "8MiB"}]) | fields
        )

    def test_with_cloud_init(self, depot: Depot) -> None:
        depot.write(depot.image("os.iso", iso(), kind="iso"), web=self.vm(cloud_init={}))
        text = depot.plan(expect=2)
        assert "web-seed-" in text and "is installed from os" in text

    @pytest.mark.parametrize("seen", [True, False])
    def test_not_over_data_that_nobody_gave_up(self, depot: Depot, seen: bool) -> None:
        image, disk = depot.image("os.iso", iso(), kind="iso"), depot.scene.volume("web-root.raw")
        disks = [{"name": "root", "size": "8MiB", "format": "raw"}]
        depot.write(image, web=idle_vm(disks=disks, state="stopped"))
        depot.settle()
        disk.write_bytes(raw(2 * MIB) + bytes(6 * MIB))
        depot.scene.domain("web").undefine()
        if not seen:
            depot.scene.conn.storagePoolLookupByName("vms").destroy()
        before = digest_of(disk)
        depot.write(image, web=self.vm(disks=disks))
        text = depot.apply(expect=4 if seen else 1)
        assert digest_of(disk) == before and "web" not in depot.scene.domains()
        assert "is installed over the data in web-root.raw" in text if seen else "has data, which" in text
        text = depot.apply(expect=4)
        assert "--allow data-loss" in text and "DATA LOSS" in text and digest_of(disk) == before
