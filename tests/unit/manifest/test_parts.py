"""Merging, graphs, secrets and strict bools by themselves."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kvmspec.manifest.graph import find_cycle
from kvmspec.manifest.merge import Layer, merge, written_at
from kvmspec.manifest.model import Model
from kvmspec.manifest.secrecy import conceal, misplaced, secret_keys
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.validate import dotted
from tests.unit.manifest.specs import CloudInit, VmSpec


@pytest.mark.parametrize(
    ("graph", "cycle"),
    [
        ({}, ()),
        ({"a": ["b"], "b": ["c"]}, ()),
        ({"a": ["a"]}, ("a", "a")),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, ()),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, ("a", "b", "c", "a")),
        ({str(n): [str(n + 1)] for n in range(5000)}, ()),
    ],
)
def test_find_cycle(graph: dict[str, list[str]], cycle: tuple[str, ...]) -> None:
    assert find_cycle(graph) == cycle


def test_merging_changes_neither_side() -> None:
    base = {"cpus": {"count": 1}, "disks": [{"name": "a", "size": "1GiB"}]}
    over = {"cpus": {"max": 2}, "disks": [{"name": "a", "bus": "scsi"}]}
    merged = merge(base, over, (VmSpec,))
    assert merged == {"cpus": {"count": 1, "max": 2}, "disks": [{"name": "a", "size": "1GiB", "bus": "scsi"}]}
    assert base == {"cpus": {"count": 1}, "disks": [{"name": "a", "size": "1GiB"}]}
    assert over == {"cpus": {"max": 2}, "disks": [{"name": "a", "bus": "scsi"}]}


LAYERS = [
    Layer(
        ("vms", "v"), {"cpus": 2, "disks": [{"name": "new"}, {"name": "b", "bus": "scsi"}, {"volume": "x"}]}
    ),
    Layer(
        ("profiles", "p"),
        {"cpus": {"max": 4}, "disks": [{"volume": "y"}, {"name": "a"}, {"name": "b", "size": 1}]},
    ),
]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("cpus", "count"), ("vms", "v", "cpus")),
        (("cpus", "max"), ("profiles", "p", "cpus", "max")),
        (("disks", 0, "name"), ("profiles", "p", "disks", 1, "name")),
        (("disks", 1, "bus"), ("vms", "v", "disks", 1, "bus")),
        (("disks", 1, "size"), ("profiles", "p", "disks", 2, "size")),
        (("disks", 2, "name"), ("vms", "v", "disks", 0, "name")),
        (("disks", 3, "volume"), ("vms", "v", "disks", 2, "volume")),
        (("disks", 9), ("vms", "v", "disks")),
        (("memory",), ("vms", "v")),
        ((), ("vms", "v")),
    ],
)
def test_written_at(path: tuple[str | int, ...], place: tuple[str | int, ...]) -> None:
    assert written_at(LAYERS, path, (VmSpec,)) == place


def test_secrets_in_models() -> None:
    assert secret_keys((VmSpec,)) == {"password", "keys"}
    store = SecretStore()
    data = {"hostname": "h", "users": [{"name": "u", "password": "geheim"}]}
    value = CloudInit.model_validate(data, context={"secrets": store})
    token = store.token("geheim")
    assert conceal(data, value) == {"hostname": "h", "users": [{"name": "u", "password": token}]}
    assert list(misplaced(value)) == []
    assert list(misplaced(CloudInit(hostname=token, packages=["a", f"x{token}"]))) == [
        ("hostname",),
        ("packages", 1),
    ]
    assert CloudInit.model_validate(data).users[0].password == "geheim"  # without a context, as it is


class Switches(Model):
    one: bool = False
    some: list[bool] | None = None
    mixed: bool | int = 0


@pytest.mark.parametrize("data", [{"one": "yes"}, {"one": 1}, {"some": ["on"]}, {"mixed": "true"}])
def test_bools_are_true_and_false(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Switches.model_validate(data)
    assert Switches.model_validate({"one": True, "some": [False], "mixed": 3}).mixed == 3


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("vms", "web", "disks", 0, "size"), "vms.web.disks.root.size"),
        (("vms", "web", "disks", 1), "vms.web.disks[1]"),
        (("vms", "a.b", "disks", 5), 'vms."a.b".disks[5]'),
        ((), ""),
    ],
)
def test_dotted(path: tuple[str | int, ...], text: str) -> None:
    data = {"vms": {"web": {"disks": [{"name": "root"}, {}]}}}
    assert dotted(path, data) == text
