"""`kvmspec explain`: every field, found by what people type, with an example that is valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec import pipeline
from kvmspec.cli.main import run
from kvmspec.core.errors import ManifestError, UsageError
from kvmspec.core.field_doc import FieldDoc
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.find import find, from_json, load, to_json
from kvmspec.manifest.reference import field_docs
from tests.support.around import ENVIRON, stand, the_rest

DOCS = load()
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _kind(doc: FieldDoc) -> str:
    """The object that it is a field of: `vms.disks`, or `vms.devices.serials`."""
    words = str(doc.path).split(".")
    return ".".join(words[: 3 if words[:2] == ["vms", "devices"] else 2])


SHOWN: dict[str, list[FieldDoc]] = {}
for each in DOCS.values():
    if each.example and each.built:
        SHOWN.setdefault(_kind(each), []).append(each)


def _problems(doc: FieldDoc, folder: Path) -> list[str]:
    """What is wrong with the manifest that its example is."""
    (folder / "example.yaml").write_text(doc.example + "\n")
    (folder / "rest.yaml").write_text(json.dumps(the_rest(yaml.load(doc.example, _Loader))))
    try:
        pipeline.load(pipeline.Request((folder,), environ=ENVIRON | {"HOME": str(folder)}))
    except ManifestError as error:
        return [f"{doc.path}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize("kind", SHOWN)
def test_every_example_is_valid(kind: str, tmp_path: Path) -> None:
    stand(tmp_path)
    assert not [problem for doc in SHOWN[kind] for problem in _problems(doc, tmp_path)]


def test_every_built_field_is_described() -> None:
    bare = [d.path for d in DOCS.values() if d.built and not d.meaning]
    assert not bare
    assert len(DOCS) > 120


def test_what_is_told_elsewhere_is_told_there() -> None:
    like = [doc for doc in DOCS.values() if doc.like]
    assert len(like) > 20 and all(doc.like in DOCS for doc in like)


def test_a_shared_field_costs_what_the_object_it_is_in_costs() -> None:
    assert find("vms.controllers.address.pci", DOCS).doc.impact == DOCS["vms.controllers.address"].impact
    assert find("vms.disks.source.slice.size", DOCS).doc == DOCS["vms.disks.source.slice.size"]


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
        ("vms.web.networks[0].address.pci", "vms.disks.address.pci", ""),
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
    assert "autostart" in told(capsys, "vms") and "not built in this version" in told(capsys, "volumes")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(told(capsys, "vms.cpus.count", "--format", "json"))
    assert data["path"] == "vms.cpus.count" and "restart" in data["effect"]["impact"] and data["example"]
    assert len(json.loads(told(capsys, "--format", "json"))["fields"]) >= 12


def test_what_is_not_built_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    later = next(doc for doc in DOCS.values() if not doc.built)
    assert "this version does not build it" in told(capsys, later.path)
