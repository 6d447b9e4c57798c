"""The networks, pools and volumes that VMs use come along when they are imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libvirt
import pytest
import yaml

from kvmspec import pipeline
from tests.live.scene import Scene
from tests.live.test_import import bare_dump

pytestmark = pytest.mark.libvirtd

FRONT = """<network><name>front</name><forward mode='nat'/><bridge name='virbr7' stp='off'/>
<ip address='10.81.0.1' netmask='255.255.255.0'><tftp root='/srv'/><dhcp><range start='10.81.0.9' end='10.81.0.99'/>
<bootp file='a.0'/></dhcp></ip><ip family='ipv4' address='10.82.0.1' prefix='24'/></network>"""
LAB = "<network><name>lab</name><ip address='10.83.0.1' netmask='255.255.255.0'/></network>"
POOL = "<pool type='dir'><name>vms</name><target><path>{path}</path></target></pool>"
VOLUME = "<volume><name>{name}</name><capacity unit='MiB'>{size}</capacity><target><format type='{form}'/></target>{more}</volume>"
VM = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{devices}</devices></domain>"""
DISK = """<disk type='file' device='disk'><driver name='qemu' type='{form}'/><source file='{path}'/>
<target dev='{target}' bus='virtio'/></disk>"""
NIC = "<interface type='network'><source network='{name}'/><model type='virtio'/></interface>"


def furnish(scene: Scene) -> None:
    """A host with two VMs, networks and a pool that somebody else made."""
    conn = scene.conn
    front = conn.networkDefineXML(FRONT)
    front.create()
    front.setAutostart(True)
    conn.networkDefineXML(LAB)
    scene.pool.mkdir(exist_ok=True)
    pool = conn.storagePoolDefineXML(POOL.format(path=scene.pool))
    pool.create()
    backing = f"<backingStore><path>{scene.pool}/web.qcow2</path><format type='qcow2'/></backingStore>"
    for name, size, form, more in (
        ("web.qcow2", 20, "qcow2", ""),
        ("data.raw", 3, "raw", ""),
        ("over.qcow2", 20, "qcow2", backing),
    ):
        pool.createXML(VOLUME.format(name=name, size=size, form=form, more=more))

    def disk(name: str, form: str, target: str, folder: Path = scene.pool) -> str:
        return DISK.format(path=folder / name, form=form, target=target)

    web = disk("web.qcow2", "qcow2", "vda") + disk("data.raw", "raw", "vdb") + NIC.format(name="front")
    db = disk("over.qcow2", "qcow2", "vda") + disk("x.raw", "raw", "vdb", Path("/srv"))
    db += NIC.format(name="lab") + NIC.format(name="nowhere")
    conn.defineXML(VM.format(name="web", devices=web)).create()
    conn.defineXML(VM.format(name="db", devices=db))


def imported(scene: Scene, names: list[str] | None = None) -> tuple[str, dict[str, Any]]:
    text = pipeline.imported(names or [], "shop", scene.host.uri).text
    scene.path.write_text(text)
    return text, yaml.safe_load(text)


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in names}


def dumps(scene: Scene) -> dict[str, Any]:
    found = {f"vm/{name}": bare_dump(scene, name) for name in ("web", "db")}
    for network in scene.conn.listAllNetworks():
        text = network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
        found[f"network/{network.name()}"] = (text, network.isActive(), network.autostart())
    for pool in scene.conn.listAllStoragePools():
        text = pool.XMLDesc().partition("<source>")[2]
        found[f"pool/{pool.name()}"] = (pool.UUIDString(), text, pool.isActive(), pool.autostart())
    return found


def test_what_vms_use_comes_along_and_they_name_it(scene: Scene) -> None:
    furnish(scene)
    text, manifest = imported(scene)
    assert without(manifest["networks"]["front"], "uuid", "mac") == {
        "bridge": "virbr7",
        "stp": False,
        "subnet": "10.81.0.0/24",
        "addresses": ["10.82.0.1/24"],
        "dhcp": {"start": "10.81.0.9", "end": "10.81.0.99", "bootp": "a.0", "tftp": "/srv"},
    }
    assert without(manifest["networks"]["lab"], "uuid", "mac", "bridge") == {
        "mode": "isolated",
        "subnet": "10.83.0.0/24",
        "state": "any",
        "autostart": False,
    }
    assert without(manifest["pools"]["vms"], "uuid") == {"path": str(scene.pool), "autostart": False}
    assert manifest["volumes"] == {
        "web.qcow2": {"size": "20MiB"},
        "data.raw": {"size": "3MiB", "format": "raw"},
    }
    disks = {name: [without(disk, "target") for disk in vm["disks"]] for name, vm in manifest["vms"].items()}
    assert disks == {
        "web": [{"volume": "web.qcow2"}, {"volume": "data.raw"}],
        "db": [{"volume": "over.qcow2", "pool": "vms"}, {"path": "/srv/x.raw"}],
    }
    assert "  # There is no network nowhere on this host.\n  db:" in text
    assert "  # It was stopped, and is left so" in text


def test_import_adopts_all_of_it_and_changes_nothing(scene: Scene) -> None:
    furnish(scene)
    before = dumps(scene)
    imported(scene)
    actions = {c["address"]: c["change"]["actions"] for c in scene.plan_json()["resource_changes"]}
    assert {tuple(each) for each in actions.values()} <= {("adopt",), ("no-op",)}, actions
    scene.settle()
    assert dumps(scene) == before


def test_destroyed_and_applied_again_it_is_the_same(scene: Scene) -> None:
    furnish(scene)
    before = dumps(scene)
    imported(scene)
    scene.settle()
    scene.cli("destroy", "--yes", "--allow", "delete", expect=0)
    assert "web" not in scene.domains()
    assert scene.volume("web.qcow2").exists()
    scene.settle()
    assert dumps(scene) == before


def test_networks_and_pools_by_name(scene: Scene) -> None:
    furnish(scene)
    _, manifest = imported(scene, ["network/lab", "pool/vms"])
    assert {*manifest} == {"kvmspec", "project", "networks", "pools"}
    scene.plan(expect=0)


def test_split_into_a_file_a_vm(scene: Scene, tmp_path: Path) -> None:
    furnish(scene)
    folder = tmp_path / "site"
    run = scene.forks.cli("import", "--all", "--split", folder, "--connect", scene.host.uri, expect=0)
    names = ["kvmspec.yaml", "vms/db.yaml", "vms/web.yaml"]
    assert run.stdout.split() == [str(folder / name) for name in names]
    shared, db, web = (yaml.safe_load((folder / name).read_text()) for name in names)
    assert ({*shared}, {*db}, {*web}) == (
        {"kvmspec", "project", "defaults", "networks", "pools"},
        {"vms"},
        {"volumes", "vms"},
    )
    before = dumps(scene)
    scene.forks.cli("apply", folder, "--yes", "--connect", scene.host.uri, expect=0)
    scene.forks.cli("plan", folder, "--detailed-exitcode", "--connect", scene.host.uri, expect=0)
    assert dumps(scene) == before
    again = scene.forks.cli("import", "--all", "--split", folder, "--connect", scene.host.uri, expect=1)
    assert "there already" in again.stderr
