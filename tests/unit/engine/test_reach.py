"""A VM by what a person calls it, and what ssh is told of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kvmspec.core.address import Address
from kvmspec.core.errors import UsageError
from kvmspec.engine.reach import Reached, find
from kvmspec.engine.secure_shell import _quoted, _remember, first_user
from kvmspec.manifest.section import Manifest
from kvmspec.pipeline import Request, load

TEXT = """\
kvmspec: 1
project: shop
hosts: {hv1: {uri: "test:///default"}, hv2: {uri: "test:///default"}}
defaults: {vms: {memory: 1GiB}}
vms:
  web: {count: 2, host: hv1}
  db: {host: hv2}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    path = tmp_path / "site.yaml"
    path.write_text(TEXT)
    return load(Request((path,)))


@pytest.mark.parametrize("name", ["db", "hv2/db", "vm/db", "hv2/vm/db"])
def test_a_vm_by_its_name(manifest: Manifest, name: str) -> None:
    assert find(manifest, name) == Address("hv2", "vm", "db")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dbb", "did you mean db?"),
        ("hv1/db", "did you mean db?"),
        ("web", "it is counted: web-1, web-2"),
        ("mail", "it has db, web-1, web-2"),
    ],
)
def test_a_vm_that_is_not_there(manifest: Manifest, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match="has no VM called") as refused:
        find(manifest, name)
    assert refused.value.hint == hint


# --- known hosts
def test_the_keys_of_a_vm_are_put_in_place_of_its_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts" / "shop"
    assert _remember(file, "u-1", ["ssh-rsa OLD", "ssh-ed25519 OLD"])
    assert _remember(file, "u-2", ["ssh-ed25519 OTHER"])
    assert _remember(file, "u-1", ["ssh-ed25519 NEW"])
    assert file.read_text() == "u-2 ssh-ed25519 OTHER\nu-1 ssh-ed25519 NEW\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_keys_what_ssh_knows_stays(tmp_path: Path) -> None:
    file = tmp_path / "shop"
    file.write_text("u-1 ssh-ed25519 SEEN\n")
    assert not _remember(file, "u-1", [])
    assert file.read_text() == "u-1 ssh-ed25519 SEEN\n"


def test_a_path_as_ssh_reads_it() -> None:
    assert _quoted(Path("/home/a b/100%")) == '"/home/a b/100%%"'


@pytest.mark.parametrize(
    ("users", "name"), [(None, None), ([], None), (["ops", "dev"], "ops")], ids=["none", "empty", "two"]
)
def test_the_first_user(users: list[str] | None, name: str | None) -> None:
    made = None if users is None else SimpleNamespace(users=[SimpleNamespace(name=user) for user in users])
    spec = cast("Any", SimpleNamespace(cloud_init=made))
    assert first_user(Reached(Address("h", "vm", "a"), spec, cast("Any", None))) == name
