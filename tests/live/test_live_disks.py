"""Disks change while the guest runs: I/O limits, and one in the place of another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.matrix import Row, booted, devices, prove
from tests.live.scene import Scene, disks_of, guest_vm, has_pattern, write_pattern
from tests.support.guest import TinyGuest, domain_id

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]


def limits(tree: Any) -> Any:
    """Every limit of every disk."""
    return sorted((e.tag, e.text) for e in tree.iterfind("devices/disk/iotune/*") if "length" not in e.tag)


def put(**fields: Any) -> Any:
    return lambda vm: vm["disks"][-1].update(fields)


def without(*names: str) -> Any:
    def change(vm: dict[str, Any]) -> None:
        for name in names:
            del vm["disks"][-1][name]

    return change


LIMITS: dict[str, Row] = {
    "operations": Row(put(iops=5000), limits),
    "others": Row(put(iops={"total": 4000, "operation_size": "64KiB"}), limits),
    "a burst": Row(put(iops={"total": 4000, "total_max": 9000, "total_max_length": "3s"}), limits),
    "reads and writes each": Row(put(iops={"read": 300, "write": 200}), limits),
    "bytes besides": Row(put(bandwidth={"read": "100MB", "write": "50MB"}), limits),
    "bytes together": Row(put(bandwidth="1GiB"), limits),
    "operations no longer": Row(without("iops"), limits),
    "no limit": Row(without("bandwidth"), limits),
}


def test_limits_change_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest, disks=[{"name": "a", "size": "1MiB"}])
    prove(scene, manifest, LIMITS)


def test_limits_set_by_hand_stay_and_stated_ones_are_put_right(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest, disks=[{"name": "a", "size": "1MiB", "iops": 5000}])
    domain = scene.domain("web")
    domain.setBlockIoTune("vda", {"total_iops_sec": 70, "read_bytes_sec": 1 << 20}, 1)
    assert "disks.a.iops.total" in scene.plan(manifest, expect=2)
    scene.settle()
    seen = domain.blockIoTune("vda", 1)
    assert (seen["total_iops_sec"], seen["read_bytes_sec"]) == (5000, 1 << 20)


@pytest.mark.parametrize("bus", ["virtio", "scsi"])
def test_another_disk_takes_the_place_of_one_live(scene: Scene, tiny_guest: TinyGuest, bus: str) -> None:
    files = [scene.host.images / f"{name}-{bus}.raw" for name in "ab"]
    for file in files:
        file.write_bytes(bytes(1 << 20))
    write_pattern(files[0])
    disks = [{"name": "root", "size": "1MiB"}, {"path": str(files[0]), "name": "data", "bus": bus}]
    manifest = booted(scene, tiny_guest, disks=disks)
    number, before = domain_id(scene.conn, "web"), disks_of(scene.tree("web", active=True))
    manifest["vms"]["web"]["disks"][1]["path"] = str(files[1])
    plan = scene.plan(manifest, expect=2)
    assert "replace" in plan and "Restarts:" not in plan and "restarts guest" not in plan
    scene.apply(expect=4)  # it is asked for
    assert disks_of(scene.tree("web", active=True)) == before
    scene.settle(manifest, "--allow", "replace")
    assert domain_id(scene.conn, "web") == number
    for active in (False, True):
        now = disks_of(scene.tree("web", active=active))
        assert now[str(files[1])] == before[str(files[0])]  # its target and its slot
        assert str(files[0]) not in now
    assert has_pattern(files[0])


def test_a_qcow2_in_the_place_of_a_raw_disk_is_read_as_one(scene: Scene, tiny_guest: TinyGuest) -> None:
    volumes = {
        "one": {"pool": "vms", "size": "1MiB", "format": "raw"},
        "two": {"pool": "vms", "size": "1MiB", "format": "qcow2"},
    }
    vm = guest_vm(tiny_guest, disks=[{"name": "data", "volume": "one"}])
    manifest = scene.manifest({"web": vm}, volumes=volumes)
    scene.settle(manifest)
    scene.domain("web").destroy()
    vm["state"] = "stopped"
    vm["disks"][0]["volume"] = "two"
    scene.settle(manifest, "--allow", "replace")
    assert devices("disk/driver", "type")(scene.tree("web")) == [("qcow2",)]


STATED: dict[str, Any] = {
    "serial": "4711",
    "detect_zeroes": "unmap",
    "error_policy": "stop",
    "queues": 2,
    "shareable": True,
    "readonly": True,
    "cache": "none",
}


def test_what_a_disk_is_made_with_needs_a_restart(scene: Scene, tiny_guest: TinyGuest) -> None:
    disk = {"name": "a", "size": "1MiB", "format": "raw"}
    manifest = booted(scene, tiny_guest, disks=[disk])
    manifest["vms"]["web"]["disks"] = [disk | STATED]
    plan = scene.plan(manifest, expect=2)
    for name in STATED:
        assert f"disks.a.{name}" in plan
    scene.apply(expect=4)
    scene.settle(manifest, "--allow", "restart")
    see = devices("disk/driver", "queues", "detect_zeroes", "error_policy", "cache")
    for active in (False, True):
        assert see(scene.tree("web", active=active)) == [("2", "unmap", "stop", "none")]
    manifest["vms"]["web"]["disks"] = [disk]
    scene.settle(manifest, "--allow", "restart")
    assert see(scene.tree("web")) == [(None, None, None, None)]
