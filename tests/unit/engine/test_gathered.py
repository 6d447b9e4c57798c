"""What is imported, as text and as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec import pipeline
from kvmspec.core.errors import KvmspecError
from kvmspec.core.observed import Observed, ObservedVolume
from kvmspec.engine.gathered import Gathered
from kvmspec.engine.surroundings import Stock, missing, networks_of, place_disks, pools_of
from kvmspec.pipeline import Request
from tests.unit.kinds.network.making import RENDERER

POOL = "<pool type='dir'><name>{0}</name><uuid>11111111-2222-4333-8444-55555555555{1}</uuid><target><path>/srv/{0}</path></target></pool>"
VM = {"memory": "1GiB"}


def gathered(**vms: Any) -> Gathered:
    found = Gathered("shop")
    for name, entry in vms.items():
        found.add("vms", name, entry)
    return found


def volume(path: str, form: str = "qcow2", backing: str | None = None) -> ObservedVolume:
    _, _, pool, name = path.split("/")
    return ObservedVolume(pool, name, path, 5 << 30, form, backing)


def stock(*volumes: ObservedVolume) -> Stock:
    pools = {
        name: Observed("pool", name, "", POOL.format(name, number), "running", True)
        for number, name in enumerate(("vms", "isos"))
    }
    return Stock({}, pools, {each.path: each for each in volumes})


def disks(*paths: str, **more: Any) -> dict[str, Any]:
    return {**VM, "disks": [{"path": path, **more} for path in paths]}


def test_comments_stand_above_what_they_are_of() -> None:
    found = gathered(
        a=VM, b={**VM, "xml": "<domain><devices><hub/><hub/></devices><k:x xmlns:k='urn:x'/></domain>"}
    )
    found.remark("vms", "b", "Look.")
    lines = found.text().splitlines()
    at = lines.index("  b:")
    assert lines[at - 2 : at] == ["  # No field says what stands under `xml:`: devices/hub, x.", "  # Look."]


def test_what_all_vms_have_in_common_is_said_once() -> None:
    bare = {"preset": "bare", "arch": "x86_64", "accel": "kvm", **VM}
    found = yaml.safe_load(gathered(a=bare, b={**bare, "accel": "tcg"}).text())
    assert found["defaults"] == {"vms": {"preset": "bare", "arch": "x86_64"}}
    assert found["vms"] == {"a": {**VM, "accel": "kvm"}, "b": {**VM, "accel": "tcg"}}
    alone = yaml.safe_load(gathered(a=bare).text())
    assert "defaults" not in alone and alone["vms"]["a"] == bare
    files = gathered(a=bare, b=bare).files()
    assert yaml.safe_load(files["kvmspec.yaml"])["defaults"]["vms"] == {
        k: bare[k] for k in bare if k not in VM
    }
    assert yaml.safe_load(files["vms/b.yaml"]) == {"vms": {"b": VM}}


def test_a_name_twice() -> None:
    with pytest.raises(KvmspecError, match="two of the machines are called a"):
        gathered(a=VM).add("vms", "a", VM)


def test_files_together_are_the_whole(tmp_path: Path) -> None:
    found = gathered(a=disks("/srv/vms/a.qcow2"), _b=disks("/srv/vms/b.qcow2"))
    found.variables["x"] = {"default": "1"}
    place_disks(found, stock(volume("/srv/vms/a.qcow2"), volume("/srv/vms/b.qcow2")), RENDERER)
    files = found.files()
    assert [*files] == ["kvmspec.yaml", "vms/a.yaml", "vms/vm_b.yaml"]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    items = {(item.kind, item.name) for item in pipeline.load(Request((tmp_path,))).items}
    assert items == {("pool", "vms"), ("vm", "a"), ("vm", "_b"), ("volume", "a.qcow2"), ("volume", "b.qcow2")}
    whole = yaml.safe_load(found.text())
    parts = [yaml.safe_load(text) for text in files.values()]
    assert whole["vms"] == {name: vm for part in parts for name, vm in part.get("vms", {}).items()}


PLACED: dict[str, tuple[list[ObservedVolume], dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "in a pool": (
        [volume("/srv/vms/a.qcow2")],
        disks("/srv/vms/a.qcow2"),
        {"volume": "a.qcow2"},
        {"a.qcow2": {"size": "5GiB"}},
    ),
    "raw": (
        [volume("/srv/vms/a", "raw")],
        disks("/srv/vms/a"),
        {"volume": "a"},
        {"a": {"size": "5GiB", "format": "raw"}},
    ),
    "of a format that its name does not tell": (
        [volume("/srv/vms/a")],
        disks("/srv/vms/a", format="qcow2"),
        {"volume": "a"},
        {"a": {"size": "5GiB"}},
    ),
    "used in another format": (
        [volume("/srv/vms/a.qcow2")],
        disks("/srv/vms/a.qcow2", format="raw"),
        {"volume": "a.qcow2", "format": "raw"},
        {"a.qcow2": {"size": "5GiB"}},
    ),
    "over another one": (
        [volume("/srv/vms/a.qcow2", backing="/srv/vms/b")],
        disks("/srv/vms/a.qcow2"),
        {"volume": "a.qcow2", "pool": "vms"},
        {},
    ),
    "of a format that no volume of a manifest has": (
        [volume("/srv/vms/a.vmdk", "vmdk")],
        disks("/srv/vms/a.vmdk"),
        {"volume": "a.vmdk", "pool": "vms", "format": "raw"},
        {},
    ),
    "with a name that no manifest takes": (
        [volume("/srv/vms/a b.qcow2")],
        disks("/srv/vms/a b.qcow2"),
        {"path": "/srv/vms/a b.qcow2"},
        {},
    ),
    "in no pool": ([], disks("/srv/x.raw"), {"path": "/srv/x.raw"}, {}),
}


@pytest.mark.parametrize("case", PLACED)
def test_disks_name_their_volumes(case: str) -> None:
    volumes, entry, disk, declared = PLACED[case]
    found = gathered(a=entry)
    assert place_disks(found, stock(*volumes), RENDERER) == []
    assert found.sections["vms"]["a"]["disks"] == [disk]
    assert found.sections["volumes"] == declared


def test_volumes_of_one_name_in_two_pools() -> None:
    found = gathered(a=disks("/srv/vms/a", "/srv/isos/a"))
    place_disks(found, stock(volume("/srv/vms/a", "raw"), volume("/srv/isos/a", "raw")), RENDERER)
    assert found.sections["vms"]["a"]["disks"] == [{"volume": "a"}, {"volume": "a", "pool": "isos"}]
    assert found.sections["volumes"] == {"a": {"pool": "vms", "size": "5GiB", "format": "raw"}}


def test_a_volume_of_two_vms_is_of_neither() -> None:
    found = gathered(a=disks("/srv/vms/a"), b=disks("/srv/vms/a"))
    place_disks(found, stock(volume("/srv/vms/a", "raw")), RENDERER)
    assert found.own == {}
    assert "a" in yaml.safe_load(found.files()["kvmspec.yaml"])["volumes"]


def test_what_is_not_there_is_told() -> None:
    xml = """<domain><devices><interface type='network'><source network='front'/></interface>
    <disk type='volume'><source pool='fast' volume='x'/></disk></devices></domain>"""
    assert (networks_of(xml), pools_of(xml)) == (["front"], ["fast"])
    found = gathered(a=VM)
    missing([("a", xml)], stock(), found)
    assert found.remarks["vms", "a"] == [
        "There is no network front on this host.",
        "There is no pool fast on this host.",
    ]
