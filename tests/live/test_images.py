"""Images: fetched once, placed once on each host, disks made from them; killed anywhere, the bytes are right."""

from __future__ import annotations

import gzip
import lzma
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libvirt
import pytest
import zstandard

from tests.conftest import StartKvmspec
from tests.live.depot import Depot, backing_of, base_name, digest_of, iso, made_from, qcow2, raw, sha256
from tests.live.scene import MIB, idle_vm
from tests.support.guest import wait_for
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = pytest.mark.libvirtd
SNAPSHOT = "<domainsnapshot><name>before</name></domainsnapshot>"
PAGE = b"<!DOCTYPE html>\n<html><body>log in first</body></html>\n"
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "xz": lzma.compress,
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def test_fetched_once_placed_once_and_shared(depot: Depot, tmp_path: Path) -> None:
    data = qcow2(tmp_path)
    depot.write(
        depot.image("os.img", data), web=made_from(), db=made_from(size="3MiB"), own=made_from(clone="full")
    )
    text = depot.plan(expect=2)
    assert text.count("image/os") == 1 and "to download" in text
    assert depot.downloads == 0 and not depot.scene.pool.exists()

    depot.settle()
    assert depot.downloads == 1
    assert depot.bases() == [base_name(data)] and digest_of(depot.base(data)) == sha256(data)
    volume = depot.scene.volume
    assert [backing_of(volume(f"{name}-root.qcow2")) for name in ("web", "db", "own")] == [
        str(depot.base(data)),
        str(depot.base(data)),
        "",
    ]
    pool = depot.scene.conn.storagePoolLookupByName("vms")
    sizes = [pool.storageVolLookupByName(f"{name}-root.qcow2").info()[1] for name in ("web", "db", "own")]
    assert sizes == [MIB, 3 * MIB, MIB]


def test_raw_is_a_base_and_a_copy_as_well(depot: Depot) -> None:
    data = raw()
    vms = {"web": made_from(), "own": made_from(clone="full", format="raw")}
    depot.write(depot.image("os.raw", data), **vms)
    depot.settle()
    assert digest_of(depot.base(data)) == sha256(data)
    assert digest_of(depot.scene.volume("own-root.raw")) == sha256(data)
    assert "<format type='raw'/>" in depot.scene.xml("web") or backing_of(
        depot.scene.volume("web-root.qcow2")
    ) == str(depot.base(data))


@pytest.mark.parametrize("suffix", sorted(PACKED))
def test_compressed_lies_unpacked_in_the_pool(depot: Depot, suffix: str) -> None:
    data = raw() + bytes(MIB)
    packed = PACKED[suffix](data)
    depot.write(depot.image(f"os.raw.{suffix}", packed), web=made_from())
    depot.settle()
    assert depot.bases() == [base_name(packed)], "called after what was fetched"
    assert digest_of(depot.base(packed)) == sha256(data)


def test_a_path_beside_the_manifest(depot: Depot, tmp_path: Path) -> None:
    (tmp_path / "golden.raw").write_bytes(raw())
    depot.write({"path": "golden.raw"}, web=made_from())
    depot.settle()
    assert digest_of(depot.base(raw())) == sha256(raw())
    assert depot.kept() == [], "a file that is here is not copied into the cache"


def test_a_disk_smaller_than_its_image(depot: Depot, tmp_path: Path) -> None:
    path = depot.write(depot.image("os.img", qcow2(tmp_path, 4 * MIB)), web=made_from(size="2MiB"))
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "size: 2MiB" in text)
    with depot.scene.nothing_changes():
        text = depot.apply(expect=3)
    assert f"kvmspec.yaml:{line}:" in text and "4MiB" in text
    assert depot.downloads == 0


def test_a_wrong_checksum_leaves_nothing(depot: Depot) -> None:
    image = depot.image("os.img", raw()) | {"checksum": sha256(b"another")}
    depot.write(image, web=made_from())
    text = depot.apply(expect=1)
    assert sha256(raw()) in text and sha256(b"another").partition(":")[2] in text
    assert depot.kept() == depot.bases() == []
    assert not list(depot.cache.glob("partial/*"))
    assert depot.scene.domains() == set() and list(depot.scene.pool.glob("*")) == []


@pytest.mark.parametrize("checked", [True, False])
def test_a_web_page_is_no_image(depot: Depot, checked: bool) -> None:
    digest = sha256(PAGE if checked else b"the image")
    depot.write(depot.image("os.img", PAGE) | {"checksum": digest}, web=made_from())
    with depot.scene.nothing_changes():
        text = depot.apply(expect=1)
    assert "is a web page, not an image" in text
    assert depot.kept() == []


def test_no_such_file(depot: Depot) -> None:
    depot.write({"url": depot.served.url("gone.img"), "checksum": sha256(b"")}, web=made_from())
    with depot.scene.nothing_changes():
        assert "404 Not Found" in depot.apply(expect=1)


class TestNewer:
    """Another image under the same name."""

    @pytest.fixture
    def old(self, depot: Depot, tmp_path: Path) -> bytes:
        data = qcow2(tmp_path)
        depot.write(depot.image("os.img", data), web=made_from())
        depot.settle()
        return data

    def test_is_noted_and_only_new_vms_get_it(self, depot: Depot, old: bytes, tmp_path: Path) -> None:
        new = qcow2(tmp_path, seed=2)
        image = depot.image("os.img", new)
        depot.write(image, web=made_from())
        with depot.no_requests():
            text = depot.plan(expect=0)
        assert f"rests on {base_name(old)}; image os is {base_name(new)} now" in text
        assert "--replace vm/web/root" in text

        depot.write(image, web=made_from(), db=made_from())
        depot.settle()
        volume = depot.scene.volume
        assert backing_of(volume("web-root.qcow2")) == str(depot.base(old))
        assert backing_of(volume("db-root.qcow2")) == str(depot.base(new))

    def test_replaces_the_disk_of_a_stopped_vm(self, depot: Depot, old: bytes, tmp_path: Path) -> None:
        new = qcow2(tmp_path, seed=2)
        depot.write(depot.image("os.img", new), web=made_from())
        with depot.scene.nothing_changes():
            assert "--allow replace,data-loss" in depot.apply("--replace", "vm/web/root", expect=4)
        before = without_metadata(depot.scene.xml("web"))
        depot.settle("--replace", "vm/web/root", "--allow", "replace,data-loss")
        assert backing_of(depot.scene.volume("web-root.qcow2")) == str(depot.base(new))
        assert depot.base(old).exists(), "others may rest on it"
        assert without_metadata(depot.scene.xml("web")) == before

    def test_replaces_that_of_a_running_one(self, depot: Depot, tmp_path: Path) -> None:
        vm = idle_vm(disks=[{"name": "root", "image": "os"}], lifecycle={"force_off_after": "1s"})
        depot.write(depot.image("os.img", qcow2(tmp_path)), web=vm)
        depot.settle()
        number = depot.scene.domain("web").ID()
        new = qcow2(tmp_path, seed=2)
        depot.write(depot.image("os.img", new), web=vm)
        for allowed in ("restart", "restart,data-loss", "replace,data-loss"):
            depot.apply("--replace", "vm/web/root", "--allow", allowed, expect=4)
        assert depot.scene.domain("web").ID() == number and depot.bases() == depot.bases()[:1]
        depot.settle("--replace", "vm/web/root", "--allow", "restart,replace,data-loss")
        assert depot.scene.domain("web").isActive() and depot.scene.domain("web").ID() != number
        assert backing_of(depot.scene.volume("web-root.qcow2")) == str(depot.base(new))

    def test_a_newer_one_that_cannot_be_had_costs_nothing(
        self, depot: Depot, old: bytes, tmp_path: Path
    ) -> None:
        depot.write(
            depot.image("os.img", qcow2(tmp_path, seed=2)) | {"checksum": sha256(b"")}, web=made_from()
        )
        with depot.scene.nothing_changes():
            text = depot.apply("--replace", "vm/web/root", "--allow", "replace,data-loss", expect=1)
        assert "is not what its checksum says" in text

    def test_never_replaces_what_has_a_snapshot(self, depot: Depot, old: bytes) -> None:
        depot.scene.domain("web").snapshotCreateXML(SNAPSHOT)
        with depot.scene.nothing_changes():
            text = depot.apply("--replace", "vm/web/root", "--allow", "replace,data-loss", expect=4)
        assert "vm/web has snapshots" in text


def test_an_iso_in_the_drive(depot: Depot) -> None:
    drive = [{"name": "root", "size": "1MiB"}, {"cdrom": "os"}]
    depot.write(depot.image("tools.iso", iso(), kind="iso"), web=idle_vm(disks=drive))
    depot.settle()
    assert digest_of(depot.base(iso())) == sha256(iso())
    source = depot.scene.tree("web", active=True).find("devices/disk[@device='cdrom']/source")
    assert source is not None and source.get("file") == str(depot.base(iso()))


def test_offline(depot: Depot, tmp_path: Path) -> None:
    depot.write(depot.image("os.img", qcow2(tmp_path)), web=made_from())
    with depot.scene.nothing_changes(), depot.no_requests():
        text = depot.apply("--offline", expect=1)
    assert "is not in the cache" in text and "kvmspec image pull" in text
    depot.pull()
    with depot.no_requests():
        depot.apply("--offline")
        depot.plan("--offline", expect=0)
    assert depot.scene.domains() == {"web"}


def test_two_hosts(depot: Depot, clean_second_host: PrivateLibvirt, tmp_path: Path) -> None:
    hosts = {"hv1": depot.scene.host, "hv2": clean_second_host}
    data = qcow2(tmp_path)
    manifest = depot.manifest(
        depot.image("os.img", data), web=made_from() | {"host": "hv1"}, db=made_from() | {"host": "hv2"}
    )
    manifest["networks"] = {}
    manifest["hosts"] = {name: {"uri": host.uri} for name, host in hosts.items()}
    manifest["pools"]["vms"]["path"] = "/var/lib/libvirt/images/vms"  # each has its own below this path
    depot.scene.write(manifest)
    depot.cli("apply", "--yes", connect=False, expect=0)
    assert depot.downloads == 1
    placed = [host.directory / "lib/images/vms" / base_name(data) for host in hosts.values()]
    assert [digest_of(path) for path in placed] == [sha256(data)] * 2
    with depot.no_requests():
        depot.cli("plan", "--detailed-exitcode", connect=False, expect=0)


class TestKilled:
    """kvmspec dies of signal 9 and is run again."""

    def test_in_a_download(self, depot: Depot, start_kvmspec: StartKvmspec) -> None:
        data = raw(6 * MIB)
        depot.write(depot.image("os.raw", data), web=made_from())
        depot.served.rate = 2 * MIB
        part = depot.cache / "partial" / f"{sha256(data).partition(':')[2]}.part"
        run = start_kvmspec("apply", "--yes", depot.scene.path, connect=depot.scene.host)
        wait_for(lambda: part.exists() and part.stat().st_size > MIB, 20, what="a part of the download")
        kill(run)
        there, depot.served.rate = part.stat().st_size, None
        assert there < len(data) and depot.kept() == depot.bases() == []
        wait_for(lambda: depot.scene.domains() == set(), 20, what="the lock of a dead process goes by itself")

        before = len(depot.served.requests)
        depot.settle()
        ranges = [seen.range for seen in depot.served.requests[before:]]
        assert ranges[-1] == f"bytes={there}-", ranges
        assert "" not in ranges, "nothing is fetched from the beginning again"
        assert digest_of(depot.base(data)) == sha256(data)

    def test_in_an_upload(self, depot: Depot, start_kvmspec: StartKvmspec, tmp_path: Path) -> None:
        image = tmp_path / "large.raw"
        with image.open("wb") as file:
            for _ in range(224):
                file.write(os.urandom(MIB))
        base = depot.scene.volume(f"os-{digest_of(image).partition(':')[2][:12]}")
        vm = idle_vm(disks=[{"name": "root", "image": "os"}])
        depot.write({"path": str(image)}, web=vm)
        run = start_kvmspec("apply", "--yes", depot.scene.path, connect=depot.scene.host)
        wait_for(lambda: base.exists() and base.stat().st_blocks * 512 > 16 * MIB, 30, what="half an image")
        kill(run)
        assert digest_of(base) != digest_of(image), "it was killed too late"
        assert depot.scene.domains() == set()
        assert not depot.scene.volume("web-root.qcow2").exists()

        assert "its upload was cut off; it is uploaded again" in depot.plan("--verbose", expect=2)
        depot.settle()
        assert digest_of(base) == digest_of(image)
        assert backing_of(depot.scene.volume("web-root.qcow2")) == str(base)
        assert depot.scene.domain("web").isActive()

    def test_libvirtd_dies_in_an_upload(
        self, depot: Depot, start_kvmspec: StartKvmspec, tmp_path: Path
    ) -> None:
        image = tmp_path / "large.raw"
        with image.open("wb") as file:
            for _ in range(128):
                file.write(os.urandom(MIB))
        base = depot.scene.volume(f"os-{digest_of(image).partition(':')[2][:12]}")
        depot.write({"path": str(image)}, web=made_from())
        run = start_kvmspec("apply", "--yes", depot.scene.path, connect=depot.scene.host)
        wait_for(lambda: base.exists() and base.stat().st_blocks * 512 > 16 * MIB, 30, what="half an image")
        depot.scene.host.restart_daemon()
        assert run.wait(30) == 1
        assert "Traceback" not in run.communicate()[1]
        depot.scene.conn = depot.scene.host.connect()
        assert digest_of(base) != digest_of(image) and "web" not in depot.scene.domains()
        depot.settle()
        assert digest_of(base) == digest_of(image)

    def test_at_every_boundary(self, depot: Depot, tmp_path: Path) -> None:
        data = qcow2(tmp_path)
        vm = idle_vm(disks=[{"name": "root", "image": "os"}], cloud_init={"hostname": "web"})
        depot.scene.write(depot.manifest(depot.image("os.img", data), web=vm) | {"networks": {}})
        event = 1
        while (died := self.run(depot, kill_at=event))["code"] == -signal.SIGKILL:
            answer = self.run(depot)
            assert answer["code"] == 0 and not answer["failed"] and not answer["left"], (event, answer)
            assert digest_of(depot.base(data)) == sha256(data)
            assert depot.scene.domain("web").isActive()
            assert len(list(depot.scene.pool.glob("web-seed-*.iso"))) == 1
            depot.scene.wipe()
            event += 1
        assert died["code"] == 0 and event > 6, died

    def test_while_a_disk_is_made_anew(self, depot: Depot, tmp_path: Path) -> None:
        vm = idle_vm(disks=[{"name": "root", "image": "os"}], lifecycle={"force_off_after": "1s"})
        asked = {"replaced": ["vm/web/root"], "allow": ["restart", "replace", "data-loss"]}
        disk, event, number = depot.scene.volume("web-root.qcow2"), 1, 1
        depot.write(depot.image("os.img", qcow2(tmp_path)), web=vm)
        depot.apply()
        while True:
            new = qcow2(tmp_path, seed=(number := number + 1))
            depot.write(depot.image("os.img", new), web=vm)
            died = self.run(depot, kill_at=event, **asked)
            if died["code"] != -signal.SIGKILL:
                break
            was = disk.exists() and backing_of(disk)
            answer = self.run(depot)
            assert answer["code"] == 0 and not answer["failed"] and not answer["left"], (event, answer)
            assert backing_of(disk) == (was or str(depot.base(new))), "what is left is not touched"
            assert depot.scene.domain("web").isActive()
            event += 1
        assert died["code"] == 0 and event > 5, (event, died)

    def run(self, depot: Depot, **more: Any) -> dict[str, Any]:
        scene, env = depot.scene, {"HOME": str(depot.home)}
        return scene.forks.apply(scene.path, scene.host.uri, env=env, **more)


def without_metadata(xml: str) -> str:
    """Of its XML what libvirt reads: there kvmspec counts how often a disk was made anew."""
    return xml.partition("<metadata>")[0] + xml.partition("</metadata>")[2]


def kill(run: Any) -> None:
    run.kill()
    run.wait()


def test_an_upload_that_was_cut_off_is_no_base(depot: Depot) -> None:
    """Bytes that are there but for those that come last, as at the end of a long upload."""
    data = raw(2 * MIB)
    depot.write(depot.image("os.raw", data), web=made_from())
    depot.scene.pool.mkdir()
    depot.base(data).write_bytes(bytes(65536) + data[65536:])
    depot.settle()
    assert digest_of(depot.base(data)) == sha256(data)
    assert isinstance(depot.scene.domain("web"), libvirt.virDomain)
