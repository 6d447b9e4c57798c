"""Every example validates, renders to what libvirt's schema allows, and applies."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kvmspec.canon import rng
from tests.support.guest import TinyGuest, wait_for_lease
from tests.support.private_libvirt import PrivateLibvirt

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Run = Callable[..., CompletedProcess[str]]


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_validates_and_renders(run_kvmspec: Run, tmp_path: Path, name: str) -> None:
    run_kvmspec("validate", EXAMPLES / name, expect=0)
    run_kvmspec("render", EXAMPLES / name, "-o", tmp_path / "out", expect=0)
    rendered = list((tmp_path / "out").rglob("*.xml"))
    assert rendered
    assert {path.name: rng.errors(path.read_text()) for path in rendered} == {
        path.name: [] for path in rendered
    }


@pytest.mark.parametrize("form", ["mermaid", "dot"])
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_is_drawn(run_kvmspec: Run, name: str, form: str) -> None:
    drawn = run_kvmspec("graph", EXAMPLES / name, "--format", form, expect=0).stdout
    assert drawn.startswith({"mermaid": "flowchart", "dot": "digraph"}[form])


@pytest.mark.live
def test_quickstart(run_kvmspec: Run, clean_host: PrivateLibvirt, tiny_guest: TinyGuest) -> None:
    folder = clean_host.images / "quickstart"
    folder.mkdir()
    shutil.copy(tiny_guest.kernel, folder / "vmlinuz")
    shutil.copy(tiny_guest.initrd, folder / "initrd")
    given = (EXAMPLES / "quickstart", "--var", f"guest={folder}")
    run_kvmspec("apply", *given, "--yes", connect=clean_host, expect=0)
    run_kvmspec("plan", *given, "--detailed-exitcode", connect=clean_host, expect=0)
    with_connection = clean_host.connect()
    mac = re.search(r"<mac address='(.*?)'", with_connection.lookupByName("hello").XMLDesc())
    assert mac is not None
    wait_for_lease(with_connection, "quick", mac[1])
    with_connection.close()
    assert "192.168.157." in run_kvmspec("status", *given, connect=clean_host, expect=0).stdout
    run_kvmspec("apply", *given, "--var", "cpus=2", "--yes", connect=clean_host, expect=0)
    run_kvmspec("destroy", *given, "--yes", "--allow", "data-loss", connect=clean_host, expect=0)


@pytest.mark.libvirtd
def test_two_hosts(run_kvmspec: Run, clean_host: PrivateLibvirt, clean_second_host: PrivateLibvirt) -> None:
    store = Path("/var/lib/libvirt/images/two-hosts")  # each host has its own below this path
    hosts = {"rack_a": clean_host.uri, "rack_b": clean_second_host.uri, "store": str(store)}
    given = [
        EXAMPLES / "two-hosts",
        *(part for key, value in hosts.items() for part in ("--var", f"{key}={value}")),
    ]
    run_kvmspec("apply", *given, "--yes", expect=0)
    run_kvmspec("plan", *given, "--detailed-exitcode", expect=0)
    assert _names(clean_host) == {"web-1", "web-2"}
    assert _names(clean_second_host) == {"db"}
    refused = run_kvmspec("destroy", *given, "--yes", "--allow", "data-loss", expect=4)
    assert "prevent_destroy" in refused.stdout + refused.stderr
    assert _names(clean_second_host) == {"db"}


def _names(host: PrivateLibvirt) -> set[str]:
    connection = host.connect()
    try:
        return {domain.name() for domain in connection.listAllDomains()}
    finally:
        connection.close()
