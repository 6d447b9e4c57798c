"""adapters.libvirt.Pools and Volumes on both drivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvmspec.adapters.libvirt import Host
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.core.observed import Observed
from tests.contract.definitions import UUID, pool, volume

MIB = 2**20


@pytest.fixture
def vms(host: Host, folder: Path) -> str:
    """A running pool."""
    host.pools.define(pool(folder))
    host.pools.start("vms")
    return "vms"


def listed(host: Host, name: str = "vms") -> Observed | None:
    return next((found for found in host.pools.list() if found.name == name), None)


# --- pools
def test_what_is_defined_is_listed_and_read(host: Host, folder: Path) -> None:
    for _ in range(2):
        host.pools.define(pool(folder))
        found = host.pools.get("vms")
        assert (found.kind, found.name, found.uuid) == ("pool", "vms", UUID.format(2))
        assert (found.state, found.autostart, found.persistent) == ("stopped", False, True)
        assert str(folder) in found.xml
        assert listed(host) == found


def test_start_makes_the_folder(host: Host, folder: Path) -> None:
    host.pools.define(pool(folder))
    assert not folder.exists()
    host.pools.start("vms")
    assert folder.is_dir()


def test_starting_and_stopping_twice_is_as_good_as_once(host: Host, vms: str) -> None:
    host.pools.start(vms)
    assert host.pools.get(vms).running
    for _ in range(2):
        host.pools.stop(vms)
        assert not host.pools.get(vms).running


def test_autostart_is_seen_in_both_ways_of_looking(host: Host, vms: str) -> None:
    for enabled in (True, True, False):
        host.pools.set_autostart(vms, enabled)
        assert host.pools.get(vms).autostart is enabled
        seen = listed(host)
        assert seen is not None and seen.autostart is enabled


def test_deleting_a_pool_twice_is_as_good_as_once_and_its_files_stay(
    host: Host, vms: str, folder: Path
) -> None:
    host.volumes.create(vms, "root.qcow2", volume())
    for _ in range(2):
        host.pools.delete(vms)
        host.pools.undefine(vms)
        assert listed(host) is None
    assert host.uri.startswith("test:") or (folder / "root.qcow2").exists()


def test_a_pool_that_is_not_there_is_absent(host: Host) -> None:
    for method in (host.pools.get, host.pools.start, host.pools.stop, host.volumes.refresh):
        with pytest.raises(Absent, match="vms"):
            method("vms")


def test_a_failure_says_what_was_tried_and_libvirts_words(host: Host) -> None:
    with pytest.raises(LibvirtFailure, match=r"^define the pool: .+") as caught:
        host.pools.define("<pool type='dir'><name/></pool>")
    assert not isinstance(caught.value, Absent)


# --- volumes
def test_a_volume_is_created_listed_and_read(host: Host, vms: str, folder: Path) -> None:
    assert host.volumes.create(vms, "root.qcow2", volume())

    found = host.volumes.get(vms, "root.qcow2")
    assert (found.pool, found.name, found.capacity) == (vms, "root.qcow2", 64 * MIB)
    assert (found.format, found.backing) == ("qcow2", None)
    assert found.path == str(folder / "root.qcow2")
    assert host.volumes.list([vms]) == [found]


def test_a_volume_that_is_there_is_not_created_again(host: Host, vms: str) -> None:
    assert host.volumes.create(vms, "root.qcow2", volume())
    assert not host.volumes.create(vms, "root.qcow2", volume(mib=128))
    assert host.volumes.get(vms, "root.qcow2").capacity == 64 * MIB


def test_a_file_that_libvirt_has_not_seen_is_not_overwritten(host: Host, vms: str, folder: Path) -> None:
    (folder / "root.qcow2").write_bytes(b"precious")
    assert not host.volumes.create(vms, "root.qcow2", volume())
    assert (folder / "root.qcow2").read_bytes() == b"precious"


def test_only_what_is_wanted_is_looked_into(host: Host, vms: str) -> None:
    for name in ("a.qcow2", "b.qcow2"):
        host.volumes.create(vms, name, volume(name))
    asked: list[tuple[str, str]] = []

    def wanted(pool: str, name: str) -> bool:
        asked.append((pool, name))
        return name == "b.qcow2"

    assert [found.name for found in host.volumes.list([vms], wanted)] == ["b.qcow2"]
    assert sorted(asked) == [(vms, "a.qcow2"), (vms, "b.qcow2")]


def test_a_pool_that_vanished_has_no_volumes(host: Host, vms: str) -> None:
    host.volumes.create(vms, "root.qcow2", volume())
    assert [found.pool for found in host.volumes.list(["gone", vms])] == [vms]


def test_a_volume_in_a_stopped_pool_is_no_answer(host: Host, vms: str) -> None:
    host.volumes.create(vms, "root.qcow2", volume())
    host.pools.stop(vms)
    for look in (lambda: host.volumes.get(vms, "root.qcow2"), lambda: host.volumes.list([vms])):
        with pytest.raises(LibvirtFailure) as caught:
            look()
        assert not isinstance(caught.value, Absent)


def test_a_volume_grows_and_never_shrinks(host: Host, vms: str) -> None:
    host.volumes.create(vms, "root.qcow2", volume())
    for _ in range(2):
        host.volumes.resize(vms, "root.qcow2", 128 * MIB)
        assert host.volumes.get(vms, "root.qcow2").capacity == 128 * MIB
    with pytest.raises(LibvirtFailure, match="never shrunk"):
        host.volumes.resize(vms, "root.qcow2", 64 * MIB)
    assert host.volumes.get(vms, "root.qcow2").capacity == 128 * MIB


def test_an_overlay_says_what_it_rests_on(host: Host, vms: str, folder: Path) -> None:
    host.volumes.create(vms, "base.qcow2", volume("base.qcow2"))
    host.volumes.create(vms, "over.qcow2", volume("over.qcow2", backing=str(folder / "base.qcow2")))
    assert host.volumes.get(vms, "over.qcow2").backing == str(folder / "base.qcow2")


def test_deleting_a_volume_twice_is_as_good_as_once(host: Host, vms: str) -> None:
    host.volumes.create(vms, "root.qcow2", volume())
    for _ in range(2):
        host.volumes.delete(vms, "root.qcow2")
        assert host.volumes.list([vms]) == []


def test_a_volume_that_is_not_there_is_absent(host: Host, vms: str) -> None:
    with pytest.raises(Absent, match="root"):
        host.volumes.get(vms, "root.qcow2")
    with pytest.raises(Absent, match="root"):
        host.volumes.resize(vms, "root.qcow2", MIB)


def test_refresh_finds_new_files(host: Host, vms: str, folder: Path) -> None:
    (folder / "new.raw").write_bytes(bytes(512))
    assert host.volumes.list([vms]) == []
    host.volumes.refresh(vms)
    assert [found.name for found in host.volumes.list([vms])] == ["new.raw"]
