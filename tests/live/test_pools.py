"""Storage pools on a real libvirtd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.pool import KIND
from kvmspec.kinds.pool.apply import apply as act
from kvmspec.manifest.secrets import SecretStore
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, PROJECT, apply, context, look, manifest, plan

pytestmark = pytest.mark.libvirtd


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    """A connection of kvmspec's own to the emptied host."""
    opened = connect(HOST, clean_host.uri, SecretStore())
    yield opened
    opened.close()


def vms(machine: PrivateLibvirt, **others: Any) -> Any:
    return manifest(pools={"vms": {"path": str(machine.images / "deep" / "vms"), **others}})


def test_created_with_its_folder_then_nothing_to_do(host: Host, clean_host: PrivateLibvirt) -> None:
    wanted = vms(clean_host)
    assert apply(wanted, host) == ["DefinePool", "StartPool", "SetAutostart"]
    observed = host.pools.get("vms")
    assert (observed.state, observed.autostart) == ("running", True)
    assert observed.uuid == derived_uuid(PROJECT, "pool", "vms")
    assert (clean_host.images / "deep" / "vms").is_dir()
    assert plan(wanted, host) == []


def test_files_survive_deletion_and_are_there_again(host: Host, clean_host: PrivateLibvirt) -> None:
    wanted = vms(clean_host)
    apply(wanted, host)
    file = clean_host.images / "deep" / "vms" / "data.raw"
    file.write_bytes(b"precious" * 64)
    host.volumes.refresh("vms")
    ((difference, _),) = plan(wanted, host, destroy=True)
    assert difference.notes == (f"its files stay in {file.parent}: data.raw (512B)",)
    assert apply(wanted, host, destroy=True) == ["DeletePool"]
    assert host.pools.list() == []
    assert file.read_bytes() == b"precious" * 64
    apply(wanted, host)
    assert [volume.name for volume in host.volumes.list(["vms"])] == ["data.raw"]


def test_stopped_pool_is_started_and_autostart_set(host: Host, clean_host: PrivateLibvirt) -> None:
    apply(vms(clean_host, autostart=False), host)
    assert not host.pools.get("vms").autostart
    host.pools.stop("vms")
    assert apply(vms(clean_host, autostart=True), host) == ["StartPool", "SetAutostart"]
    assert plan(vms(clean_host), host) == []


def test_what_others_added_is_taken_out(host: Host, clean_host: PrivateLibvirt) -> None:
    apply(vms(clean_host), host)
    before = host.pools.get("vms").xml
    features = "<features><cow state='no'/></features><target>"
    host.pools.define(before.replace("<target>", features))
    assert "features" in host.pools.get("vms").xml
    assert apply(vms(clean_host), host) == ["EditPool"]
    assert "cow" not in host.pools.get("vms").xml
    assert plan(vms(clean_host), host) == []


def test_every_action_twice_is_as_once(host: Host, clean_host: PrivateLibvirt) -> None:
    for options in ({}, {"destroy": True}):
        for _, action in plan(vms(clean_host), host, **options):
            act(action, host)
            act(action, host)


def test_second_pool_on_a_folder_is_refused_before_libvirt_does(
    host: Host, clean_host: PrivateLibvirt
) -> None:
    apply(vms(clean_host), host)
    about = context(manifest(pools={"more": {"path": str(clean_host.images / "deep" / "vms")}}))
    (desired,) = about.desired.values()
    (problem,) = KIND.diff(desired, look(host), about).refusals
    assert "pool/vms on hv1 is on" in problem.message


def test_fingerprint_is_not_moved_by_what_is_in_it(host: Host, clean_host: PrivateLibvirt) -> None:
    assert KIND.fingerprint("vms", look(host)) == ""
    apply(vms(clean_host), host)
    before = KIND.fingerprint("vms", look(host))
    (clean_host.images / "deep" / "vms" / "big").write_bytes(b"x" * 2**20)
    host.volumes.refresh("vms")
    assert KIND.fingerprint("vms", look(host)) == before
    host.pools.stop("vms")
    assert KIND.fingerprint("vms", look(host)) != before
