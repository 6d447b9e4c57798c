"""Live changes that are easily done wrong: names that move, guests that refuse, two VMs at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.matrix import MAC, booted
from tests.live.scene import Manifest, Scene, guest_vm, has_pattern, idle_vm, write_pattern
from tests.live.test_live_faults import converge
from tests.live.test_soak import seen
from tests.support.guest import TinyGuest, domain_id, wait_for_lease

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]
SECOND = "52:54:00:81:00:02"
RAW = {"pool": "vms", "size": "1MiB", "format": "raw"}


def targets(scene: Scene, vm: str = "web") -> dict[str, str]:
    """File name → target of the running guest's disks."""
    return {
        disk.find("source").get("file", "").rpartition("/")[2]: disk.find("target").get("dev", "")  # type: ignore[union-attr]
        for disk in scene.tree(vm, active=True).iterfind("devices/disk")
    }


def test_a_disk_is_renamed_while_the_guest_runs(scene: Scene, tiny_guest: TinyGuest) -> None:
    """A declared volume under another name is the same volume in another place; a disk of the VM's own is
    another disk, and the old volume stays."""
    manifest = scene.manifest(volumes={"v": RAW})
    scene.settle(manifest)
    disks: list[dict[str, Any]] = [
        {"name": "data", "volume": "v"},
        {"name": "a", "size": "1MiB", "format": "raw"},
    ]
    manifest["vms"]["web"] = guest_vm(tiny_guest, disks=disks, networks=[{"network": "front", "mac": MAC}])
    scene.settle(manifest)
    wait_for_lease(scene.conn, "front", MAC)
    number, before = domain_id(scene.conn, "web"), targets(scene)
    for volume in ("v", "web-a.raw"):
        write_pattern(scene.volume(volume))
    disks[0]["name"], disks[1]["name"] = "other", "b"
    scene.write(manifest)
    converge(scene, number, "renamed")
    after = targets(scene)
    assert after.keys() == {"v", "web-b.raw"} and not {*after.values()} & {*before.values()}
    assert has_pattern(scene.volume("v")) and has_pattern(scene.volume("web-a.raw"))


def test_a_disk_that_comes_back_has_another_target(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    number, disks = domain_id(scene.conn, "web"), manifest["vms"]["web"]["disks"]
    had = {targets(scene)["web-a.qcow2"]}
    for _ in range(3):
        for listed in ([], disks):
            manifest["vms"]["web"]["disks"] = listed
            scene.write(manifest)
            converge(scene, number, f"{len(listed)} disks")
        now = targets(scene)["web-a.qcow2"]
        assert now not in had
        had.add(now)


def test_nics_of_one_network_in_another_order(scene: Scene, tiny_guest: TinyGuest) -> None:
    """Each is known by the MAC that is stated; without one, by its number among those of the network."""
    nics = [{"network": "front", "mac": MAC}, {"network": "front", "mac": SECOND}, "front"]
    manifest = booted(scene, tiny_guest, networks=nics)
    number, before = domain_id(scene.conn, "web"), seen(scene, active=True)["nics"]
    manifest["vms"]["web"]["networks"] = [nics[1], nics[0], nics[2]]
    assert "restart" not in scene.plan(manifest, expect=2)
    converge(scene, number, "swapped")
    assert seen(scene, active=True)["nics"] == before
    manifest["vms"]["web"]["networks"] = [nics[0]]
    scene.write(manifest)
    converge(scene, number, "the first goes")
    assert [nic[0] for nic in seen(scene, active=True)["nics"]] == [str({"address": MAC})]


def test_a_guest_that_refuses_and_then_lets_go(scene: Scene, tiny_guest: TinyGuest) -> None:
    """A paused guest hears nothing."""
    manifest = booted(scene, tiny_guest)
    number, before = domain_id(scene.conn, "web"), scene.xml("web")
    write = scene.volume("web-a.qcow2").read_bytes()
    manifest["vms"]["web"] |= {"disks": [], "description": "without"}
    scene.domain("web").suspend()
    told = scene.apply(manifest, expect=1)
    assert "does not let go" in told.stdout + told.stderr
    assert scene.xml("web") == before, "the definition is as before"
    assert targets(scene).keys() == {"web-a.qcow2"}
    assert "disks.a" in scene.plan(expect=2)
    scene.domain("web").resume()
    converge(scene, number, "it is willing now")
    assert targets(scene) == {}
    assert scene.volume("web-a.qcow2").read_bytes() == write


def test_only_the_target_changes(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    manifest["vms"]["db"] = guest_vm(tiny_guest)
    scene.settle(manifest)
    for vm in ("web", "db"):
        manifest["vms"][vm] |= {"description": "new"}
        manifest["vms"][vm].setdefault("disks", []).append({"name": "more", "size": "1MiB"})
    manifest["vms"]["web"]["networks"].append("default")
    number, before = domain_id(scene.conn, "web"), scene.xml("db")
    scene.apply(manifest, "--target", "vm/web")
    assert domain_id(scene.conn, "web") == number and "web-more.qcow2" in targets(scene)
    assert scene.xml("db") == before
    scene.settle()


def two(scene: Scene, guest: TinyGuest, **fields: Any) -> Manifest:
    scene.settle(scene.manifest(volumes={"v1": RAW, "v2": RAW}))
    manifest = scene.manifest(volumes={"v1": RAW, "v2": RAW})
    for vm, volume, mac in (("web", "v1", MAC), ("db", "v2", SECOND)):
        nics = [{"network": "front", "mac": mac}]
        manifest["vms"][vm] = guest_vm(guest, disks=[{"volume": volume}], networks=nics, **fields)
    scene.settle(manifest)
    for mac in (MAC, SECOND):
        wait_for_lease(scene.conn, "front", mac)
    write_pattern(scene.volume("v1"))
    for vm, volume in (("web", "v2"), ("db", "v1")):
        manifest["vms"][vm]["disks"] = [{"volume": volume}]
    return manifest


def test_two_running_vms_exchange_a_volume(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = two(scene, tiny_guest)
    numbers = [domain_id(scene.conn, vm) for vm in ("web", "db")]
    scene.apply(manifest, "--parallelism", "1")
    scene.plan(expect=0)
    assert [domain_id(scene.conn, vm) for vm in ("web", "db")] == numbers
    assert targets(scene, "web").keys() == {"v2"} and targets(scene, "db").keys() == {"v1"}
    assert has_pattern(scene.volume("v1"))


def test_two_vms_exchange_a_volume_at_a_restart(scene: Scene, tiny_guest: TinyGuest) -> None:
    off = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    manifest = two(scene, tiny_guest, lifecycle=off)
    for vm in ("web", "db"):
        manifest["vms"][vm]["features"] = {"pae": True}
    scene.apply(manifest, "--allow", "restart", "--parallelism", "1")
    scene.plan(expect=0)
    assert targets(scene, "web").keys() == {"v2"} and targets(scene, "db").keys() == {"v1"}
    assert has_pattern(scene.volume("v1"))


def scsi_controllers(scene: Scene, *, active: bool) -> list[str | None]:
    found = scene.tree("web", active=active).iterfind("devices/controller[@type='scsi']")
    return [controller.get("model") for controller in found]


def test_more_scsi_disks_than_libvirt_puts_on_a_controller(scene: Scene, tiny_guest: TinyGuest) -> None:
    """By itself it would put the eighth on an lsilogic controller, in the definition alone."""
    disks = [{"name": f"d{n}", "size": "1MiB", "bus": "scsi"} for n in range(9)]
    manifest = booted(scene, tiny_guest, disks=disks[:6])
    number = domain_id(scene.conn, "web")
    manifest["vms"]["web"]["disks"] = disks
    scene.write(manifest)
    converge(scene, number, "nine disks")
    manifest["vms"]["web"]["disks"] = disks[3:]
    scene.write(manifest)
    converge(scene, number, "six disks")
    manifest["vms"]["new"] = idle_vm(disks=disks)
    scene.settle(manifest)
    scene.domain("web").destroy()
    scene.settle()
    for active in (True, False):
        assert scsi_controllers(scene, active=active) == ["virtio-scsi"]
        models = [c.get("model") for c in scene.tree("new").iterfind("devices/controller[@type='scsi']")]
        assert models == ["virtio-scsi"]


def test_a_disk_that_moves_to_scsi_stays_on_the_first_controller(scene: Scene) -> None:
    disks = [{"name": f"d{n}", "size": "1MiB", "bus": "usb"} for n in range(3)]
    disks += [{"name": f"e{n}", "size": "1MiB", "bus": "scsi"} for n in range(5)]
    disks += [{"name": "f", "size": "1MiB"}]
    vm = idle_vm(state="stopped", disks=disks)
    scene.settle(scene.manifest({"web": vm}))
    disks[-1]["bus"] = "scsi"
    scene.settle(scene.manifest({"web": vm}), "--allow", "restart")
    assert scsi_controllers(scene, active=False) == ["virtio-scsi"]


def test_more_usb_disks_than_there_are_ports(scene: Scene) -> None:
    """A hub is there at the next boot."""
    disks = [{"name": f"d{n}", "size": "1MiB", "bus": "usb"} for n in range(6)]
    off = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    scene.settle(scene.manifest({"web": idle_vm(lifecycle=off, disks=disks[:3])}))
    number = domain_id(scene.conn, "web")
    scene.settle(scene.manifest({"web": idle_vm(lifecycle=off, disks=disks[:4])}))
    assert domain_id(scene.conn, "web") == number
    scene.write(scene.manifest({"web": idle_vm(lifecycle=off, disks=disks)}))
    assert "no USB port is free" in scene.plan(expect=2)
    scene.settle(None, "--allow", "restart")
    assert scene.tree("web", active=True).find("devices/hub") is not None
    assert len(scene.tree("web", active=True).findall("devices/disk")) == 6
    scene.settle(scene.manifest({"web": idle_vm(lifecycle=off, disks=[*disks, disks[0] | {"name": "x"}])}))
