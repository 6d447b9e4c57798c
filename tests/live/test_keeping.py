"""What could have been lost, leaked or restarted for nothing: each was a fault once."""

from __future__ import annotations

import subprocess
from typing import Any

import libvirt
import pytest

from tests.live.scene import Scene, idle_vm

pytestmark = pytest.mark.libvirtd
STOPPED: dict[str, Any] = {"state": "stopped"}


def own(name: str = "root", **fields: Any) -> dict[str, Any]:
    return {"name": name, "size": "1MiB", "format": "raw"} | fields


CLASHES = {
    "names that join to the same": {"web": idle_vm(disks=[own("a-b")]), "web-a": idle_vm(disks=[own("b")])},
}


@pytest.mark.parametrize("case", CLASHES)
def test_two_vms_never_share_a_volume(scene: Scene, case: str) -> None:
    done = (
        scene.cli("validate", expect=3, connect=False) if scene.write(scene.manifest(CLASHES[case])) else None
    )
    assert done is not None and "both have the volume" in done.stderr


def test_a_new_vm_does_not_get_the_disk_of_a_renamed_one(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(disks=[own()], **STOPPED)}))
    scene.settle(
        scene.manifest({"app": idle_vm(disks=[own()], **STOPPED)}, moved=[{"from": "vm/web", "to": "vm/app"}])
    )
    both = scene.manifest({name: idle_vm(disks=[own()], **STOPPED) for name in ("app", "web")})
    scene.write(both)
    assert "both have the volume" in scene.cli("plan", expect=3).stderr


def test_a_renamed_vm_keeps_its_mac_and_a_new_one_gets_another(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(networks=["front"], **STOPPED)}))
    renamed = {"app": idle_vm(networks=["front"], **STOPPED)}
    scene.settle(scene.manifest(renamed, moved=[{"from": "vm/web", "to": "vm/app"}]))
    scene.settle(scene.manifest(renamed | {"web": idle_vm(networks=["front"], **STOPPED)}))
    macs = [scene.tree(name).find("devices/interface/mac").get("address") for name in ("app", "web")]  # type: ignore[union-attr]
    assert len(set(macs)) == 2


def test_a_volume_that_a_foreign_vm_uses_stays(scene: Scene) -> None:
    scene.settle(scene.manifest({"old": idle_vm(disks=[own()], **STOPPED), "web": idle_vm(**STOPPED)}))
    scene.conn.defineXML(
        "<domain type='qemu'><name>rescue</name><memory>1024</memory><os><type arch='x86_64'>hvm</type></os><devices>"
        f"<disk type='file'><source file='{scene.volume('old-root.raw')}'/><target dev='vda'/></disk></devices></domain>"
    )
    done = scene.apply(scene.manifest({"web": idle_vm(**STOPPED)}), "--allow", "delete,data-loss", expect=4)
    assert "rescue" in done.stdout + done.stderr
    assert scene.volume("old-root.raw").exists()


def test_a_volume_that_another_vm_is_about_to_get_stays(scene: Scene) -> None:
    scene.settle(scene.manifest({"old": idle_vm(disks=[own()], **STOPPED), "web": idle_vm(**STOPPED)}))
    rescued = scene.manifest({"web": idle_vm(disks=[{"path": str(scene.volume("old-root.raw"))}], **STOPPED)})
    scene.apply(rescued, "--allow", "delete,data-loss", expect=4)
    assert scene.volume("old-root.raw").exists()
    scene.settle(rescued, "--allow", "delete")


def test_a_base_under_an_overlay_that_is_not_listed_yet_stays(scene: Scene) -> None:
    volumes = {"base": {"pool": "vms", "size": "1MiB", "format": "raw"}}
    scene.settle(scene.manifest(volumes=volumes))
    overlay = scene.volume("overlay.qcow2")
    base = scene.volume("base")
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(overlay)], check=True
    )
    done = scene.apply(
        scene.manifest(removed=[{"volume": "base", "pool": "vms"}]), "--allow", "data-loss", expect=1
    )
    assert "overlay.qcow2" in done.stdout
    assert base.exists()


def test_a_network_is_not_taken_from_a_released_vm(scene: Scene) -> None:
    web = idle_vm(networks=["front"])
    scene.settle(scene.manifest({"web": web, "db": idle_vm(**STOPPED)}))
    scene.settle(scene.manifest({"db": idle_vm(**STOPPED)}, released=["vm/web"]))
    scene.write(scene.manifest({"db": idle_vm(**STOPPED)}))
    scene.cli("destroy", "--yes", expect=4)
    assert scene.domain("web").isActive()
    assert scene.conn.networkLookupByName("front").isActive()


@pytest.mark.parametrize("password", ['a"b<c&', "it's", "&lt;"])
def test_a_secret_may_have_any_character_and_shows_in_none(scene: Scene, password: str) -> None:
    vm = idle_vm(graphics=[{"type": "vnc", "password": "${pw}"}], **STOPPED)
    scene.write(scene.manifest({"web": vm}, variables={"pw": {"env": "PW", "secret": True}}))
    done = scene.cli("apply", "--yes", "--debug", expect=0, env={"PW": password})
    assert password not in done.stdout + done.stderr
    scene.cli("plan", "--detailed-exitcode", expect=0, env={"PW": password})
    graphics = scene.tree("web").find("devices/graphics")
    assert graphics is not None and graphics.get("passwd") == password


def test_a_broken_var_file_does_not_show_its_values(scene: Scene) -> None:
    scene.write(scene.manifest({}, variables={"pw": {"secret": True}}))
    values = scene.path.with_name("values.yaml")
    values.write_text("pw: [hunter2secret\n")
    done = scene.cli("plan", "--var-file", str(values), expect=3)
    assert "hunter2" not in done.stdout + done.stderr


def test_a_vm_on_a_bridge_network_has_no_pending_restart(scene: Scene) -> None:
    scene.host.run(["ip", "link", "add", "brx0", "type", "bridge"])
    scene.host.run(["ip", "link", "set", "brx0", "up"])
    try:
        manifest = scene.manifest({"web": idle_vm(networks=["lan"], lifecycle={"restart": "allowed"})})
        manifest["networks"] = {"lan": {"mode": "bridge", "bridge": "brx0"}}
        scene.settle(manifest)
        assert "Pending" not in scene.plan(expect=0)
        scene.domain("web").destroy()
    finally:
        scene.host.run(["ip", "link", "del", "brx0"])


def test_what_was_changed_on_the_running_guest_alone_is_put_right_live(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(description="serves", lifecycle={"restart": "allowed"})})
    scene.settle(manifest)
    number = scene.domain("web").ID()
    scene.domain("web").setMetadata(
        libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "hacked", None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE
    )
    assert "Drift:" in scene.plan(expect=2)
    scene.settle()
    assert scene.domain("web").ID() == number
    assert scene.tree("web", active=True).findtext("description") == "serves"


def test_a_disk_moves_to_another_kind_of_bus(scene: Scene) -> None:
    disks = [own(), own("data"), {"cdrom": "empty"}]
    scene.settle(scene.manifest({"web": idle_vm(disks=disks, **STOPPED)}))
    disks[0]["bus"] = "scsi"
    scene.settle(scene.manifest({"web": idle_vm(disks=disks, **STOPPED)}))
    targets = {disk.find("target").get("dev") for disk in scene.tree("web").iterfind("devices/disk")}  # type: ignore[union-attr]
    assert targets == {"vdb", "sda", "sdb"}
    scene.domain("web").create()
    scene.domain("web").destroy()


def test_a_ceiling_alone_is_a_statement(scene: Scene) -> None:
    vm = {"cpus": {"max": 4}, "memory": {"size": "32MiB"}}
    scene.settle(scene.manifest({"web": vm}))
    assert scene.domain("web").vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE) == 1


def test_a_display_that_is_no_longer_stated_to_listen_everywhere_does_not(scene: Scene) -> None:
    open_to_all = [{"type": "vnc", "port": 5977, "listen": "0.0.0.0"}]
    scene.settle(scene.manifest({"web": idle_vm(graphics=open_to_all, **STOPPED)}))
    scene.settle(scene.manifest({"web": idle_vm(graphics=["vnc"], **STOPPED)}))
    assert "0.0.0.0" not in scene.xml("web").replace('"@listen"', "").split("</metadata>")[1]


def test_a_second_repository_does_not_change_the_network_of_the_first(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(**STOPPED)}, id="aaaa1111"))
    other = scene.manifest({"db": idle_vm(**STOPPED)}, id="bbbb2222")
    other["networks"]["front"]["subnet"] = "10.82.0.0/24"
    other["networks"]["front"].pop("dhcp")
    with scene.nothing_changes():
        scene.apply(other, "--allow", "restart,delete", expect=4)


def test_ignored_growth_is_ignored(scene: Scene) -> None:
    vm = idle_vm(disks=[own()], lifecycle={"ignore_changes": ["disks.root.size"]}, **STOPPED)
    scene.settle(scene.manifest({"web": vm}))
    vm["disks"] = [own(size="2MiB")]
    scene.plan(scene.manifest({"web": vm}), expect=0)


def test_the_lock_s_name_is_not_for_vms(scene: Scene) -> None:
    scene.write(scene.manifest({"kvmspec-lock": idle_vm()}))
    scene.cli("validate", expect=3, connect=False)


def test_what_has_no_default_to_go_back_to_is_said_to_stay(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": {"cpus": {"count": 1, "max": 4}, "memory": "32MiB", **STOPPED}}))
    text = scene.plan(scene.manifest({"web": {"cpus": 1, "memory": "32MiB", **STOPPED}}), expect=2)
    assert "cpus.max is not stated any more and stays as it is" in text
    scene.settle()
    assert "stays as it is" not in scene.plan(expect=0)
