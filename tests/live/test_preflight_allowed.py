"""What libvirt and QEMU do is not refused, however odd it looks: it is planned, applied, and runs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import libvirt
import pytest
import yaml

from kvmspec import pipeline
from tests.live.scene import Scene, idle_vm

pytestmark = pytest.mark.libvirtd
THEIRS = """<domain type='qemu'><name>theirs</name><memory>32768</memory><os><type>hvm</type></os><devices>
<interface type='network'><source network='default'/><mac address='52:54:00:00:77:01'/></interface>
<graphics type='vnc' port='5977' autoport='no'/></devices></domain>"""

ALLOWED: dict[str, dict[str, Any]] = {
    "a model that QEMU does not know, and libvirt replaces": {"cpus": {"model": "Icelake-Client"}},
    "a port of a VM that is stopped": {"graphics": [{"type": "vnc", "port": 5977}]},
    "an alias of a machine": {"machine": "pc"},
    "another architecture": {"arch": "i686", "machine": "pc"},
    "its emulator": {"emulator": "/usr/bin/qemu-system-x86_64"},
    "a port that is drawn": {"graphics": [{"type": "vnc"}]},
    "a bridge of the same plan": {"networks": [{"bridge": "virbr81"}]},
}


@pytest.mark.parametrize("case", ALLOWED)
def test_it_runs(scene: Scene, case: str) -> None:
    scene.conn.defineXML(THEIRS)
    manifest = scene.manifest({"web": idle_vm(**ALLOWED[case], state="running")})
    manifest["networks"]["front"]["bridge"] = "virbr81"
    scene.write(manifest)
    scene.settle()
    assert scene.domain("web").isActive()


def test_memory_that_is_a_file_may_be_more_than_there_is(scene: Scene) -> None:
    has = scene.conn.getMemoryStats(-1)["total"] // 2**20
    memory = {"size": f"{has + 1}GiB", "source": "memfd"}
    scene.write(scene.manifest({"web": idle_vm(memory=memory, state="running")}))
    assert "of memory, and it needs" in scene.cli("plan", expect=0).stdout
    scene.settle()


def test_what_an_adopted_vm_has_already_is_nothing_new(scene: Scene) -> None:
    odd = THEIRS.replace("type='network'><source network='default'", "type='bridge'><source bridge='br96'")
    scene.conn.defineXML(odd)
    manifest = yaml.safe_load(pipeline.imported(["theirs"], "shop", scene.host.uri).text)
    scene.settle(manifest)
    manifest["vms"]["theirs"] |= {"memory": "48MiB", "description": "odd"}
    said = scene.plan(manifest, expect=2)
    assert "br96" not in said
    scene.settle()


def usable(scene: Scene) -> dict[str, bool]:
    """CPU models that domain capabilities call unusable, and whether libvirt starts one nevertheless."""
    root = ET.fromstring(scene.conn.getDomainCapabilities(None, "x86_64", "q35", "kvm", 0))
    models = root.iterfind("cpu/mode[@name='custom']/model[@usable='no']")
    return {str(model.text): starts(scene, str(model.text)) for model in list(models)[::8]}


def starts(scene: Scene, model: str) -> bool:
    xml = f"""<domain type='kvm'><name>trial</name><memory>32768</memory><os><type machine='q35'>hvm</type></os>
    <cpu mode='custom'><model>{model}</model></cpu></domain>"""
    try:
        scene.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED).destroy()
    except libvirt.libvirtError:
        return False
    return True


def test_a_cpu_is_refused_exactly_where_libvirt_does_not_start_it(scene: Scene) -> None:
    try:
        models = usable(scene)
    except libvirt.libvirtError:
        pytest.skip("this machine has no KVM")
    for model, able in models.items():
        vm = idle_vm(cpus={"model": model}, accel="kvm", machine="q35", state="running")
        scene.write(scene.manifest({"web": vm}))
        scene.cli("plan", expect=0 if able else 3)
