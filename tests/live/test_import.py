"""VMs that exist become a manifest, whose plan is to adopt them and nothing else."""

from __future__ import annotations

import pytest

from kvmspec import pipeline
from tests.live.scene import Scene, idle_vm

pytestmark = pytest.mark.libvirtd

DEVICES = """<disk type='file' device='disk'><driver name='qemu' type='raw' event_idx='on'/><source file='/srv/a.raw'/>
<target dev='vda' bus='virtio'/></disk><interface type='user'><model type='virtio'/></interface>
<console type='pty'/><shmem name='ring'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>
<watchdog model='i6300esb' action='pause'/>"""
PLAIN = (
    "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>"
    "<os><type arch='x86_64' machine='{machine}'>hvm</type></os>{more}<devices>{devices}</devices></domain>"
)
MORE = "<features><acpi/><hyperv><relaxed state='on'/></hyperv></features><clock offset='localtime'/><on_crash>preserve</on_crash>"


def bare_dump(scene: Scene, name: str) -> str:
    """The definition without kvmspec's own record."""
    before, _, rest = scene.xml(name).partition("  <metadata>\n")
    return before + rest.rpartition("  </metadata>\n")[2] if rest else before


def test_import_adopts_and_changes_nothing(scene: Scene) -> None:
    for machine in ("pc", "q35"):
        scene.conn.defineXML(PLAIN.format(name=machine, machine=machine, more=MORE, devices=DEVICES))
    before = {name: bare_dump(scene, name) for name in ("pc", "q35")}
    scene.path.write_text(pipeline.imported([], "shop", scene.host.uri).text)
    actions = [change["change"]["actions"] for change in scene.plan_json()["resource_changes"]]
    assert actions == [["adopt"], ["adopt"]]
    scene.settle()
    assert {name: bare_dump(scene, name) for name in before} == before


def test_what_a_fragment_no_longer_says_goes(scene: Scene) -> None:
    fragment = "<domain><on_crash>preserve</on_crash><devices><hub type='usb'/></devices></domain>"
    vm = idle_vm(state="stopped", xml=fragment)
    scene.settle(scene.manifest({"web": vm}))
    assert "<hub" in scene.xml("web")
    assert "<on_crash>preserve" in scene.xml("web")
    del vm["xml"]
    scene.settle(scene.manifest({"web": vm}))
    assert "<hub" not in scene.xml("web")
    assert "<on_crash>preserve" not in scene.xml("web")


def test_what_a_fragment_takes_away_is_an_absence(scene: Scene) -> None:
    vm = idle_vm(state="stopped")
    scene.settle(scene.manifest({"web": vm}))
    assert "<rng" in scene.xml("web")
    removal = "<domain xmlns:k='urn:kvmspec:1'><devices><rng k:remove='.'/></devices></domain>"
    vm |= {"devices": {"inputs": ["keyboard"]}, "xml": removal}
    scene.settle(scene.manifest({"web": vm}))
    assert "<rng" not in scene.xml("web")


def test_a_fragment_that_changes_is_a_change(scene: Scene) -> None:
    for mode in ("utc", "localtime", "utc"):
        fragment = f"<domain><clock offset='{mode}'/></domain>"
        scene.settle(scene.manifest({"web": idle_vm(state="stopped", xml=fragment)}))
        assert f"<clock offset='{mode}'" in scene.xml("web")
