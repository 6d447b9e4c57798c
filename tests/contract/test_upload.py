"""adapters.libvirt.Volumes: contents, on QEMU's driver alone (the test driver has no streams)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

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


def raw(name: str, size: int) -> str:
    return (
        f'<volume><name>{name}</name><capacity unit="bytes">{size}</capacity>'
        '<allocation unit="bytes">0</allocation><target><format type="raw"/></target></volume>'
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [1, 511, 65535, 65536, 65537, 3 * MIB + 17])
def test_every_byte_arrives(host: Host, vms: str, folder: Path, tmp_path: Path, size: int) -> None:
    source = tmp_path / "image"
    source.write_bytes(os.urandom(size))
    told: list[int] = []
    host.volumes.place(vms, "base", raw("base", size), source, told.append)
    assert digest(folder / "base") == digest(source)
    assert told[-1] == size and not host.volumes.is_unfinished(vms, "base")


def test_bytes_of_memory_arrive(host: Host, vms: str, folder: Path) -> None:
    content = b"\1" + bytes(300_000) + b"end"
    host.volumes.place(vms, "seed.iso", raw("seed.iso", len(content)), content)
    assert (folder / "seed.iso").read_bytes() == content


def test_holes_stay_holes(host: Host, vms: str, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "image"
    with source.open("wb") as file:
        file.write(b"head" * 1000)
        file.seek(200 * MIB)
        file.write(b"middle")
        file.truncate(300 * MIB)
    host.volumes.place(vms, "base", raw("base", 300 * MIB), source)
    placed = folder / "base"
    assert placed.stat().st_size == 300 * MIB and digest(placed) == digest(source)
    assert placed.stat().st_blocks * 512 < 2 * MIB


def test_what_is_whole_is_not_written_again(host: Host, vms: str, folder: Path) -> None:
    host.volumes.place(vms, "base", raw("base", 5), b"first")
    host.volumes.place(vms, "base", raw("base", 6), b"second")
    assert (folder / "base").read_bytes() == b"first"


def test_an_upload_that_was_cut_off_is_seen_and_made_anew(
    host: Host, vms: str, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "image"
    source.write_bytes(os.urandom(MIB))
    host.volumes.create(vms, "base", raw("base", MIB))
    conn = host.conn
    handle = conn.storagePoolLookupByName(vms).storageVolLookupByName("base")
    with source.open("rb") as file:  # all but the head, as after a kill
        upload._send(conn, handle, file, upload.HEAD, MIB - upload.HEAD, lambda done: None)
    assert host.volumes.is_unfinished(vms, "base")
    host.volumes.place(vms, "base", raw("base", MIB), source)
    assert digest(folder / "base") == digest(source) and not host.volumes.is_unfinished(vms, "base")


def test_the_format_is_told_from_what_arrived(host: Host, vms: str, folder: Path, tmp_path: Path) -> None:
    host.volumes.create(vms, "model", volume("model", 1))
    copy = tmp_path / "copy.qcow2"
    copy.write_bytes((folder / "model").read_bytes())
    size = copy.stat().st_size
    host.volumes.place(vms, "base", raw("base", size), copy)
    found = host.volumes.get(vms, "base")
    assert (found.format, found.capacity) == ("qcow2", MIB)


def test_a_full_copy_is_made_once(host: Host, vms: str, folder: Path) -> None:
    host.volumes.place(vms, "base", raw("base", 65536), b"data" * 16384)
    xml = '<volume><name>own</name><capacity unit="bytes">65536</capacity><target><format type="qcow2"/></target></volume>'
    assert host.volumes.create_from(vms, "own", xml, (vms, "base"))
    assert not host.volumes.create_from(vms, "own", xml, (vms, "base"))
    found = host.volumes.get(vms, "own")
    assert (found.format, found.capacity, found.backing) == ("qcow2", 65536, None)
