"""What a host would refuse is told when it is planned, at its line, and nothing is done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm

pytestmark = pytest.mark.libvirtd

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "machine": ({"machine": "q36"}, "machine: q36", "the machine 'q36' is not supported"),
    "architecture": ({"arch": "s390x", "machine": "s390-ccw-virtio"}, "arch: s390x", "s390x"),
    "CPU mode": ({"cpus": {"mode": "host-passthrough"}}, "mode: host-passthrough", "for TCG"),
    "CPU model": ({"cpus": {"model": "Haswel"}}, "model: Haswel", "no CPU Haswel"),
    "vCPUs": ({"cpus": 4000}, "cpus: 4000", "at most"),
    "bus": ({"disks": [{"name": "a", "size": "1MiB", "bus": "ide"}]}, "bus: ide", "no disks on bus ide"),
    "bridge": ({"networks": [{"bridge": "br99"}]}, "bridge: br99", "has no bridge br99"),
    "interface": ({"networks": [{"macvtap": "eno99"}]}, "macvtap: eno99", "no network interface eno99"),
    "filter": (
        {"networks": [{"network": "front", "filter": "nono"}]},
        "filter: nono",
        "network filter nono is neither",
    ),
    "PCI device": (
        {"devices": {"hostdevs": [{"pci": "0000:77:00.0"}]}},
        "pci: 0000:77:00.0",
        "no PCI device 0000:77:00.0",
    ),
    "memory": ({"memory": "8TiB"}, "memory: 8TiB", "of memory, and it needs 8TiB"),
    "huge pages": (
        {"memory": {"size": "32MiB", "hugepages": "2MiB"}},
        "hugepages: 2MiB",
        "free pages of 2MiB",
    ),
    "schema": ({"xml": "<domain><devices><bogus/></devices></domain>"}, "xml:", "does not take <bogus>"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_at_its_line(scene: Scene, case: str) -> None:
    fields, written, words = REFUSED[case]
    path = scene.write(scene.manifest({"web": idle_vm(**fields, state="running")}))
    said = scene.plan(expect=3) + scene.cli("plan", expect=3).stderr
    assert words in said
    lines = path.read_text().splitlines()
    number = next(place for place, line in enumerate(lines, 1) if written in line)
    assert f"{path}:{number}:" in said
    assert scene.domains() == set()


def test_nothing_is_asked_twice_of_what_is_there(scene: Scene) -> None:
    """A bridge that goes away later is no reason to refuse another change."""
    scene.host.run(["ip", "link", "add", "br98", "type", "bridge"])
    vm = idle_vm(networks=[{"bridge": "br98"}], state="stopped")
    scene.settle(scene.manifest({"web": vm}))
    scene.host.run(["ip", "link", "del", "br98"])
    scene.plan(expect=0)
    scene.settle(scene.manifest({"web": {**vm, "description": "new"}}))


def test_a_stopped_vm_is_defined_with_a_note(scene: Scene) -> None:
    vm = idle_vm(networks=[{"bridge": "br97"}], state="stopped")
    said = scene.plan(scene.manifest({"web": vm}), expect=2)
    assert "has no bridge br97; it is not to be started yet" in said
    scene.settle()


def test_a_fragment_that_is_added_later_is_checked_as_well(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(state="stopped")}))
    scene.write(scene.manifest({"web": idle_vm(state="stopped", xml="<domain><bogus/></domain>")}))
    assert "does not take <bogus>" in scene.cli("plan", expect=3).stderr


def test_clashes_with_somebody_elses_vm(scene: Scene) -> None:
    scene.conn.defineXML(
        "<domain type='qemu'><name>theirs</name><memory>32768</memory><os><type>hvm</type></os><devices>"
        "<interface type='network'><source network='default'/><mac address='52:54:00:00:77:01'/></interface>"
        "<graphics type='vnc' port='5977' autoport='no'/></devices></domain>"
    )
    nic = {"network": "front", "mac": "52:54:00:00:77:01"}
    vm = idle_vm(networks=[nic], graphics=[{"type": "vnc", "port": 5977}], state="running")
    scene.write(scene.manifest({"web": vm}))
    said = scene.cli("plan", expect=3).stderr
    assert "vm/theirs on default is defined with MAC address 52:54:00:00:77:01 already" in said
    assert "port 5977" not in said, "theirs does not run"
    scene.domain("theirs").create()
    said = scene.cli("plan", expect=3).stderr
    assert "vm/theirs on default runs with port 5977 already" in said
    number = next(n for n, line in enumerate(scene.path.read_text().splitlines(), 1) if "port: 5977" in line)
    assert f"{scene.path}:{number}:" in said


THEIRS = "<network><name>theirs</name><bridge name='virbr88'/><ip address='10.88.0.1' prefix='16'/></network>"


@pytest.mark.parametrize("subnet", ["10.88.0.0/16", "10.88.5.0/24"])
def test_a_subnet_that_another_network_has(scene: Scene, subnet: str) -> None:
    """libvirt starts one that is not just the same."""
    scene.conn.networkCreateXML(THEIRS)
    manifest = scene.manifest()
    manifest["networks"]["front"] = {"mode": "isolated", "subnet": subnet}
    scene.write(manifest)
    same = subnet.endswith("/16")
    said = scene.cli("plan", expect=3 if same else 0)
    told = f"network/theirs on default has 10.88.0.0/16, which {subnet} overlaps"
    assert told in (said.stderr if same else said.stdout)
    if not same:
        scene.settle()


def test_a_vm_that_is_to_have_more_memory_than_there_is(scene: Scene) -> None:
    scene.settle(scene.manifest({"web": idle_vm(state="stopped")}))
    scene.write(scene.manifest({"web": idle_vm(memory="8TiB", state="running")}))
    assert "of memory, and it needs 8TiB" in scene.cli("plan", expect=3).stderr
