"""What is not the project's own is refused by name and left as it was, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.scene import Manifest, Scene, has_pattern, idle_vm, write_pattern

pytestmark = pytest.mark.libvirtd

DOMAIN = "<domain type='qemu'><name>{name}</name>{uuid}<memory unit='MiB'>32</memory><os><type>hvm</type></os>{more}</domain>"


def domain_xml(name: str, more: str = "", uuid: str = "") -> str:
    return DOMAIN.format(name=name, more=more, uuid=uuid and f"<uuid>{uuid}</uuid>")


def foreign_domain(scene: Scene) -> None:
    scene.conn.defineXML(domain_xml("web"))


def foreign_running_domain(scene: Scene) -> None:
    scene.conn.defineXML(domain_xml("web")).create()


def foreign_transient_domain(scene: Scene) -> None:
    scene.conn.createXML(domain_xml("web"))


def foreign_network(scene: Scene) -> None:
    xml = "<network><name>front</name><ip address='10.81.0.1' netmask='255.255.255.0'/></network>"
    scene.conn.networkDefineXML(xml).create()


def foreign_pool(scene: Scene) -> None:
    scene.pool.mkdir()
    (scene.pool / "mine.raw").write_bytes(bytes(512))
    xml = f"<pool type='dir'><name>vms</name><target><path>{scene.pool}</path></target></pool>"
    scene.conn.storagePoolDefineXML(xml).create()


FOREIGN: dict[str, Callable[[Scene], None]] = {
    "vm/web": foreign_domain,
    "vm/web, running": foreign_running_domain,
    "vm/web, transient": foreign_transient_domain,
    "network/front": foreign_network,
    "pool/vms": foreign_pool,
}


def shop(scene: Scene) -> Manifest:
    web = idle_vm(state="stopped", disks=[{"name": "a", "size": "1MiB"}], networks=["front"])
    return scene.manifest({"web": web, "other": idle_vm(state="stopped")})


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_object_of_that_name_is_refused_and_left_alone(scene: Scene, what: str) -> None:
    FOREIGN[what](scene)
    scene.write(shop(scene))
    with scene.nothing_changes():
        refused = scene.apply(None, "--allow", "restart,delete,replace,data-loss", expect=4)
        told = refused.stdout + refused.stderr
        assert what.split(",")[0].split("/")[1] in told
        assert "transient" in what or "uuid" in told or "import" in told, "it says how to adopt it"


@pytest.mark.parametrize("what", FOREIGN)
def test_destroy_leaves_the_foreign_alone(scene: Scene, what: str) -> None:
    FOREIGN[what](scene)
    scene.write(shop(scene))
    with scene.nothing_changes():
        scene.cli("destroy", "--yes", "--allow", "data-loss")


def test_a_clone_with_our_metadata_is_foreign(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(state="stopped", networks=["front"])}))
    uuid = scene.domain("web").UUIDString()
    xml = scene.xml("web").replace("<name>web</name>", "<name>clone</name>")
    xml = xml.replace(f"  <uuid>{uuid}</uuid>", "  <uuid>7a3c4b63-9a2b-4b6b-8f4a-1c0de1000002</uuid>")
    scene.conn.defineXML(xml)
    clone = scene.xml("clone")
    scene.plan(expect=0)
    scene.cli("destroy", "--yes", expect=0)
    assert scene.domains() == {"clone"}
    assert scene.xml("clone") == clone


def test_the_name_of_a_managed_vm_taken_by_a_clone(scene: Scene) -> None:
    scene.settle(shop(scene))
    uuid = scene.domain("web").UUIDString()
    xml = scene.xml("web").replace(
        f"  <uuid>{uuid}</uuid>", "  <uuid>7a3c4b63-9a2b-4b6b-8f4a-1c0de1000002</uuid>"
    )
    scene.domain("web").undefine()
    scene.conn.defineXML(xml)
    with scene.nothing_changes():
        scene.apply(expect=4)


def test_a_second_repository_with_the_same_project_name_is_refused(scene: Scene) -> None:
    first = shop(scene) | {"id": "0b7c3a52-5e0f-4c67-9d0b-4b1f5ea20001"}
    scene.settle(first)
    second = shop(scene) | {"id": "0b7c3a52-5e0f-4c67-9d0b-4b1f5ea20002"}
    second["vms"]["web"]["description"] = "theirs"
    scene.write(second)
    with scene.nothing_changes():
        scene.apply(expect=4)
        scene.cli("destroy", "--yes", expect=4)


def test_two_projects_leave_each_other_alone(scene: Scene) -> None:
    scene.settle(shop(scene))
    before = scene.everything()
    other = {
        "kvmspec": 1,
        "project": "other",
        "vms": {"mail": {"accel": "tcg", "cpus": 1, "memory": "32MiB", "state": "stopped"}},
    }
    scene.settle(other)
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert scene.everything() == before


def test_a_reference_may_leave_the_manifest(scene: Scene) -> None:
    default = scene.conn.networkLookupByName("default")
    before = default.XMLDesc(1)
    foreign_pool(scene)
    (scene.pool / "x").write_bytes(bytes(1 << 20))
    scene.conn.storagePoolLookupByName("vms").refresh()
    vm = idle_vm(networks=["default"], disks=[{"volume": "x", "pool": "vms"}], state="stopped")
    manifest = {"kvmspec": 1, "project": "shop", "defaults": {"vms": {"accel": "tcg"}}, "vms": {"web": vm}}
    scene.settle(manifest)
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert default.XMLDesc(1) == before and default.isActive()
    assert (scene.pool / "x").exists()
    assert scene.conn.storagePoolLookupByName("vms").isActive()


def test_a_reference_to_what_is_nowhere(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(networks=["nowhere"])})
    scene.write(manifest)
    with scene.nothing_changes():
        assert "nowhere" in scene.apply(expect=3).stderr
    manifest["vms"]["web"]["state"] = "stopped"
    scene.write(manifest)
    done = scene.cli("plan", expect=0)
    assert "nowhere" in done.stdout + done.stderr, "a warning for one that stays stopped"


def test_a_network_and_a_pool_that_foreign_vms_use_are_not_stopped(scene: Scene) -> None:
    scene.settle(shop(scene))
    (scene.pool / "theirs.raw").write_bytes(bytes(512))
    more = (
        "<devices><interface type='network'><source network='front'/></interface><disk type='file' device='disk'>"
        f"<source file='{scene.pool}/theirs.raw'/><target dev='vda'/></disk></devices>"
    )
    theirs = scene.conn.createXML(domain_xml("theirs", more))
    scene.cli("destroy", "--yes")
    assert theirs.isActive()
    assert scene.conn.networkLookupByName("front").isActive()
    assert scene.conn.storagePoolLookupByName("vms").isActive()


def volume_of_another_vm(scene: Scene, path: Path) -> None:
    path.write_bytes(bytes(1 << 20))
    disk = f"<disk type='file' device='disk'><source file='{path}'/><target dev='vda'/></disk>"
    scene.conn.defineXML(domain_xml("theirs", f"<devices>{disk}</devices>"))


def volume_of_another_size(scene: Scene, path: Path) -> None:
    path.write_bytes(bytes(2 << 20))


def volume_of_another_format(scene: Scene, path: Path) -> None:
    path.write_bytes(b"QFI\xfb" + (3).to_bytes(4, "big") + bytes((1 << 20) - 8))


@pytest.mark.parametrize("existing", [volume_of_another_vm, volume_of_another_size, volume_of_another_format])
def test_a_volume_that_does_not_fit_is_refused(scene: Scene, existing: Callable[..., Any]) -> None:
    scene.settle(scene.manifest())
    existing(scene, scene.volume("web-a.raw"))
    scene.conn.storagePoolLookupByName("vms").refresh()
    disks = [{"name": "a", "size": "1MiB", "format": "raw"}]
    scene.write(scene.manifest({"web": idle_vm(state="stopped", disks=disks)}))
    before = scene.volume("web-a.raw").read_bytes()
    with scene.nothing_changes():
        scene.apply(None, "--allow", "restart,delete", expect=4)
    assert scene.volume("web-a.raw").read_bytes() == before


def test_a_volume_that_fits_is_taken_up_with_its_data(scene: Scene) -> None:
    scene.pool.mkdir()
    path = scene.volume("web-a.raw")
    path.write_bytes(bytes(1 << 20))
    write_pattern(path)
    disks = [{"name": "a", "size": "1MiB", "format": "raw"}]
    scene.settle(scene.manifest({"web": idle_vm(state="stopped", disks=disks)}))
    assert has_pattern(path)
