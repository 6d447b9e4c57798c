"""A step in the middle fails: the definition is as before, and so is the guest, or the outcome names what is not."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.live.matrix import MAC, booted
from tests.live.scene import INACTIVE, MIB, Manifest, Scene, idle_vm
from tests.support.guest import TinyGuest, domain_id

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]


def running(scene: Scene) -> dict[str, Any]:
    """What the running guest has, without what moves by itself."""
    root = scene.tree("web", active=True)
    devices = root.find("devices")
    assert devices is not None
    return {
        "disks": sorted(s.get("file", "") for s in devices.iterfind("disk/source[@file]")),
        "nics": sorted(s.get("network", "") for s in devices.iterfind("interface/source")),
        "title": root.findtext("title"),
        "memory": root.findtext("currentMemory"),
    }


def shop(scene: Scene, guest: TinyGuest) -> Manifest:
    cd = scene.host.images / "a.iso"
    cd.write_bytes(bytes(MIB))
    return booted(
        scene,
        guest,
        disks=[{"name": "old", "size": "1MiB"}, {"cdrom": str(cd), "name": "cd"}],
        networks=[{"network": "front", "mac": MAC, "name": "main"}],
    )


def test_the_third_step_fails_and_all_is_as_before(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = shop(scene, tiny_guest)
    manifest["networks"]["side"] = {"mode": "isolated", "subnet": "10.82.0.0/24", "bridge": "virbr-side"}
    scene.settle(manifest)
    scene.host.run(["ip", "link", "delete", "virbr-side"])  # as nobody can know before it is tried
    number, before, guest = domain_id(scene.conn, "web"), scene.xml("web"), running(scene)
    web = manifest["vms"]["web"]
    web |= {"title": "another", "memory": {"size": "160MiB", "max": "192MiB"}}
    web["disks"][0] = {"name": "new", "size": "2MiB"}  # the old one goes, another comes
    web["networks"].append("side")
    failed = scene.apply(manifest, expect=1)
    told = failed.stdout + failed.stderr
    assert "virbr-side" in told, "libvirt's own words"
    assert domain_id(scene.conn, "web") == number
    assert scene.xml("web") == before
    assert running(scene) == guest
    assert failed.stderr.count("undone") == 3, "metadata, and both disks"
    assert "Put back as it was" in told and "Skipped, because something it needs failed" in told
    scene.plan(expect=2)
    web["networks"].pop()
    scene.settle(manifest)
    assert domain_id(scene.conn, "web") == number


def test_a_guest_that_keeps_a_device_is_reported_and_keeps_its_definition(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(disks=[{"name": "a", "size": "1MiB"}], title="before")})
    scene.settle(manifest)
    before = scene.xml("web")
    manifest["vms"]["web"] |= {"disks": [], "title": "after"}
    failed = scene.apply(manifest, expect=1)
    assert "does not let go of it" in failed.stdout + failed.stderr
    assert scene.xml("web") == before
    assert ElementTree.fromstring(scene.xml("web", active=True)).findtext("title") == "before"
    assert "disks.a" in scene.plan(expect=2), "the next plan still shows it"
    scene.domain("web").destroy()
    scene.settle()
    assert not ElementTree.fromstring(scene.domain("web").XMLDesc(INACTIVE)).findall("devices/disk")
