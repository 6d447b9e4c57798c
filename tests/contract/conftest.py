"""Two hosts that have to behave alike: libvirt's own test driver, and QEMU on a private libvirtd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.manifest.secrets import SecretStore
from tests.contract.stage import Stage
from tests.support.guest import TinyGuest
from tests.support.hosts import why_no_libvirtd
from tests.support.private_libvirt import PrivateLibvirt

CANNOT: dict[str, str] = {
    "test_a_volume_that_is_there_is_not_created_again": "it has another error code for that",
    "test_start_makes_the_folder": "it has no files",
    "test_a_volume_grows_and_never_shrinks": "it knows no virStorageVolResize",
    "test_a_file_that_libvirt_has_not_seen_is_not_overwritten": "it has no files",
    "test_refresh_finds_new_files": "it has no files",
    "test_a_volume_in_a_stopped_pool_is_no_answer": "it lists the volumes of stopped pools",
    "test_an_overlay_says_what_it_rests_on": "it forgets backing stores",
    "test_what_libvirt_does_not_know_is_refused": "it does not validate",
    "test_a_guest_that_ignores_the_request_is_left_running": "its guests always obey",
    "test_a_disk_grows_and_never_shrinks": "it knows no virDomainBlockResize",
    "test_a_guest_without_a_lease_has_no_address": "it invents leases",
    "test_a_managed_save_is_seen_and_goes_with_the_domain": "its managed saves are not listed",
    "test_the_lock_is_held_against_others": "its state is this process's, so no lock is taken",
    "test_the_lock_goes_with_its_holder": "its state is this process's, so no lock is taken",
    "test_a_host_that_went_away_is_no_absent_object": "it cannot go away",
}
"""Test → why libvirt's test driver cannot run it."""

NODE = (
    "<node><cpu><mhz>2000</mhz><model>x86_64</model><active>4</active></cpu><memory>4194304</memory></node>"
)


@pytest.fixture(params=["test", pytest.param("qemu", marks=pytest.mark.libvirtd)])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to connect to; nothing is there but what libvirt itself puts there."""
    if request.param == "qemu":
        return str(request.getfixturevalue("clean_host").uri)
    name = request.node.originalname
    if name in CANNOT:
        pytest.skip(f"libvirt's test driver: {CANNOT[name]}")
    node = tmp_path / "node.xml"  # unlike test:///default, whose state lives as long as anything holds it
    node.write_text(NODE)
    return f"test://{node}"


@pytest.fixture
def secrets() -> SecretStore:
    return SecretStore()


@pytest.fixture
def host(uri: str, secrets: SecretStore) -> Iterator[Host]:
    """A connection as kvmspec opens it."""
    opened = connect("here", uri, secrets)
    yield opened
    opened.close()


@pytest.fixture
def folder(host: Host, request: pytest.FixtureRequest) -> Path:
    """A folder for a pool that is not there yet."""
    if host.uri.startswith("test:"):
        return Path("/nowhere/pool")
    images: Path = request.getfixturevalue("clean_host").images
    return images / "pool"


@pytest.fixture(scope="module")
def stage(tiny_guest: TinyGuest) -> Iterator[Stage]:
    """A host of this module's own, with a guest that its tests share."""
    if (reason := why_no_libvirtd()) is not None:
        pytest.fail(reason, pytrace=False)
    with PrivateLibvirt() as libvirtd:
        opened = connect("stage", libvirtd.uri, SecretStore())
        yield Stage(libvirtd, opened, tiny_guest)
        opened.close()


@pytest.fixture
def running(stage: Stage) -> Iterator[str]:
    """The booted guest that the module's tests share; one that a test left otherwise is started anew."""
    name = stage.shared()
    before = sorted(stage.aliases())
    yield name
    if name in stage.host.domains.names() and not (
        stage.host.domains.is_active(name) and sorted(stage.aliases()) == before
    ):
        stage.end(name)
