"""What others change on a managed host: put right where it is stated, left alone where it is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import libvirt
import pytest

from tests.live.scene import Manifest, Scene, disks_of, idle_vm
from tests.support.guest import domain_id

pytestmark = pytest.mark.libvirtd
CONFIG = libvirt.VIR_DOMAIN_AFFECT_CONFIG
LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE


def shop(scene: Scene, **fields: Any) -> Manifest:
    web = idle_vm(
        title="web",
        description="sells",
        autostart=True,
        features={"acpi": True, "apic": True},
        disks=[{"name": "data", "size": "1MiB"}],
        networks=[{"network": "front", "mac": "52:54:00:81:00:01"}],
        state="stopped",
    )
    manifest = scene.manifest({"web": web | fields})
    manifest["networks"]["front"]["dns"] = {"hosts": {"10.81.0.1": ["gw"]}}
    manifest["networks"]["front"]["dhcp"]["hosts"] = [{"mac": "52:54:00:81:00:01", "ip": "10.81.0.10"}]
    return manifest


def detach_disk(scene: Scene) -> None:
    tree = scene.tree("web")
    disk = ElementTree.tostring(tree.find("devices/disk"), encoding="unicode")  # type: ignore[arg-type]
    scene.domain("web").detachDeviceFlags(disk, CONFIG)


def reservation(scene: Scene) -> None:
    network = scene.conn.networkLookupByName("front")
    for flag in (libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE, libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG):
        network.update(
            libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
            libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
            0,
            "<host mac='52:54:00:81:00:01' ip='10.81.0.99'/>",
            flag,
        )


FIELDS: dict[str, Callable[[Scene], Any]] = {
    "description": lambda s: s.domain("web").setMetadata(
        libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "hacked", None, None, CONFIG
    ),
    "title": lambda s: s.domain("web").setMetadata(
        libvirt.VIR_DOMAIN_METADATA_TITLE, "hacked", None, None, CONFIG
    ),
    "cpus.count": lambda s: s.domain("web").setVcpusFlags(2, CONFIG),
    "cpus.max": lambda s: s.domain("web").setVcpusFlags(4, CONFIG | libvirt.VIR_DOMAIN_VCPU_MAXIMUM),
    "memory.size": lambda s: s.domain("web").setMemoryFlags(48 << 10, CONFIG),
    "memory.max": lambda s: s.domain("web").setMemoryFlags(
        128 << 10, CONFIG | libvirt.VIR_DOMAIN_MEM_MAXIMUM
    ),
    "autostart": lambda s: s.domain("web").setAutostart(0),
    "features": lambda s: s.edit("web", ("<apic/>", "")),
    "disks": detach_disk,
    "network": lambda s: s.edit("web", ("<source network='front'/>", "<source network='default'/>")),
    "mac": lambda s: s.edit(
        "web", ("<mac address='52:54:00:81:00:01'/>", "<mac address='52:54:00:81:00:02'/>")
    ),
}


@pytest.mark.parametrize("field", FIELDS)
def test_an_outside_edit_is_reported_as_drift_and_put_right(scene: Scene, field: str) -> None:
    scene.settle(shop(scene))
    before = scene.everything()
    FIELDS[field](scene)
    assert scene.everything() != before
    text = scene.plan(expect=2)
    assert "Drift:" in text and "outside kvmspec" in text
    document = scene.plan_json()
    assert document["resource_drift"], "drift is in the JSON too"
    scene.settle(None, "--allow", "restart,replace,delete")
    after = scene.everything()
    assert normal(after["vm/web"][0]) == normal(before["vm/web"][0])
    assert after["vm/web"][1:] == before["vm/web"][1:]


def normal(xml: str) -> list[str]:
    """An XML text without an order of its elements: devices may be put back at another place."""
    return sorted(line.strip() for line in xml.splitlines())


def test_an_outside_edit_of_a_network_is_put_right(scene: Scene) -> None:
    scene.settle(shop(scene))
    before = scene.everything()["network/front"]
    reservation(scene)
    assert "10.81.0.99 → 10.81.0.10" in scene.plan(expect=2)
    scene.settle()
    assert scene.everything()["network/front"] == before


POWER: dict[str, Callable[[Scene], Any]] = {
    "network stopped": lambda s: s.conn.networkLookupByName("front").destroy(),
    "network not started with the host": lambda s: s.conn.networkLookupByName("front").setAutostart(0),
    "pool stopped": lambda s: s.conn.storagePoolLookupByName("vms").destroy(),
    "pool not started with the host": lambda s: s.conn.storagePoolLookupByName("vms").setAutostart(0),
    "network gone": lambda s: (
        s.conn.networkLookupByName("front").destroy(),
        s.conn.networkLookupByName("front").undefine(),
    ),
    "pool gone": lambda s: (
        s.conn.storagePoolLookupByName("vms").destroy(),
        s.conn.storagePoolLookupByName("vms").undefine(),
    ),
    "vm gone": lambda s: s.domain("web").undefine(),
}


@pytest.mark.parametrize("what", POWER)
def test_what_was_stopped_or_removed_outside_is_put_right(scene: Scene, what: str) -> None:
    scene.settle(shop(scene))
    inode = scene.volume("web-data.qcow2").stat().st_ino
    POWER[what](scene)
    scene.plan(expect=2)
    scene.settle()
    assert scene.conn.networkLookupByName("front").isActive()
    assert scene.conn.networkLookupByName("front").autostart()
    assert scene.conn.storagePoolLookupByName("vms").isActive()
    assert scene.conn.storagePoolLookupByName("vms").autostart()
    assert scene.volume("web-data.qcow2").stat().st_ino == inode


def test_live_edits_of_a_running_vm_are_put_right_without_a_restart(scene: Scene) -> None:
    scene.settle(shop(scene, state="running"))
    number = domain_id(scene.conn, "web")
    web = scene.domain("web")
    web.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "hacked", None, None, CONFIG | LIVE)
    web.setVcpusFlags(2, CONFIG)
    web.setAutostart(0)
    assert "Drift:" in scene.plan(expect=2)
    status = scene.cli("status", expect=0).stdout
    assert re.search(r"web .*(cpus|description|yes|drift)", status), status
    scene.settle()
    assert domain_id(scene.conn, "web") == number
    assert web.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, LIVE) == "sells"
    assert "Drift" not in scene.plan(expect=0)


def test_an_edit_that_waits_for_a_restart_is_said_until_it_has_happened(scene: Scene) -> None:
    manifest = shop(scene, state="running", lifecycle={"shutdown_timeout": "0s", "force_off_after": "0s"})
    scene.settle(manifest)
    scene.edit("web", ("<apic/>", "<apic/>\n    <pae/>"))
    manifest["vms"]["web"]["features"]["pae"] = (
        True  # the manifest follows: persistent = desired, active is not
    )
    scene.write(manifest)
    for _ in range(2):
        assert "restart" in scene.cli("plan", expect=0).stdout
    assert re.search(r"web .*(pending|features|yes|restart)", scene.cli("status", expect=0).stdout)
    scene.domain("web").destroy()
    scene.domain("web").create()
    scene.settle()
    assert "restart" not in scene.plan(expect=0)


def test_a_pending_restart_is_done_on_permission(scene: Scene) -> None:
    manifest = shop(scene, state="running", lifecycle={"shutdown_timeout": "0s", "force_off_after": "0s"})
    scene.settle(manifest)
    number = domain_id(scene.conn, "web")
    scene.edit("web", ("<apic/>", "<apic/>\n    <pae/>"))
    manifest["vms"]["web"]["features"]["pae"] = True
    scene.settle(manifest, "--allow", "restart")
    assert domain_id(scene.conn, "web") not in (number, None)
    assert scene.tree("web", active=True).find("features/pae") is not None


FOREIGN: dict[str, Callable[[Scene], Any]] = {
    "cputune": lambda s: s.edit("web", ("<os>", "<cputune><shares>512</shares></cputune><os>")),
    "metadata": lambda s: s.domain("web").setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<app x='1'><!-- c --></app>", "app", "urn:app", CONFIG
    ),
    "sound": lambda s: s.edit("web", ("</devices>", "<sound model='ac97'/></devices>")),
    "watchdog": lambda s: s.edit("web", ("</devices>", "<watchdog model='i6300esb'/></devices>")),
    "boot order": lambda s: s.edit("web", ("<on_crash>restart", "<on_crash>destroy")),
    "link": lambda s: s.edit("web", ("<model type='virtio'/>", "<model type='virtio'/><link state='down'/>")),
    "serial of a disk": lambda s: s.edit(
        "web", ("<target dev='vda'", "<serial>X1</serial><target dev='vda'")
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_the_manifest_does_not_say_is_not_ours(scene: Scene, what: str) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    FOREIGN[what](scene)
    before = scene.xml("web")
    scene.plan(expect=0)
    manifest["vms"]["web"] |= {"description": "changed", "memory": {"size": "48MiB", "max": "96MiB"}}
    scene.settle(manifest)
    lost = set(normal(before)) - set(normal(scene.xml("web")))
    assert all(re.search(r"sells|98304|65536|49152|32768|kvmspec", line) for line in lost), lost


def device(scene: Scene) -> str:
    extra = scene.host.images / "extra.raw"
    extra.write_bytes(bytes(1 << 20))
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{extra}'/>"
        "<target dev='vdx' bus='virtio'/></disk>"
    )


NIC = (
    "<interface type='network'><mac address='52:54:00:81:00:fe'/><source network='default'/>"
    "<model type='virtio'/></interface>"
)


def test_a_nic_of_ours_beside_a_foreign_one_on_the_same_network(scene: Scene) -> None:
    manifest = shop(scene)
    ours = manifest["vms"]["web"]["networks"]
    scene.settle(manifest)
    scene.domain("web").attachDeviceFlags(NIC, CONFIG)
    for networks, count in (([*ours, {"network": "default"}], 3), (ours, 2)):
        manifest["vms"]["web"]["networks"] = networks
        scene.settle(manifest, "--allow", "restart,delete")
        assert len(scene.tree("web").findall("devices/interface")) == count
        assert scene.tree("web").find("devices/interface/mac[@address='52:54:00:81:00:fe']") is not None


def test_a_device_added_with_virsh_survives_every_apply(scene: Scene) -> None:
    lifecycle = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    manifest = shop(scene, state="running", lifecycle=lifecycle)
    web = manifest["vms"]["web"]
    manifest["networks"]["back"] = {"mode": "isolated", "subnet": "10.82.0.0/24"}
    scene.settle(manifest)
    disk = device(scene)
    for xml in (disk, NIC):
        scene.domain("web").attachDeviceFlags(xml, LIVE | CONFIG)
    extra = str(scene.host.images / "extra.raw")
    where = disks_of(scene.tree("web"))[extra]

    def survives() -> None:
        for active in (False, True):
            tree = scene.tree("web", active=active)
            assert disks_of(tree)[extra] == where
            assert tree.find("devices/interface/mac[@address='52:54:00:81:00:fe']") is not None

    text = scene.plan(expect=0)
    assert "Not ours: vm/web" in text
    for change in (
        {"description": "one"},
        {"cpus": {"count": 2, "max": 2}},
        {"disks": [{"name": "above", "size": "1MiB"}, *web["disks"]]},
        {"networks": [{"network": "back"}, *web["networks"]]},
        {"features": {"acpi": True, "apic": True, "pae": True}},
        {"networks": web["networks"], "features": {"acpi": True, "apic": True}},  # a restart: it is not asked
    ):
        web |= change
        scene.settle(manifest, "--allow", "restart,delete")
        survives()


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_an_external_snapshot_is_not_a_change(scene: Scene, state: str) -> None:
    manifest = shop(scene, state=state)
    scene.settle(manifest)
    overlay = scene.host.images / "overlay.qcow2"
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    snapshot = (
        "<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='external'>"
        f"<source file='{overlay}'/></disk></disks></domainsnapshot>"
    )
    scene.domain("web").snapshotCreateXML(snapshot, flags)
    assert str(overlay) in disks_of(scene.tree("web"))
    assert "Drift" not in scene.plan(expect=0)
    for change in ({"description": "changed"}, {"cpus": {"count": 2, "max": 2}}):
        manifest["vms"]["web"] |= change
        scene.settle(manifest)
        assert str(overlay) in disks_of(scene.tree("web"))
    assert len(scene.domain("web").listAllSnapshots()) == 1


def test_an_external_snapshot_of_a_vm_that_is_off_now(scene: Scene) -> None:
    manifest = shop(scene, state="running")
    scene.settle(manifest)
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
    scene.domain("web").snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>", flags)
    scene.domain("web").destroy()
    assert str(scene.volume("web-data.s")) in disks_of(scene.tree("web"))
    assert "disks.data.source" not in scene.plan(expect=2)  # it shall run, and that is all
    scene.settle()
    assert str(scene.volume("web-data.s")) in disks_of(scene.tree("web"))


def test_ignored_changes_are_neither_reported_nor_put_right(scene: Scene) -> None:
    manifest = shop(scene, lifecycle={"ignore_changes": ["description", "memory.size"]})
    scene.settle(manifest)
    FIELDS["description"](scene)
    FIELDS["memory.size"](scene)
    assert "Drift" not in scene.plan(expect=0)
    manifest["vms"]["web"] |= {
        "title": "new",
        "description": "another",
        "memory": {"size": "40MiB", "max": "64MiB"},
    }
    scene.settle(manifest)
    tree = scene.tree("web")
    assert (tree.findtext("title"), tree.findtext("description")) == ("new", "hacked")
    assert tree.findtext("currentMemory") == str(48 << 10)
    FIELDS["title"](scene)
    scene.plan(expect=2)


def test_what_is_no_longer_stated_goes_back_to_libvirts_default(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    for field in ("description", "title", "autostart"):
        del manifest["vms"]["web"][field]
    del manifest["networks"]["front"]["dns"]
    scene.plan(manifest, expect=2)
    scene.settle()
    tree = scene.tree("web")
    assert tree.find("description") is None and tree.find("title") is None
    assert not scene.domain("web").autostart()
    assert "<dns>" not in scene.conn.networkLookupByName("front").XMLDesc()


def test_a_power_state_changed_outside_is_told_from_a_changed_manifest(scene: Scene) -> None:
    lifecycle = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    manifest = shop(scene, state="running", lifecycle=lifecycle)
    web = manifest["vms"]["web"]
    scene.settle(manifest)

    def drift(expect: int = 2) -> bool:
        told = scene.plan(manifest, expect=expect)
        assert expect == 0 or re.search("state +(running|stopped) → (running|stopped)", told), told
        return "Drift: vm/web was changed outside" in told

    scene.domain("web").destroy()
    assert drift(), "running as before: somebody switched it off"
    scene.settle()
    web["state"] = "stopped"
    assert not drift(), "the manifest wants it off now"
    scene.settle(manifest, "--allow", "restart")
    scene.domain("web").create()
    assert drift(), "stopped as before: somebody started it"
    scene.settle(None, "--allow", "restart")
    web["state"] = "running"
    assert not drift(), "the manifest wants it on now"
    scene.settle()
    scene.domain("web").destroy()
    assert drift()

    web["state"] = "any"
    scene.plan(manifest, expect=0)  # whatever it is, is right: nothing to do, and nothing to write
    web["description"] = "off or on"
    scene.settle(manifest)
    web["state"] = "running"
    assert not drift(), "off was as right as on"
    scene.settle()
    web |= {"state": "stopped", "description": "and another thing"}
    scene.apply(manifest, "--allow", "restart")
    scene.domain("web").create()
    web["description"] = "something else has changed too"
    assert drift(), "with other changes beside it"
