"""Changes on top of changes: of what waits for the next boot, of what was done by hand, of what others made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import libvirt
import pytest

from tests.live.matrix import MAC, booted, devices, values
from tests.live.scene import Scene, address_of, idle_vm
from tests.support.guest import TinyGuest, domain_id, wait_for

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
DISKS = devices("disk/source[@file]", "file")


def disk(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "size": "1MiB"} | fields


def boot(scene: Scene) -> None:
    """Boot by hand: with that, everything is as it should be."""
    scene.domain("web").destroy()
    scene.domain("web").create()
    told = scene.plan(expect=0)
    assert "Pending" not in told, told


def test_more_devices_than_ports(scene: Scene, tiny_guest: TinyGuest) -> None:
    """What finds no port waits for the next boot; changes of it, and its going, are no matter of the guest."""
    manifest = booted(scene, tiny_guest)
    web, number = manifest["vms"]["web"], domain_id(scene.conn, "web")
    web["disks"] += [disk(name) for name in "bcdef"]
    web["devices"] = {"rng": ["/dev/urandom", "/dev/random"]}
    scene.apply(manifest, "--no-restart")
    assert len(DISKS(scene.tree("web", active=True))) == 5
    told = scene.plan(expect=0)
    assert "disks.f" in told and "devices.rng" in told, told
    web["disks"][-1]["iops"] = 100
    web["networks"].append({"network": "front", "name": "two"})
    scene.apply(manifest, "--no-restart")
    web["networks"][-1]["link"] = "down"
    scene.apply(manifest, "--no-restart")
    assert "networks.two" in scene.plan(expect=0)
    web["networks"].pop()
    web["disks"].pop()
    scene.apply(manifest, "--no-restart")  # frees no port: neither was ever plugged in
    assert "devices.rng" in scene.plan(expect=0)
    assert domain_id(scene.conn, "web") == number
    boot(scene)


def test_another_mac_at_the_next_boot(scene: Scene, tiny_guest: TinyGuest) -> None:
    """The guest is not given a second card meanwhile; nor the same file on another bus."""
    manifest = booted(scene, tiny_guest, disks=[disk("a"), disk("b")])
    web = manifest["vms"]["web"]
    web["networks"][0]["mac"] = "52:54:00:81:00:99"
    web["disks"][1]["bus"] = "scsi"
    scene.apply(manifest, "--no-restart")
    told = scene.plan(expect=0)
    assert "Pending restart" in told and "networks.front" in told and "disks.b" in told, told
    assert len(devices("interface/mac", "address")(scene.tree("web", active=True))) == 1
    boot(scene)


def test_a_password_that_waits_for_the_next_boot_changes(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest, graphics=[{"type": "vnc"}])
    display = manifest["vms"]["web"]["graphics"][0]
    for password in ("first", "second"):
        display["password"] = password
        assert "restart: a console that was started without" in scene.plan(manifest, expect=2)
        scene.apply(manifest, "--no-restart")
        assert "graphics.vnc.password" in scene.plan(expect=0)
    del display["password"]
    scene.settle(manifest)


def test_what_was_taken_out_by_hand_comes_back_as_it_is_defined(scene: Scene, tiny_guest: TinyGuest) -> None:
    """Also with what no manifest states: its model, its slot."""
    cd = scene.host.images / "a.iso"
    cd.write_bytes(bytes(1 << 20))
    booted(scene, tiny_guest, disks=[{"cdrom": str(cd), "name": "cd"}])
    domain = scene.domain("web")
    scene.host.run(["virsh", "change-media", "web", "sda", "--eject", "--live"])
    assert "live (another CD in the drive)" in scene.plan(expect=2)
    scene.settle()
    nic = scene.tree("web", active=True).find("devices/interface")
    assert nic is not None
    domain.detachDeviceAlias(nic.find("alias").get("name"), LIVE)  # type: ignore[union-attr]
    gone = devices("interface", "type")
    wait_for(lambda: not gone(scene.tree("web", active=True)) or None, what="no interface")
    scene.settle()
    back = scene.tree("web", active=True).find("devices/interface")
    assert back is not None and back.find("model").get("type") == "virtio"  # type: ignore[union-attr]
    assert address_of(back) == address_of(nic)


def test_a_live_swap_of_a_disk_restarts_nothing_with_no_restart(scene: Scene, tiny_guest: TinyGuest) -> None:
    images = [scene.host.images / f"{name}.img" for name in "xy"]
    for image in images:
        image.write_bytes(image.name.encode() + bytes(1 << 20))
        image.chmod(0o666)
    data = {"name": "data", "path": str(images[0]), "format": "raw"}
    manifest = booted(scene, tiny_guest, disks=[disk("a"), data])
    number = domain_id(scene.conn, "web")
    data["path"] = str(images[1])
    manifest["vms"]["web"]["cpus"]["max"] = 4
    scene.write(manifest)
    scene.apply(manifest, "--no-restart", "--allow", "restart,replace")
    assert domain_id(scene.conn, "web") == number
    assert "cpus.max" in scene.plan(expect=0)
    assert DISKS(scene.tree("web", active=True))[1] == (str(images[1]),)
    assert [image.read_bytes()[:5] for image in images] == [b"x.img", b"y.img"]
    boot(scene)


def test_a_failure_after_a_swap_leaves_definition_and_record(scene: Scene, tiny_guest: TinyGuest) -> None:
    images = [scene.host.images / f"{name}.img" for name in "xy"]
    for image in images:
        image.write_bytes(bytes(1 << 20))
        image.chmod(0o666)
    data = {"name": "data", "path": str(images[0]), "format": "raw"}
    manifest = booted(scene, tiny_guest, disks=[disk("a"), data])
    before, record = scene.xml("web"), metadata(scene)
    data["path"] = str(images[1])
    manifest["vms"]["web"]["memory"]["tuning"] = {"hard_limit": "9MiB"}
    scene.apply(manifest, "--allow", "replace", expect=1)
    assert scene.xml("web") == before and metadata(scene) == record
    assert DISKS(scene.tree("web", active=True))[1] == (str(images[0]),)


def metadata(scene: Scene) -> str:
    """kvmspec's record in the running guest."""
    element = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    return str(scene.domain("web").metadata(element, "urn:kvmspec:1", LIVE))


def test_limits_and_channels_that_others_made(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest, disks=[disk("a", iops=1000)])
    web = manifest["vms"]["web"]
    both = LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
    limits = {"total_iops_sec": 1000, "total_iops_sec_max": 2000}
    scene.domain("web").setBlockIoTune("vda", limits, both)
    del web["disks"][0]["iops"]
    scene.settle(manifest)  # with its burst, or libvirt refuses it
    for limit in (
        "total_iops_sec",
        "total_iops_sec_max",
    ):  # the burst's length may be shown still, for nothing
        see = devices(f"disk/iotune/{limit}", "@")
        assert not see(scene.tree("web")) and not see(scene.tree("web", active=True)), limit
    channel = "<channel type='pty'><target type='virtio' name='org.example.0'/></channel>"
    scene.domain("web").attachDeviceFlags(channel, both)
    web["devices"] = {"channels": ["org.example.0"]}
    assert "has a channel org.example.0 already, of type pty" in scene.plan(manifest, expect=4)
    web["devices"] = {"channels": [{"name": "org.example.0", "type": "pty"}]}
    scene.settle(manifest)


def test_dimms_of_a_vm_that_is_adopted(scene: Scene) -> None:
    """Of which the manifest says how many there are, and not how much memory there is besides."""
    room = {"slots": 2, "ceiling": "1GiB"}
    memory = {"size": "128MiB", "dimms": ["128MiB"]} | room
    scene.settle(scene.manifest({"web": idle_vm(state="stopped", memory=memory)}))
    uuid = str(UUID(scene.domain("web").UUIDString()))
    scene.edit("web", ("<metadata>", "<metadata><!--"), ("</metadata>", "--></metadata>"))
    adopted = {"uuid": uuid, "state": "stopped", "memory": {"dimms": ["128MiB", "128MiB"]} | room}
    scene.settle(scene.manifest({"web": adopted}))
    assert scene.tree("web").findtext("memory") == str(384 * 1024)


def test_a_disk_comes_with_its_thread(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    web, number = manifest["vms"]["web"], domain_id(scene.conn, "web")
    web["iothreads"] = 2
    web["disks"].append(disk("b", iothread=2))
    scene.settle(manifest)
    pin = libvirt.VIR_DOMAIN_AFFECT_CONFIG | LIVE
    scene.domain("web").pinIOThread(1, (True,), pin)  # of which the manifest says nothing
    web["memory"]["tuning"] = {"hard_limit": "9MiB"}
    web["disks"].pop()
    del web["iothreads"]
    pins = values("cputune/iothreadpin", "iothread", "cpuset")
    before = pins(scene.tree("web", active=True))
    scene.apply(manifest, expect=1)
    assert pins(scene.tree("web", active=True)) == before and pins(scene.tree("web"))
    web["memory"].pop("tuning")
    scene.settle(manifest)  # the thread's pin goes with it
    assert domain_id(scene.conn, "web") == number and not pins(scene.tree("web"))


def test_a_tap_is_named_and_no_more(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    nic = manifest["vms"]["web"]["networks"][0]
    nic["tap"] = "shop0"
    scene.apply(manifest, "--no-restart")
    assert "(none) → shop0" in scene.plan(expect=0)
    del nic["tap"]
    scene.settle(manifest)  # given up before any boot: the guest is as it was
    nic["tap"] = "shop0"
    scene.apply(manifest, "--no-restart")
    boot(scene)
    del nic["tap"]
    scene.apply(manifest, "--no-restart")
    assert "shop0 → (none)" in scene.plan(expect=0)
    boot(scene)


def test_an_interface_that_lost_its_driver_still_changes(scene: Scene, tiny_guest: TinyGuest) -> None:
    """An empty <driver/> in a definition is not nothing to libvirt."""
    manifest = booted(scene, tiny_guest, networks=[{"network": "front", "mac": MAC, "queues": 2}])
    nic = manifest["vms"]["web"]["networks"][0]
    del nic["queues"]
    scene.apply(manifest, "--no-restart")
    boot(scene)
    nic["link"] = "down"
    scene.settle(manifest)


def test_a_console_waits_to_go_once(scene: Scene) -> None:
    """libvirt has it twice, as a console and as a serial port."""
    manifest = scene.manifest({"web": idle_vm()})
    scene.settle(manifest)
    manifest["vms"]["web"]["console"] = False
    scene.apply(manifest, "--no-restart")
    assert scene.plan(expect=0).count("console") == 1
