"""What others change on a running guest: named, put right where it is ours, and with `strict` taken out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt
import pytest

from tests.live.matrix import MAC, booted
from tests.live.scene import Manifest, Scene, has_pattern, idle_vm, write_pattern
from tests.live.test_live_faults import converge
from tests.support.guest import TinyGuest, domain_id, wait_for

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]
CONFIG, LIVE = libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE
THEIRS = "52:54:00:81:00:fe"
NIC = (
    f"<interface type='network'><mac address='{THEIRS}'/><source network='default'/>"
    "<model type='virtio'/></interface>"
)


def shop(scene: Scene, guest: TinyGuest) -> Manifest:
    for name in "ab":
        (scene.host.images / f"{name}.iso").write_bytes(bytes(1 << 20))
    return booted(
        scene,
        guest,
        disks=[
            {"name": "a", "size": "1MiB", "format": "raw"},
            {"name": "cd", "cdrom": str(scene.host.images / "a.iso")},
            {"name": "none", "cdrom": "empty"},
        ],
        networks=[{"network": "front", "mac": MAC, "name": "main"}],
        cpus={"count": 1, "max": 2},
    )


def their_disk(scene: Scene, target: str = "vdx") -> tuple[str, Path]:
    path = scene.host.images / f"theirs-{target}.raw"
    path.write_bytes(bytes(1 << 20))
    write_pattern(path)
    xml = (
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/>"
        f"<target dev='{target}' bus='virtio'/></disk>"
    )
    return xml, path


def device(scene: Scene, xpath: str) -> str:
    found = scene.tree("web", active=True).find(f"devices/{xpath}")
    assert found is not None
    return ElementTree.tostring(found, encoding="unicode")


def gone(scene: Scene, xpath: str) -> None:
    alias = scene.tree("web", active=True).find(f"devices/{xpath}/alias")
    assert alias is not None
    scene.domain("web").detachDeviceAlias(alias.get("name"), LIVE)
    wait_for(lambda: scene.tree("web", active=True).find(f"devices/{xpath}") is None, what="it is gone")


def other_cd(scene: Scene, target: str, name: str | None) -> None:
    source = f"<source file='{scene.host.images / name}'/>" if name else ""
    xml = f"<disk type='file' device='cdrom'>{source}<target dev='{target}' bus='scsi'/><readonly/></disk>"
    scene.domain("web").updateDeviceFlags(xml, LIVE)


def other_network(scene: Scene) -> None:
    xml = device(scene, "interface").replace("network='front'", "").replace('network="front"', "")
    scene.domain("web").updateDeviceFlags(xml.replace("<source ", '<source network="default" '), LIVE)


BY_HAND: dict[str, tuple[str, Callable[[Scene], Any]]] = {
    "a disk was unplugged": ("disks.a", lambda s: gone(s, "disk/target[@dev='vda']/..")),
    "an interface was unplugged": ("networks.main", lambda s: gone(s, "interface")),
    "the CD was changed": ("disks.cd.source", lambda s: other_cd(s, "sda", "b.iso")),
    "the CD was ejected": ("disks.cd.source", lambda s: other_cd(s, "sda", None)),
    "a CD was inserted": ("disks.none.source", lambda s: other_cd(s, "sdb", "b.iso")),
    "an interface was moved": ("networks.main.network", other_network),
}


def test_what_was_changed_on_the_running_guest_alone_is_put_right_live(
    scene: Scene, tiny_guest: TinyGuest
) -> None:
    shop(scene, tiny_guest)
    number = domain_id(scene.conn, "web")
    before = scene.xml("web")
    for what, (path, change) in BY_HAND.items():
        change(scene)
        told = scene.plan(expect=2)
        assert path in told and "live" in told, f"{what}: {told}"
        converge(scene, number, what)
        assert scene.xml("web") == before, what


def test_a_vcpu_plugged_in_by_hand_stays_until_the_next_boot(scene: Scene, tiny_guest: TinyGuest) -> None:
    shop(scene, tiny_guest)
    scene.domain("web").setVcpusFlags(2, LIVE)
    told = scene.plan(expect=0)
    assert "cpus.count" in told and "pending" in told.lower()
    scene.domain("web").destroy()
    scene.settle()
    assert scene.domain("web").info()[3] == 1


def test_devices_of_the_running_guest_alone_are_named_and_left(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = shop(scene, tiny_guest)
    xml, path = their_disk(scene, "vdb")
    for theirs in (xml, NIC):
        scene.domain("web").attachDeviceFlags(theirs, LIVE)
    told = scene.plan(expect=0)
    assert "only while it runs" in told and "vdb" in told and THEIRS in told
    web = manifest["vms"]["web"]
    web["disks"].append({"name": "b", "size": "1MiB", "format": "raw"})
    web["networks"].append({"network": "default", "name": "second"})
    number = domain_id(scene.conn, "web")
    scene.settle(manifest)
    assert domain_id(scene.conn, "web") == number
    active, defined = (scene.tree("web", active=active) for active in (True, False))
    targets = [target.get("dev") for target in active.iterfind("devices/disk/target")]
    assert sorted(targets) == ["sda", "sdb", "vda", "vdb", "vdc"], "the new disk has another target"
    assert [e.get("file") for e in active.iterfind("devices/disk/source[@file]")].count(str(path)) == 1
    assert len(active.findall("devices/interface")) == 3
    assert len(defined.findall("devices/interface")) == 2


def test_strict_takes_out_what_is_not_in_the_manifest(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = shop(scene, tiny_guest)
    number = domain_id(scene.conn, "web")
    both, alone = their_disk(scene, "vdx"), their_disk(scene, "vdy")
    scene.domain("web").attachDeviceFlags(both[0], LIVE | CONFIG)
    scene.domain("web").attachDeviceFlags(alone[0], LIVE)
    scene.domain("web").attachDeviceFlags(NIC, LIVE | CONFIG)
    assert scene.plan(expect=0).count("Not ours") >= 1
    manifest["vms"]["web"]["strict"] = True
    told = scene.plan(manifest, expect=2)
    for name in ("disks.vdx", "disks.vdy", f"networks.{THEIRS}"):
        assert name in told, told
    assert "not in the manifest; strict" in told and str(both[1]) in told
    assert "Not ours" not in told
    scene.apply()
    converge(scene, number, "strict")
    for active in (True, False):
        tree = scene.tree("web", active=active)
        assert len(tree.findall("devices/disk")) == 3 and len(tree.findall("devices/interface")) == 1
    assert has_pattern(both[1]) and has_pattern(alone[1])


def test_strict_leaves_what_libvirt_adds(scene: Scene) -> None:
    vm = idle_vm(strict=True, graphics=["vnc"], disks=[{"name": "a", "size": "1MiB"}], networks=["front"])
    scene.settle(scene.manifest({"web": vm, "bare": vm | {"preset": "bare", "machine": "pc"}}))


def test_strict_at_the_next_boot_where_it_cannot_be_unplugged(scene: Scene) -> None:
    vm = idle_vm(lifecycle={"shutdown_timeout": "0s", "force_off_after": "0s"})
    scene.settle(scene.manifest({"web": vm}))
    scene.domain("web").destroy()
    disk, path = their_disk(scene, "sdx")
    scene.edit("web", ("</devices>", f"{disk.replace('virtio', 'sata')}<sound model='ac97'/></devices>"))
    scene.domain("web").create()
    number = domain_id(scene.conn, "web")
    scene.write(scene.manifest({"web": vm | {"strict": True}}))
    told = scene.plan(expect=2)
    assert "disks.sdx" in told and "sound" in told and "restart" in told
    scene.apply(expect=4)
    assert domain_id(scene.conn, "web") == number
    scene.settle(None, "--allow", "restart")
    assert domain_id(scene.conn, "web") not in (number, None)
    assert scene.tree("web", active=True).find("devices/sound") is None
    assert has_pattern(path)


def test_strict_takes_devices_out_of_a_vm_that_is_off(scene: Scene) -> None:
    vm = idle_vm(state="stopped", strict=True)
    scene.settle(scene.manifest({"web": vm}))
    disk, path = their_disk(scene)
    hostdev = "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x{n}'/></source></hostdev>"
    more = "".join(hostdev.format(n=n) for n in "123")
    scene.edit("web", ("</devices>", f"{disk}{more}<watchdog model='i6300esb'/></devices>"))
    scene.settle()
    tree = scene.tree("web")
    assert [tree.find(f"devices/{tag}") for tag in ("disk", "hostdev", "watchdog")] == [None] * 3
    assert has_pattern(path)


def test_an_ignored_device_stays_with_strict(scene: Scene) -> None:
    vm = idle_vm(state="stopped", strict=True, lifecycle={"ignore_changes": ["disks.vdx"]})
    scene.settle(scene.manifest({"web": vm}))
    scene.edit("web", ("</devices>", f"{their_disk(scene)[0]}</devices>"))
    scene.settle()
    assert scene.tree("web").find("devices/disk") is not None


# --- power
def crash(scene: Scene) -> None:
    pid = (scene.host.directory / "run/qemu/web.pid").read_text().strip()
    scene.host.run(["kill", "-9", pid])
    wait_for(lambda: not scene.domain("web").isActive(), what="QEMU is gone")


POWER: dict[str, Callable[[Scene], Any]] = {
    "destroyed": lambda s: s.domain("web").destroy(),
    "QEMU was killed": crash,
    "saved": lambda s: s.domain("web").managedSave(),
}


@pytest.mark.parametrize("how", POWER)
def test_a_guest_that_was_stopped_outside_is_started(scene: Scene, how: str) -> None:
    scene.settle(scene.manifest({"web": idle_vm()}))
    POWER[how](scene)
    told = scene.plan(expect=2)
    assert "state" in told and "running" in told
    scene.settle()
    assert scene.domain("web").isActive()


def test_a_paused_guest_is_named_and_left(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm()}))
    scene.domain("web").suspend()
    assert "paused" in scene.plan(expect=0)
    vm = idle_vm(description="changed", memory={"size": "40MiB", "max": "64MiB"})
    scene.settle(scene.manifest({"web": vm}))
    assert scene.domain("web").state()[0] == libvirt.VIR_DOMAIN_PAUSED
    scene.settle(scene.manifest({"web": vm | {"state": "stopped", "lifecycle": OFF}}), "--allow", "restart")
    assert not scene.domain("web").isActive()


OFF = {"shutdown_timeout": "0s", "force_off_after": "0s"}


def test_a_change_while_a_managed_save_exists(scene: Scene) -> None:
    """The save restores the old configuration: what can change while it runs does so once it is back, and the
    rest is pending."""
    before = idle_vm(lifecycle=OFF, memory={"size": "64MiB"}, networks=[{"name": "n", "network": "front"}])
    scene.settle(scene.manifest({"web": before}))
    scene.domain("web").managedSave()
    nic = {"name": "n", "network": "front", "link": "down"}
    more = {"features": {"pae": True}, "disks": [{"name": "a", "size": "1MiB"}], "networks": [nic]}
    told = scene.plan(scene.manifest({"web": before | more}), expect=2)
    assert "managed save" in told and "disks.a" in told
    scene.apply()
    active = scene.tree("web", active=True)
    assert active.find("features/pae") is None and active.find("devices/disk") is not None
    assert active.find("devices/interface/link").get("state") == "down"  # type: ignore[union-attr]
    told = scene.plan(expect=0)
    assert "features.pae" in told and "disks.a" not in told
    scene.domain("web").destroy()
    scene.settle()
    assert "features.pae" not in scene.plan(expect=0)
    assert scene.tree("web", active=True).find("features/pae") is not None
