"""From a manifest to guests and back to nothing: what exists, what goes, what stays."""

from __future__ import annotations

import re
import subprocess
from copy import deepcopy
from xml.etree import ElementTree

import pytest

from tests.live.scene import INACTIVE, MIB, Scene, guest_vm, has_pattern, idle_vm, write_pattern
from tests.support.guest import TinyGuest, domain_id, wait_for, wait_for_lease

pytestmark = pytest.mark.libvirtd


@pytest.mark.live
def test_a_guest_from_plan_to_destroy(scene: Scene, tiny_guest: TinyGuest) -> None:
    web = guest_vm(tiny_guest, disks=[{"name": "data", "size": "8MiB"}])
    web["networks"] = [{"network": "front", "mac": "52:54:00:81:00:01"}]
    manifest = scene.manifest({"web": web})
    manifest["networks"]["front"]["dhcp"] = {
        "start": "10.81.0.100",
        "end": "10.81.0.150",
        "hosts": [{"mac": "52:54:00:81:00:01", "ip": "10.81.0.10", "name": "web"}],
    }
    scene.write(manifest)
    with scene.nothing_changes():
        assert re.search(r"\+ vm/web +create", scene.plan(expect=2))
    scene.apply()
    assert scene.plan(expect=0).strip() == "No changes. The hosts match the manifest."
    assert wait_for_lease(scene.conn, "front", "52:54:00:81:00:01") == "10.81.0.10"
    status = scene.cli("status", expect=0).stdout
    assert re.search(r"web +default +running +running +10\.81\.0\.10", status)

    number = domain_id(scene.conn, "web")
    web["description"], web["cpus"] = "sells things", {"count": 2, "max": 2}
    scene.plan(manifest, expect=2)
    scene.settle()
    assert domain_id(scene.conn, "web") == number
    assert scene.domain("web").vcpusFlags(1) == 2

    told = scene.cli("destroy", "--yes", expect=0)
    assert "web-data.qcow2" in told.stdout + told.stderr
    assert scene.domains() == set()
    assert [network.name() for network in scene.conn.listAllNetworks()] == ["default"]
    assert scene.conn.listAllStoragePools() == []
    assert [path.name for path in scene.pool.iterdir()] == ["web-data.qcow2"]


def test_without_yes_and_without_a_terminal_nothing_is_done(scene: Scene) -> None:
    scene.write(scene.manifest({"web": idle_vm()}))
    with scene.nothing_changes():
        refused = scene.cli("apply", expect=4)
    assert "vm/web" in refused.stdout


def test_lowering_count_deletes_only_when_allowed(scene: Scene) -> None:
    web = idle_vm(count=2, disks=[{"name": "data", "size": "1MiB", "format": "raw"}])
    manifest = scene.manifest({"web": web})
    scene.settle(manifest)
    assert scene.domains() == {"web-1", "web-2"}
    write_pattern(scene.volume("web-2-data.raw"))

    web["count"] = 1
    text = scene.plan(manifest, expect=2)
    assert re.search(r"- vm/web-2 +delete; its volumes stay: web-2-data\.raw \(1MiB\)", text)
    assert "Needs: --allow delete" in text
    number = domain_id(scene.conn, "web-1")
    with scene.nothing_changes():
        scene.apply(expect=4)
    scene.settle(None, "--allow", "delete")
    assert scene.domains() == {"web-1"}
    assert domain_id(scene.conn, "web-1") == number
    assert has_pattern(scene.volume("web-2-data.raw"))

    web["count"] = 2
    scene.settle(manifest)
    assert has_pattern(scene.volume("web-2-data.raw"))
    web["count"] = 1
    scene.settle(manifest, "--allow", "delete,data-loss")
    assert not scene.volume("web-2-data.raw").exists()


def qemu_io(command: str, disk: object) -> str:
    done = subprocess.run(["qemu-io", "-c", command, str(disk)], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_destroy_leaves_volumes_and_apply_takes_them_up_with_their_data(scene: Scene) -> None:
    disks = [
        {"name": "a", "size": "1MiB", "format": "raw"},
        {"name": "b", "size": "1MiB"},
        {"volume": "keep"},
    ]
    volumes = {"keep": {"pool": "vms", "size": "2MiB", "format": "raw"}}
    manifest = scene.manifest({"web": idle_vm(disks=disks, state="stopped")}, volumes=volumes)
    scene.settle(manifest)
    write_pattern(scene.volume("web-a.raw"))
    write_pattern(scene.volume("keep"), b"kept")
    qemu_io("write -P 0xab 4096 4096", scene.volume("web-b.qcow2"))

    told = scene.cli("destroy", "--yes", expect=0)
    for name in ("web-a.raw", "web-b.qcow2", "keep"):
        assert name in told.stdout + told.stderr
    assert scene.domains() == set()
    assert scene.conn.listAllStoragePools() == []
    assert scene.conn.listAllNetworks()[0].name() == "default"

    scene.settle()
    assert has_pattern(scene.volume("web-a.raw"))
    assert has_pattern(scene.volume("keep"), b"kept")
    assert "Pattern verification failed" not in qemu_io("read -P 0xab 4096 4096", scene.volume("web-b.qcow2"))

    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert scene.domains() == set()
    assert list(scene.pool.iterdir()) == []
    with scene.nothing_changes():
        scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)


def test_a_dropped_disk_stays_until_a_destroy_with_data_loss(scene: Scene) -> None:
    disks = [{"name": "a", "size": "1MiB"}, {"name": "b", "size": "1MiB"}]
    manifest = scene.manifest({"web": idle_vm(disks=disks, state="stopped")})
    scene.settle(manifest)
    del disks[1]
    scene.settle(manifest, "--allow", "restart,delete")
    assert scene.volume("web-b.qcow2").exists()
    assert "web-b.qcow2" not in scene.xml("web").split("</metadata>")[1]
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert list(scene.pool.iterdir()) == []


def test_prevent_destroy_holds_also_when_its_block_is_gone(scene: Scene) -> None:
    db = idle_vm(state="stopped", lifecycle={"prevent_destroy": True})
    manifest = scene.manifest({"db": db, "web": idle_vm(state="stopped")})
    scene.settle(manifest)
    gone = deepcopy(manifest)
    del gone["vms"]["db"]
    with scene.nothing_changes():
        refused = scene.cli("destroy", "--yes", "--allow", "data-loss", expect=4)
        assert "prevent_destroy" in refused.stdout + refused.stderr
        refused = scene.apply(gone, "--allow", "delete,data-loss", expect=4)
        assert "prevent_destroy" in refused.stdout + refused.stderr

    db["lifecycle"]["prevent_destroy"] = False
    scene.settle(manifest)
    scene.settle(gone, "--allow", "delete")
    assert scene.domains() == {"web"}


def test_prevent_destroy_of_a_volume(scene: Scene) -> None:
    volumes = {"pg": {"pool": "vms", "size": "1MiB", "format": "raw", "prevent_destroy": True}}
    manifest = scene.manifest(volumes=volumes)
    scene.settle(manifest)
    with scene.nothing_changes():
        scene.cli("destroy", "--yes", "--allow", "data-loss", expect=4)
        scene.apply(scene.manifest(volumes=volumes, removed=[{"volume": "pg", "pool": "vms"}]), expect=3)


def test_a_move_is_a_rename_and_keeps_disks_and_identity(scene: Scene) -> None:
    vm = idle_vm(
        state="stopped", disks=[{"name": "data", "size": "1MiB", "format": "raw"}], networks=["front"]
    )
    scene.settle(scene.manifest({"web": vm}))
    write_pattern(scene.volume("web-data.raw"))
    before = scene.tree("web")
    moved = scene.manifest({"web": vm | {"count": 1}}, moved=[{"from": "vm/web", "to": "vm/web-1"}])
    text = scene.plan(moved, expect=2)
    assert "delete" not in text and "volume" not in text
    scene.settle()
    assert scene.domains() == {"web-1"}
    after = scene.tree("web-1")
    assert after.findtext("uuid") == before.findtext("uuid")
    for path in ("devices/disk/source", "devices/interface/mac", "devices/interface/address"):
        assert after.find(path).attrib == before.find(path).attrib  # type: ignore[union-attr]
    assert has_pattern(scene.volume("web-data.raw"))
    assert len(list(scene.pool.iterdir())) == 1
    del moved["moved"]
    scene.plan(moved, expect=0)
    vm["description"] = "still changes"
    scene.settle(scene.manifest({"web": vm | {"count": 1}}))
    assert scene.domains() == {"web-1"}
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert list(scene.pool.iterdir()) == []


@pytest.mark.live
def test_a_move_of_a_running_guest_is_a_restart(scene: Scene, tiny_guest: TinyGuest) -> None:
    vm = guest_vm(tiny_guest, networks=[{"network": "front", "mac": "52:54:00:81:00:02"}])
    scene.settle(scene.manifest({"old": vm}))
    wait_for_lease(scene.conn, "front", "52:54:00:81:00:02")
    scene.write(scene.manifest({"new": vm}, moved=[{"from": "vm/old", "to": "vm/new"}]))
    with scene.nothing_changes():
        scene.apply(expect=4)
    scene.settle(None, "--allow", "restart")
    assert scene.domains() == {"new"}
    assert scene.domain("new").isActive()


def test_a_released_vm_is_let_go_and_runs_on(scene: Scene) -> None:
    vm = idle_vm(disks=[{"name": "data", "size": "1MiB"}])
    scene.settle(scene.manifest({"web": vm, "gone": vm}))
    number = domain_id(scene.conn, "gone")
    scene.settle(scene.manifest({"web": vm}, released=["vm/gone"]))
    assert domain_id(scene.conn, "gone") == number
    assert "urn:kvmspec:1" not in scene.xml("gone")
    scene.plan(scene.manifest({"web": vm}), expect=0)
    # it is foreign now, and the pool its disk lies in is not taken from it
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=4)
    scene.cli("destroy", "--yes", "--allow", "data-loss", "--target", "vm/web", expect=0)
    assert domain_id(scene.conn, "gone") == number
    assert scene.volume("gone-data.qcow2").exists()
    assert not scene.volume("web-data.qcow2").exists()


def test_a_removed_volume_goes_only_with_data_loss(scene: Scene) -> None:
    manifest = scene.manifest(volumes={"scratch": {"pool": "vms", "size": "1MiB", "format": "raw"}})
    scene.settle(manifest)
    del manifest["volumes"]
    scene.plan(manifest, expect=0)  # a standalone volume that is no longer named just stays
    assert scene.volume("scratch").exists()
    manifest["removed"] = [{"volume": "scratch", "pool": "vms"}]
    assert "DATA LOSS" in scene.plan(manifest, expect=2)
    with scene.nothing_changes():
        scene.apply(expect=4)
        scene.apply(None, "--allow", "delete", expect=4)
    scene.settle(None, "--allow", "data-loss")
    assert not scene.volume("scratch").exists()


def test_a_removed_volume_in_use_stays(scene: Scene) -> None:
    manifest = scene.manifest(
        {"web": idle_vm(state="stopped", disks=[{"path": str(scene.volume("scratch"))}])}
    )
    manifest["volumes"] = {"scratch": {"pool": "vms", "size": "1MiB", "format": "raw"}}
    other = scene.manifest(volumes=manifest["volumes"])
    scene.settle(other)
    scene.settle(manifest)
    del manifest["volumes"]
    manifest["removed"] = [{"volume": "scratch", "pool": "vms"}]
    scene.write(manifest)
    with scene.nothing_changes():
        assert scene.cli("apply", "--yes", "--allow", "data-loss").returncode in (3, 4)


def test_target_makes_what_it_needs_and_nothing_else_and_never_deletes(scene: Scene) -> None:
    networks = {
        name: {"mode": "isolated", "subnet": f"10.8{i}.0.0/24"} for i, name in enumerate(("front", "back"))
    }
    vms = {
        "a": idle_vm(state="stopped", networks=["front"]),
        "b": idle_vm(state="stopped", networks=["back"]),
    }
    manifest = scene.manifest(vms, networks=networks)
    scene.apply(manifest, "--target", "vm/a")
    assert scene.domains() == {"a"}
    assert {network.name() for network in scene.conn.listAllNetworks()} == {"default", "front"}
    scene.settle()
    assert scene.domains() == {"a", "b"}

    del manifest["vms"]["b"]
    vms["a"]["description"] = "changed"
    scene.apply(manifest, "--target", "vm/a", "--allow", "delete")
    assert scene.domains() == {"a", "b"}
    assert scene.tree("a").findtext("description") == "changed"
    scene.cli("destroy", "--yes", "--target", "vm/a", expect=0)
    assert scene.domains() == {"b"}
    assert {network.name() for network in scene.conn.listAllNetworks()} == {"default", "front", "back"}


def test_an_empty_manifest_never_deletes(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(state="stopped")}))
    scene.write({"kvmspec": 1, "project": "shop"})
    with scene.nothing_changes():
        scene.cli("apply", "--yes", "--allow", "delete,data-loss")
    assert scene.domains() == {"web"}


RICH = """\
<domain type='qemu'>
  <name>rich</name>
  <uuid>7a3c4b63-9a2b-4b6b-8f4a-1c0de1000001</uuid>
  <title>made by hand</title>
  <metadata><app:info xmlns:app="urn:other" kind="x"><!-- kept --><app:deep/></app:info></metadata>
  <memory unit='KiB'>65536</memory>
  <currentMemory unit='KiB'>65536</currentMemory>
  <vcpu>2</vcpu>
  <iothreads>1</iothreads>
  <cputune><shares>512</shares></cputune>
  <sysinfo type='smbios'><oemStrings><entry>one</entry><entry>two</entry></oemStrings></sysinfo>
  <os><type machine='pc'>hvm</type><boot dev='network'/><smbios mode='sysinfo'/></os>
  <features><acpi/><pae/></features>
  <cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model></cpu>
  <clock offset='localtime'/>
  <on_crash>preserve</on_crash>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='{disk}'/>
      <target dev='sdc' bus='sata'/><serial>S1</serial></disk>
    <interface type='network'><mac address='52:54:00:81:00:77'/><source network='default'/>
      <model type='e1000'/><link state='down'/></interface>
    <graphics type='vnc' port='-1' passwd='secret'/>
    <video><model type='vga'/></video>
    <watchdog model='i6300esb' action='poweroff'/>
    <sound model='ac97'/>
  </devices>
</domain>
"""


def without_ours(xml: str) -> str:
    tree = ElementTree.fromstring(xml)
    metadata = tree.find("metadata")
    assert metadata is not None
    for child in list(metadata):
        if child.tag.startswith("{urn:kvmspec:1}"):
            metadata.remove(child)
    return ElementTree.canonicalize(ElementTree.tostring(tree, encoding="unicode"), strip_text=True)


def test_adopting_a_vm_by_uuid_loses_nothing_of_it(scene: Scene) -> None:
    disk = scene.host.images / "rich.raw"
    disk.write_bytes(bytes(MIB))
    scene.conn.defineXML(RICH.format(disk=disk))
    before = scene.xml("rich")
    vm = {"uuid": "7a3c4b63-9a2b-4b6b-8f4a-1c0de1000001", "cpus": 2, "memory": "64MiB", "state": "stopped"}
    manifest = scene.manifest({"rich": vm})
    assert re.search(r"= vm/rich +adopt", scene.plan(manifest, expect=2))
    scene.settle()
    assert without_ours(scene.xml("rich")) == without_ours(before)
    assert "<!-- kept -->" in scene.xml("rich")

    vm["description"] = "now in git"
    scene.settle(manifest)
    after = without_ours(scene.xml("rich"))
    assert after.replace("<description>now in git</description>", "") == without_ours(before)


def test_adopting_a_running_vm_does_not_disturb_it(scene: Scene) -> None:
    disk = scene.host.images / "rich.raw"
    disk.write_bytes(bytes(MIB))
    scene.conn.defineXML(RICH.format(disk=disk)).create()
    number = domain_id(scene.conn, "rich")
    disks = [{"path": str(disk), "name": "root", "bus": "sata", "cache": "none"}]
    nics = [{"network": "default", "mac": "52:54:00:81:00:77", "model": "e1000"}]
    vm = {"uuid": "7a3c4b63-9a2b-4b6b-8f4a-1c0de1000001", "disks": disks, "networks": nics}
    scene.settle(scene.manifest({"rich": vm}))
    assert domain_id(scene.conn, "rich") == number


def test_adopting_a_network_and_a_pool_by_uuid(scene: Scene) -> None:
    network = scene.conn.networkDefineXML(
        "<network><name>front</name><bridge name='virbr77' stp='off' delay='3'/>"
        "<mac address='52:54:00:81:77:77'/><domain name='old.lan'/>"
        "<ip address='10.81.0.1' netmask='255.255.255.0'><dhcp><range start='10.81.0.100' end='10.81.0.150'/>"
        "</dhcp></ip><ip family='ipv6' address='fd00:81::1' prefix='64'/></network>"
    )
    network.create()
    network.setAutostart(1)
    (scene.host.images / "vms").mkdir()
    pool = scene.conn.storagePoolDefineXML(
        f"<pool type='dir'><name>vms</name><target><path>{scene.pool}</path></target></pool>"
    )
    pool.create()
    pool.setAutostart(1)
    manifest = scene.manifest()
    manifest["networks"]["front"]["uuid"] = network.UUIDString()
    manifest["pools"]["vms"]["uuid"] = pool.UUIDString()
    scene.write(manifest)
    before = network.XMLDesc(1)
    scene.settle()
    assert network.XMLDesc(1) == before


def test_a_vm_that_shall_be_stopped(scene: Scene, tiny_guest: TinyGuest) -> None:
    web = idle_vm(state="stopped", lifecycle={"shutdown_timeout": "1s", "force_off_after": "1s"})
    manifest = scene.manifest({"web": web})
    scene.settle(manifest)
    assert not scene.domain("web").isActive()
    web["state"] = "running"
    scene.settle(manifest)
    assert scene.domain("web").isActive()
    web["state"] = "stopped"
    scene.write(manifest)
    with scene.nothing_changes():
        scene.apply(expect=4)
    scene.settle(None, "--allow", "restart")
    assert not scene.domain("web").isActive()
    web["state"] = "any"
    scene.plan(manifest, expect=0)
    scene.domain("web").create()
    scene.plan(expect=0)


def test_a_started_vm_that_was_stopped_outside_is_started(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm()}))
    scene.domain("web").destroy()
    scene.plan(expect=2)
    scene.settle()
    assert scene.domain("web").isActive()
    scene.domain("web").suspend()
    text = scene.cli("plan", expect=0)
    assert "paused" in text.stdout + text.stderr


def test_count_profiles_and_defaults_meet_the_host(scene: Scene) -> None:
    profiles = {
        "base": {
            "cpus": 1,
            "memory": "32MiB",
            "guest_agent": True,
            "networks": ["front"],
            "state": "stopped",
        },
        "big": {"extends": "base", "cpus": 2, "disks": [{"name": "root", "size": "1MiB"}]},
    }
    web = {"profile": "big", "count": 2, "title": "web ${index}", "disks": [{"name": "root", "size": "2MiB"}]}
    manifest = scene.manifest({"web": web}, profiles=profiles)
    scene.settle(manifest)
    for index in (1, 2):
        tree = scene.tree(f"web-{index}")
        assert tree.findtext("title") == f"web {index}"
        assert tree.findtext("vcpu") == "2"
        assert tree.find("devices/channel/target[@name='org.qemu.guest_agent.0']") is not None
        info = (
            scene.conn.storagePoolLookupByName("vms").storageVolLookupByName(f"web-{index}-root.qcow2").info()
        )
        assert info[1] == 2 * MIB
    first, second = (scene.tree(f"web-{i}").find("devices/interface/mac").get("address") for i in (1, 2))  # type: ignore[union-attr]
    assert first != second


def test_an_overlay_on_a_declared_base(scene: Scene) -> None:
    volumes = {
        "base": {"pool": "vms", "size": "1MiB", "format": "raw"},
        "over": {"pool": "vms", "size": "4MiB", "backing": {"volume": "base", "format": "raw"}},
    }
    vm = idle_vm(
        state="stopped",
        disks=[{"name": "root", "backing": {"volume": "base", "format": "raw"}}, {"volume": "over"}],
    )
    manifest = scene.manifest({"web": vm}, volumes=volumes)
    scene.settle(manifest)
    pool = scene.conn.storagePoolLookupByName("vms")
    for name in ("over", "web-root.qcow2"):
        assert str(scene.volume("base")) in pool.storageVolLookupByName(name).XMLDesc()
    del manifest["volumes"]["base"]
    manifest["volumes"]["over"].pop("backing")
    manifest["removed"] = [{"volume": "base", "pool": "vms"}]
    scene.write(manifest)
    with scene.nothing_changes():  # a base with overlays is never deleted
        assert scene.cli("apply", "--yes", "--allow", "data-loss,delete,replace").returncode in (3, 4)


def test_the_password_is_where_it_belongs_and_nowhere_else(scene: Scene) -> None:
    password = "hunter2!"
    vm = idle_vm(state="stopped", graphics=[{"type": "vnc", "listen": "127.0.0.1", "password": "${pw}"}])
    manifest = scene.manifest({"web": vm}, variables={"pw": {"env": "PW", "secret": True}})
    scene.write(manifest)
    told = ""
    for command in (("plan",), ("plan", "--format", "json"), ("apply", "--yes"), ("render",), ("status",)):
        connect = command[0] not in ("render",)
        done = scene.cli(*command, env={"PW": password}, connect=connect, expect=0)
        told += done.stdout + done.stderr
    assert password not in told
    assert f"passwd='{password}'" in scene.xml("web")
    assert password not in scene.xml("web").split("</metadata>")[0]
    scene.cli("plan", "--detailed-exitcode", env={"PW": password}, expect=0)
    done = scene.cli("plan", "--detailed-exitcode", env={"PW": "other"}, expect=2)
    assert password not in done.stdout and "other" not in done.stdout
    scene.cli("apply", "--yes", env={"PW": "other"}, expect=0)
    assert "passwd='other'" in scene.domain("web").XMLDesc(INACTIVE)


def test_depends_on_starts_in_order(scene: Scene) -> None:
    vms = {"a": idle_vm(depends_on=["b"]), "b": idle_vm(depends_on=["c"]), "c": idle_vm()}
    scene.settle(scene.manifest(vms))
    numbers = [wait_for(lambda name=name: domain_id(scene.conn, name)) for name in "abc"]
    assert numbers == sorted(numbers, reverse=True)
