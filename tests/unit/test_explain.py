"""`kvmspec explain`: every field, found by what people type, with an example that is valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec import pipeline
from kvmspec.cli.main import run
from kvmspec.core.errors import UsageError
from kvmspec.core.field_doc import FieldDoc
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.find import find, from_json, load, to_json
from kvmspec.manifest.reference import field_docs
from tests.support.manifests import as_yaml

DOCS = load()
AROUND: dict[str, Any] = {
    "kvmspec": 1,
    "project": "shop",
    "variables": {name: {"default": "12345678", "secret": True} for name in ("vnc_password", "ops_password")},
    "hosts": {"hv1": {"uri": "test:///default"}, "hv2": {"uri": "test:///default"}},
    "defaults": {
        "host": "hv1",
        "vms": {
            "cloud_init": {"hostname": "web"},
            "disks": [{"name": "root", "size": "1GiB", "pool": "vms"}],
        },
    },
    "networks": {"front": {"subnet": "192.168.150.0/24", "dhcp": {}}},
    "pools": {"vms": {"path": "/srv/vms"}},
    "volumes": {name: {"pool": "vms", "size": "1GiB"} for name in ("pgdata", "golden", "debian-12.qcow2")},
    "images": {
        name: {"path": "./image.qcow2", "pool": "vms", "kind": kind}
        for name, kind in (("debian-12", "disk"), ("debian-12-iso", "iso"))
    },
    "profiles": {"base": {"memory": "1GiB"}},
    "vms": {"db": {"memory": "1GiB"}, "frontend": {"memory": "1GiB"}},
}
"""What examples refer to: the rest of the manifest that they are a part of."""


def the_rest(example: str) -> dict[str, Any]:
    """AROUND without what the example has itself."""
    has = yaml.safe_load(example)
    rest: dict[str, Any] = {}
    for key, value in AROUND.items():
        if key not in has:
            rest[key] = value
        elif isinstance(value, dict) and isinstance(has[key], dict):
            rest[key] = {name: entry for name, entry in value.items() if name not in has[key]}
    return rest


@pytest.mark.parametrize(
    "doc", [d for d in DOCS.values() if d.example and d.built], ids=lambda d: str(d.path)
)
def test_every_example_is_valid(doc: FieldDoc, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(doc.example + "\n")
    (tmp_path / "rest.yaml").write_text(as_yaml(the_rest(doc.example)))
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA\n")
    (tmp_path / "_cloud").mkdir()
    (tmp_path / "_cloud/user-data.yaml").write_text("#cloud-config\npackages: [nginx]\n")
    (tmp_path / "_cloud/network.yaml").write_text("version: 2\n")
    environ = {"HOME": str(tmp_path), "DB_PASSWORD": "secret", "CHAP_PASSWORD": "x", "PGDATA_KEY": "y"}
    environ["CEPH_KEY"] = "QUJD"
    pipeline.load(pipeline.Request((tmp_path,), environ=environ))


def test_every_built_field_is_described() -> None:
    bare = [d.path for d in DOCS.values() if d.built and not d.meaning]
    assert not bare
    assert len(DOCS) > 120


def test_the_file_is_what_the_models_say() -> None:
    docs = {doc.path: doc for doc in field_docs(SECTIONS)}
    assert docs == DOCS
    assert from_json(to_json(docs.values())) == docs


@pytest.mark.parametrize(
    ("typed", "path", "name"),
    [
        ("vms", "vms", ""),
        ("vms.memory.size", "vms.memory.size", ""),
        ("vms.web.memory.size", "vms.memory.size", ""),
        ("vms.disks.size", "vms.disks.size", ""),
        ("vms.web.disks.root.size", "vms.disks.size", ""),
        ("vms.web.disks[0].size", "vms.disks.size", ""),
        ("networks.front.dhcp.start", "networks.dhcp.start", ""),
        ("hosts.hv1.uri", "hosts.uri", ""),
        ("memory.size", "vms.memory.size", ""),
        ("profiles.big.cpus.max", "vms.cpus.max", ""),
        ("kvmspec", "kvmspec", ""),
        ("moved", "moved", ""),
    ],
)
def test_a_field_is_found_as_people_type_it(typed: str, path: str, name: str) -> None:
    found = find(typed, DOCS)
    assert (found.doc.path, found.name) == (path, name)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("vms.memry.size", "vms.memory"),
        ("vms.web.disks.root.sise", "vms.disks.size"),
        ("vmz", "vms"),
        ("vms.memory.size.deeper", ""),
        ("", ""),
        ("....", ""),
    ],
)
def test_a_wrong_path_gets_the_nearest_one(typed: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        find(typed, DOCS)
    assert hint in error.value.hint and error.value.exit_code == 64


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["explain", *words]) == 0
    return capsys.readouterr().out


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "vms.memory.size")
    for words in ("vms.memory.size", "such as 512MiB", "live, or restart", "balloon", "Example:", "    vms:"):
        assert words in text
    assert "writeback" in told(capsys, "vms.disks.cache") and "restart: libvirt refuses it live" in told(
        capsys, "vms.disks.cache"
    )
    assert "autostart" in told(capsys, "vms") and "not built in this version" in told(capsys)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(told(capsys, "vms.cpus.count", "--format", "json"))
    assert data["path"] == "vms.cpus.count" and "restart" in data["effect"]["impact"] and data["example"]
    assert len(json.loads(told(capsys, "--format", "json"))["fields"]) >= 12


def test_what_is_not_built_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    later = next(doc for doc in DOCS.values() if not doc.built)
    assert "this version does not build it" in told(capsys, later.path)
