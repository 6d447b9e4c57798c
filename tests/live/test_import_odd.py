"""Machines that are odd are adopted as they are, and made again as they were."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from kvmspec import pipeline
from tests.live.scene import Scene
from tests.live.test_import import bare_dump

pytestmark = pytest.mark.libvirtd

_LOOSE = {"devices": ("controller", "input"), "cpu": ("feature",), "clock": ("timer",)}
"""What libvirt keeps in an order that means nothing."""
ROOM = "<maxMemory slots='4' unit='GiB'>8</maxMemory><memory unit='MiB'>1280</memory>"
CELL = "<cpu><numa><cell id='0' cpus='0-1' memory='1024' unit='MiB'/></numa></cpu>"
NVDIMM = """<memory model='nvdimm'><source><path>/srv/nvdimm</path></source>
<target><size unit='MiB'>256</size><node>0</node></target></memory>"""
TUNED = """<disk type='file' device='disk'><source file='/srv/{0}.img'/><target dev='{0}' bus='virtio'/><iotune>{1}
<size_iops_sec>4096</size_iops_sec></iotune></disk>"""
BURSTS = "".join(
    f"<{way}_{unit}_sec{burst}>{value}</{way}_{unit}_sec{burst}>"
    for burst, value in (("", 10), ("_max", 20), ("_max_length", 2))
    for unit in ("bytes", "iops")
    for way in ("read", "write")
)
REMOTE = """<disk type='network' device='disk'><source protocol='nbd' name='x'><host name='hv2' port='10809'/>
<reconnect delay='10'/></source><target dev='vda' bus='virtio'/></disk><disk type='network' device='disk'>
<source protocol='ssh' name='/srv/x'><host name='hv2' port='22'/></source><target dev='vdb' bus='virtio'/></disk>"""
WORDS = """<title>A $title: #1 "q" 'x' — ü</title><description>one $HOME ${x} # no: comment

  two:	- three
</description>"""
METADATA = """<metadata><a:one xmlns:a='urn:a' a:n='$1'>x <a:b/> y</a:one><d xmlns='urn:d'><e>  text  </e></d>
<o:libosinfo xmlns:o='http://libosinfo.org/xmlns/libvirt/domain/1.0'><o:os id='http://debian.org/debian/12'/>
</o:libosinfo></metadata>"""
LABELS = "".join(
    f"<disk type='file' device='disk'><source file='/srv/{target}'>{label}</source><target dev='{target}'/></disk>"
    for target, label in (
        ("vda", "<seclabel model='dac' relabel='no'/>"),
        ("vdb", "<seclabel model='dac' relabel='yes'><label>+1:+1</label></seclabel>"),
        ("vdc", "<seclabel relabel='no'/>"),
    )
)
MACHINES = {
    "limits-of-disks": (MEMORY := "<memory unit='MiB'>64</memory>", "", TUNED.format("vda", BURSTS)),
    "more-than-the-schema-knows": (MEMORY, "", REMOTE),
    "an-nvdimm": (f"{ROOM}<currentMemory unit='MiB'>1024</currentMemory>", CELL, NVDIMM),
    "an-nvdimm-that-is-counted": (ROOM, CELL, NVDIMM),
    "words": (MEMORY, WORDS, ""),
    "metadata": (MEMORY, METADATA, ""),
    "labels-of-disks": (MEMORY, "", LABELS),
    "odd_name.of+a-vm": ("<memory unit='b'>219136001</memory>", "", ""),
}


def meant(scene: Scene, name: str) -> str:
    root = ET.fromstring(bare_dump(scene, name))
    for path, tags in _LOOSE.items():
        for parent in root.iterfind(path):
            loose = sorted((child for child in parent if child.tag in tags), key=ET.tostring)
            for child in loose:
                parent.remove(child)
            parent.extend(loose)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def test_odd_machines_are_adopted_and_made_again(scene: Scene) -> None:
    for name, (memory, more, devices) in MACHINES.items():
        scene.conn.defineXML(
            f"<domain type='qemu'><name>{name}</name>{memory}<vcpu>2</vcpu><os><type machine='pc'>hvm</type>"
            f"</os>{more}<devices>{devices}</devices></domain>"
        )
    before = {name: bare_dump(scene, name) for name in MACHINES}
    once = {name: meant(scene, name) for name in MACHINES}
    scene.path.write_text(pipeline.imported([], "shop", scene.host.uri).text)
    actions = [change["change"]["actions"] for change in scene.plan_json()["resource_changes"]]
    assert actions == [["adopt"]] * len(MACHINES)
    scene.settle()
    assert {name: bare_dump(scene, name) for name in MACHINES} == before
    scene.cli("destroy", "--yes", "--allow", "delete", expect=0)
    scene.settle()
    assert {name: meant(scene, name) for name in MACHINES} == once


def test_what_libvirt_does_not_know_is_refused_and_nothing_is_left(scene: Scene) -> None:
    vm = {"preset": "bare", "machine": "pc", "memory": "64MiB", "accel": "tcg", "state": "stopped"}
    odd = "<domain><devices><disk><target dev='vda'/><bogus/></disk></devices></domain>"
    manifest = scene.manifest({"web": vm | {"disks": [{"path": "/srv/web.img"}], "xml": odd}})
    scene.write(manifest)
    said = scene.cli("apply", "--yes")
    assert said.returncode and "bogus" in said.stderr
    assert "web" not in scene.domains()
