"""adapters.libvirt.Volumes: contents, on QEMU's driver alone (the test driver has no streams)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvmspec.adapters.libvirt import Host, upload
from tests.contract.definitions import pool, volume

pytestmark = pytest.mark.libvirtd
MIB = 2**20


@pytest.fixture
def uri(clean_host: object) -> str:
    return str(clean_host.uri)  # type: ignore[attr-defined]


@pytest.fixture
def vms(host: Host, folder: Path) -> str:
    host.pools.define(pool(folder))
    host.pools.start("vms")
    return "vms"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [1, 511, 65535, 65536, 65537, 3 * MIB + 17])
def test_every_byte_arrives(host: Host, vms: str, folder: Path, tmp_path: Path, size: int) -> None:
    source = tmp_path / "image"
    source.write_bytes(os.urandom(size))
    told: list[int] = []
    host.volumes.place(vms, "base", source, report=told.append)
    assert digest(folder / "base") == digest(source)
    assert told[-1] == size and not host.volumes.is_unfinished(vms, "base")


def test_bytes_of_memory_arrive(host: Host, vms: str, folder: Path) -> None:
    content = b"\1" + bytes(300_000) + b"end"
    host.volumes.place(vms, "seed.iso", content)
    assert (folder / "seed.iso").read_bytes() == content


def test_holes_stay_holes(host: Host, vms: str, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "image"
    with source.open("wb") as file:
        file.write(b"head" * 1000)
        file.seek(200 * MIB)
        file.write(b"middle")
        file.truncate(300 * MIB)
    host.volumes.place(vms, "base", source)
    placed = folder / "base"
    assert placed.stat().st_size == 300 * MIB and digest(placed) == digest(source)
    assert placed.stat().st_blocks * 512 < 2 * MIB


def test_only_the_owner_reads_what_is_secret(host: Host, vms: str, folder: Path) -> None:
    host.volumes.place(vms, "seed.iso", b"password", mode="0600")
    assert (folder / "seed.iso").stat().st_mode & 0o777 == 0o600


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sections=st.lists(st.tuples(st.booleans(), st.integers(1, 700)), min_size=1, max_size=6))
def test_data_and_holes_of_any_length(
    host: Host, vms: str, folder: Path, tmp_path: Path, sections: list[tuple[bool, int]]
) -> None:
    """Sections longer than a piece, or than a buffer, and holes between them."""
    source = tmp_path / "image"
    with source.open("wb") as file:
        file.write(b"\1")
        for is_data, kib in sections:
            if is_data:
                file.write(os.urandom(kib * 1024))
            else:
                file.seek(kib * 1024, os.SEEK_CUR)
        file.truncate(file.tell())
    host.volumes.delete(vms, "base")
    host.volumes.place(vms, "base", source)
    assert digest(folder / "base") == digest(source)


def test_what_is_whole_is_not_written_again(host: Host, vms: str, folder: Path) -> None:
    host.volumes.place(vms, "base", b"first")
    host.volumes.place(vms, "base", b"second")
    assert (folder / "base").read_bytes() == b"first"


def test_an_upload_that_was_cut_off_is_seen_and_made_anew(
    host: Host, vms: str, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "image"
    source.write_bytes(os.urandom(MIB))
    host.volumes.create(vms, "base", volume("base", 1, "raw"))
    conn = host.conn
    handle = conn.storagePoolLookupByName(vms).storageVolLookupByName("base")
    with source.open("rb") as file:  # all but the head, as after a kill
        upload._send(conn, handle, file, upload.HEAD, MIB - upload.HEAD, lambda done: None)
    assert host.volumes.is_unfinished(vms, "base")
    host.volumes.place(vms, "base", source)
    assert digest(folder / "base") == digest(source) and not host.volumes.is_unfinished(vms, "base")


def test_the_format_is_told_from_what_arrived(host: Host, vms: str, folder: Path, tmp_path: Path) -> None:
    host.volumes.create(vms, "model", volume("model", 1))
    copy = tmp_path / "copy.qcow2"
    copy.write_bytes((folder / "model").read_bytes())
    host.volumes.place(vms, "base", copy)
    found = host.volumes.get(vms, "base")
    assert (found.format, found.capacity) == ("qcow2", MIB)


def test_a_full_copy_is_made_once(host: Host, vms: str, folder: Path) -> None:
    host.volumes.place(vms, "base", b"data" * 16384)
    xml = '<volume><name>own</name><capacity unit="bytes">65536</capacity><target><format type="qcow2"/></target></volume>'
    assert host.volumes.create_from(vms, "own", xml, (vms, "base"))
    assert not host.volumes.create_from(vms, "own", xml, (vms, "base"))
    found = host.volumes.get(vms, "own")
    assert (found.format, found.capacity, found.backing) == ("qcow2", 65536, None)
