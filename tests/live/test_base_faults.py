"""Bases that are gone, that are another file, or that only look like one; overlays of whoever they are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live.depot import Depot, backing_of, base_name, made_from, qcow2, raw
from tests.live.scene import MIB, Scene, idle_vm

pytestmark = pytest.mark.libvirtd
REPLACE = ("--replace", "vm/web/root")


def words(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def pool_of(scene: Scene) -> Any:
    return scene.conn.storagePoolLookupByName("vms")


class TestGone:
    """A base that somebody deleted by hand."""

    VM = idle_vm(disks=[{"name": "root", "image": "os"}], lifecycle={"force_off_after": "1s"})

    @pytest.fixture
    def data(self, depot: Depot, tmp_path: Path) -> bytes:
        """The image of a VM that is off, and whose base is gone."""
        data = qcow2(tmp_path)
        depot.write(depot.image("os.img", data), web=self.VM | {"state": "stopped"})
        depot.settle()
        depot.base(data).rename(tmp_path / "base")
        return data

    @pytest.mark.parametrize("refreshed", [True, False])
    def test_is_told_before_the_start_that_would_fail(
        self, depot: Depot, data: bytes, tmp_path: Path, refreshed: bool
    ) -> None:
        if refreshed:
            pool_of(depot.scene).refresh()
        assert "is gone" in words(depot.plan(expect=0)), "nothing is to be done, and it is said"
        depot.write(depot.image("os.img", data), web=self.VM)
        with depot.scene.nothing_changes():
            told = words(depot.apply(expect=4))
        assert f"vm/web cannot be started: its disk root rests on {depot.base(data)}, which is gone" in told
        assert "--replace vm/web/root" in told and "virsh pool-refresh" in told

        (tmp_path / "base").rename(depot.base(data))
        pool_of(depot.scene).refresh()
        depot.settle()

    def test_made_anew(self, depot: Depot, data: bytes) -> None:
        depot.write(depot.image("os.img", data), web=self.VM)
        depot.settle(*REPLACE, "--allow", "replace,data-loss")
        assert depot.base(data).exists() and depot.scene.domain("web").isActive()

    def test_placed_again_for_another_vm_it_is_there(self, depot: Depot, data: bytes) -> None:
        depot.write(depot.image("os.img", data), web=self.VM, db=made_from())
        depot.settle()
        assert depot.scene.domain("web").isActive()

    def test_a_disk_on_it_does_not_grow(self, depot: Depot, data: bytes) -> None:
        disks = [{"name": "root", "image": "os", "size": "9MiB"}]
        depot.write(depot.image("os.img", data), web=self.VM | {"state": "stopped", "disks": disks})
        with depot.scene.nothing_changes():
            assert "which is gone" in words(depot.apply(expect=4))

    def test_not_taken_up_with_a_disk_that_was_left(self, depot: Depot, data: bytes) -> None:
        depot.scene.domain("web").undefine()
        image = depot.image("os.img", qcow2(depot.scene.path.parent, seed=2))
        depot.write(image, web=self.VM)
        told = words(depot.apply(expect=4))
        assert "volume/vms/web-root.qcow2 on default rests on" in told and "which is gone" in told

    def test_under_a_running_guest_is_noted(self, depot: Depot, tmp_path: Path) -> None:
        data = qcow2(tmp_path)
        depot.write(depot.image("os.img", data), web=self.VM)
        depot.settle()
        depot.base(data).unlink()
        assert "is gone" in words(depot.plan(expect=0))
        assert depot.scene.domain("web").isActive()


class TestAnother:
    """Another file under a base's exact name."""

    @pytest.mark.parametrize("case", ["format", "capacity"])
    def test_is_not_taken_for_it(self, depot: Depot, tmp_path: Path, case: str) -> None:
        data = qcow2(tmp_path)
        depot.scene.settle(depot.scene.manifest())
        base = depot.base(data)
        base.write_bytes(raw(2 * MIB) if case == "format" else qcow2(tmp_path, size=3 * MIB))
        pool_of(depot.scene).refresh()
        depot.write(depot.image("os.img", data), web=made_from())
        depot.pull()
        with depot.scene.nothing_changes():
            told = words(depot.apply(expect=4))
        assert f"volume vms/{base.name} on default has the name of image os's base and is another" in told

    def test_seen_only_when_it_is_placed(self, depot: Depot, tmp_path: Path) -> None:
        """The pool was not running, so that the plan could not look."""
        data = qcow2(tmp_path)
        depot.scene.settle(depot.scene.manifest())
        depot.base(data).write_bytes(raw(2 * MIB))
        pool_of(depot.scene).destroy()
        depot.write(depot.image("os.img", data), web=made_from())
        told = words(depot.apply(expect=1))
        assert "has the name of its base and is another" in told and "web" not in depot.scene.domains()


def test_a_date_is_no_base(depot: Depot, tmp_path: Path) -> None:
    """A file of the user's own, `os-202511251200`, is not the image os."""
    data = qcow2(tmp_path)
    depot.scene.settle(depot.scene.manifest())
    mine = depot.scene.volume("os-202511251200")
    mine.write_bytes(raw(MIB))
    pool_of(depot.scene).refresh()
    depot.write(depot.image("os.img", data), web=made_from())
    depot.settle()
    done = depot.scene.forks.cli(
        "image", "prune", depot.scene.path, "--bases", "--all", "--yes", "--connect", depot.scene.host.uri
    )
    assert base_name(data) in done.stdout and mine.name not in done.stdout
    told = words(depot.cli("destroy", "--yes", expect=0))
    assert f"stays in pool vms, for the next VM: {base_name(data)}" in told and mine.exists()


class TestStoppedPool:
    """What is in a pool that does not run is not known; the plan says so and goes on."""

    def test_an_image_that_cannot_be_had(self, depot: Depot, tmp_path: Path) -> None:
        data = qcow2(tmp_path)
        depot.write(depot.image("os.img", data), web=made_from())
        depot.settle()
        pool_of(depot.scene).destroy()
        (depot.served.folder / "os.img").unlink()
        for entry in depot.cache.glob("**/*"):
            if entry.is_file():
                entry.unlink()
        told = words(depot.plan(expect=2))
        assert "image/os: it is not known whether it is needed, and it cannot be had" in told
        depot.settle()
        assert backing_of(depot.scene.volume("web-root.qcow2")) == str(depot.base(data))

    def test_a_new_vm_needs_it_for_certain(self, depot: Depot, tmp_path: Path) -> None:
        depot.scene.settle(depot.scene.manifest())
        pool_of(depot.scene).destroy()
        image = depot.image("os.img", qcow2(tmp_path))
        (depot.served.folder / "os.img").unlink()
        depot.write(image, web=made_from())
        with depot.scene.nothing_changes():
            depot.apply(expect=1)


def test_a_name_that_was_given_away(scene: Scene) -> None:
    """The renamed VM keeps its volume; who takes its name has to call the disk otherwise, and is told why."""
    vm = idle_vm(disks=[{"name": "root", "size": "1MiB"}], state="stopped")
    scene.settle(scene.manifest({"web": vm}))
    scene.settle(scene.manifest({"app": vm}, moved=[{"from": "vm/web", "to": "vm/app"}]))
    scene.write(scene.manifest({"app": vm, "web": vm}))
    told = words(scene.cli("plan", expect=3).stderr)
    assert "both have the volume vms/web-root.qcow2: vm/app was renamed, and has kept it" in told
    assert "vms.web.disks.0" in told and "give this disk another name" in told
    other = vm | {"disks": [{"name": "system", "size": "1MiB"}]}
    scene.settle(scene.manifest({"app": vm, "web": other}))


class TestAnew:
    """`--replace` says which volume dies."""

    def test_in_text_and_json(self, depot: Depot, tmp_path: Path) -> None:
        depot.write(depot.image("os.img", qcow2(tmp_path)), web=made_from())
        depot.settle()
        dies = "volume web-root.qcow2 of pool vms (1MiB) is deleted with its data"
        assert dies in words(depot.plan(*REPLACE, expect=2))
        plan = json.loads(depot.cli("plan", "--format", "json", *REPLACE, expect=0))
        (vm,) = (each for each in plan["resource_changes"] if each["kind"] == "vm")
        assert vm["change"]["before"]["volumes"] == {"vms/web-root.qcow2": "1MiB"}
        assert dies in vm["changes"][0]["reason"] and vm["changes"][0]["impact"] == "data-loss"
        assert plan["required_permissions"] == ["replace", "data-loss"] and plan["summary"]["data_loss"] == 1
        for allowed in ("data-loss", "replace"):
            with depot.scene.nothing_changes():
                depot.apply(*REPLACE, "--allow", allowed, expect=4)


class TestOverlays:
    """A base with overlays is not removed, whoever they belong to and wherever they lie."""

    def overlay(self, scene: Scene, base: Path, name: str) -> Path:
        """An overlay in a pool that the manifest does not speak of, of a stopped VM of somebody else's."""
        folder = scene.host.images / "theirs"
        folder.mkdir()
        path = folder / name
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path], check=True
        )
        scene.conn.storagePoolDefineXML(
            f"<pool type='dir'><name>theirs</name><target><path>{folder}</path></target></pool>"
        ).create()
        driver = f"<driver name='qemu' type='qcow2'/><source file='{path}'/>"
        scene.conn.defineXML(
            "<domain type='qemu'><name>theirs</name><memory>32768</memory><os><type arch='x86_64'>hvm</type>"
            f"</os><devices><disk type='file'>{driver}<target dev='vda'/></disk></devices></domain>"
        )
        return path

    def test_that_of_a_foreign_vm_in_a_foreign_pool(self, scene: Scene) -> None:
        volumes = {"golden": {"size": "1MiB"}, "other": {"size": "1MiB"}}
        scene.settle(scene.manifest(volumes=volumes))
        self.overlay(scene, scene.volume("golden"), "x.qcow2")
        gone = scene.manifest(
            volumes={"other": {"size": "1MiB"}}, removed=[{"pool": "vms", "volume": "golden"}]
        )
        with scene.nothing_changes():
            told = words(scene.apply(gone, "--allow", "data-loss", expect=4).stdout)
        assert "volume/vms/golden on default is the backing of volume/theirs/x.qcow2" in told
        assert "volume/theirs/x.qcow2 is of vm/theirs" in told
        scene.write(scene.manifest(volumes=volumes))
        with scene.nothing_changes():
            scene.cli("destroy", "--yes", "--allow", "data-loss", expect=4)

    def test_a_vms_own_disk_under_it(self, scene: Scene) -> None:
        vm = idle_vm(disks=[{"name": "root", "size": "1MiB"}], state="stopped")
        db = idle_vm(state="stopped")
        scene.settle(scene.manifest({"web": vm, "db": db}))
        self.overlay(scene, scene.volume("web-root.qcow2"), "x.qcow2")
        for args in (("--allow", "delete,data-loss"), (*REPLACE, "--allow", "replace,data-loss")):
            vms = {"db": db} if "--replace" not in args else {"web": vm, "db": db}
            with scene.nothing_changes():
                told = words(scene.apply(scene.manifest(vms), *args, expect=4).stdout)
            assert "volume/theirs/x.qcow2" in told and "vm/theirs" in told

    def test_prune_names_all_of_them(self, depot: Depot, tmp_path: Path) -> None:
        data = qcow2(tmp_path)
        depot.write(depot.image("os.img", data), web=made_from(), db=made_from())
        depot.settle()
        self.overlay(depot.scene, depot.base(data), "x.qcow2")
        argv = ("image", "prune", depot.scene.path, "--bases", "--all", "--yes")
        done = depot.scene.forks.cli(*argv, "--connect", depot.scene.host.uri, expect=0)
        told = words(done.stdout + done.stderr)
        for volume, vm in (
            ("vms/web-root.qcow2", "web"),
            ("vms/db-root.qcow2", "db"),
            ("theirs/x.qcow2", "theirs"),
        ):
            assert f"volume/{volume} rests on it (vm/{vm})" in told
        assert depot.base(data).exists()
