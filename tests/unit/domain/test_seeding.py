"""A VM's seed: where it lies, and when it is another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec import pipeline
from kvmspec.core.errors import ManifestError
from kvmspec.kinds import seeds

POOLS = {"vms": {"path": "/srv/vms"}}


def manifest(folder: Path, vm: dict[str, Any], **sections: Any) -> pipeline.Request:
    data = {"kvmspec": 1, "project": "shop", "vms": {"web": {"memory": "1GiB"} | vm}} | sections
    (folder / "m.yaml").write_text(yaml.safe_dump(data))
    return pipeline.Request((folder,), environ={})


def seed(folder: Path, vm: dict[str, Any]) -> str:
    """The name of its volume."""
    rendered = pipeline.render(manifest(folder, vm, pools=POOLS))
    (name,) = [r.name for r in rendered if r.kind == "volume" and seeds.is_seed(r.name)]
    return name


@pytest.mark.parametrize(
    ("vm", "sections", "message"),
    [
        ({"cloud_init": {}}, {}, "no pool is named for the seed"),
        (
            {"cloud_init": {}},
            {"pools": {"a": {"path": "/a"}, "b": {"path": "/b"}}},
            "no pool is named for the seed",
        ),
        (
            {"cloud_init": {}, "disks": [{"name": "cloud-init", "size": "1GiB"}]},
            {"pools": POOLS},
            "is the drive that cloud-init reads its seed from",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, vm: dict[str, Any], sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError) as error:
        pipeline.load(manifest(tmp_path, vm, **sections))
    assert [message in problem.message for problem in error.value.problems] == [True]


@pytest.mark.parametrize(
    "vm",
    [{"pool": "a"}, {"disks": [{"name": "root", "size": "1GiB", "pool": "a"}]}],
    ids=["the VM's pool", "its first own disk's"],
)
def test_where_it_lies(tmp_path: Path, vm: dict[str, Any]) -> None:
    pools = {"a": {"path": "/a"}, "b": {"path": "/b"}}
    rendered = pipeline.render(manifest(tmp_path, {"cloud_init": {}} | vm, pools=pools))
    assert [r.name.partition("/")[0] for r in rendered if seeds.is_seed(r.name)] == ["a"]


def test_its_name_tells_its_content(tmp_path: Path) -> None:
    one = seed(tmp_path, {"cloud_init": {"packages": ["nginx"]}})
    assert one == seed(tmp_path, {"cloud_init": {"packages": ["nginx"]}, "memory": "2GiB"})
    assert one != seed(tmp_path, {"cloud_init": {"packages": ["caddy"]}})


def test_the_guest_finds_it_on_a_bus_that_cloud_kernels_know(tmp_path: Path) -> None:
    rendered = pipeline.render(manifest(tmp_path, {"cloud_init": {}}, pools=POOLS))
    (xml,) = [r.xml for r in rendered if r.kind == "vm"]
    assert (
        'device="cdrom"' in xml and '<target dev="sda" bus="scsi"/>' in xml and 'model="virtio-scsi"' in xml
    )


def test_no_login_of_a_url_is_shown(tmp_path: Path) -> None:
    url = "https://bob:hunter2@images.lan/a.qcow2"
    request = manifest(tmp_path, {}, images={"a": {"url": url, "checksum": url}}, pools=POOLS)
    shown = str(pipeline.expanded(request))
    assert "hunter2" not in shown and "https://(secret)@images.lan/a.qcow2" in shown
