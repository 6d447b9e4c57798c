"""Images from a real server: what is fetched is right, and nothing else is kept."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kvmspec.core.errors import ImageError, NotCached
from kvmspec.images import store as stores
from kvmspec.images.facts import ImageFacts
from kvmspec.images.library import Library
from kvmspec.images.source import ImageSource
from tests.unit.images.conftest import MakeLibrary
from tests.unit.images.samples import KIB, MIB, PACK, iso, noise, qcow2, raw, sha256, sha512
from tests.unit.images.server import Page, Server

TOP = Path(__file__).resolve().parents[3]


def silent(_: str) -> None:
    pass


def kept(library: Library) -> list[str]:
    """Every file of the cache that holds bytes of an image."""
    folder = library._store.folder
    found = [path for name in ("content", "partial") for path in (folder / name).glob("*")]
    return sorted(path.name for path in found)


def refused(library: Library, source: ImageSource, *words: str) -> ImageError:
    """The image cannot be pulled; the error has these words, and nothing is kept."""
    with pytest.raises(ImageError) as caught:
        library.pull(source, silent)
    text = f"{caught.value.message} {caught.value.hint}"
    assert all(word in text for word in (source.name, *words)), text
    assert kept(library) == []
    return caught.value


@pytest.mark.parametrize("packed", [None, "gz", "xz", "zst"])
@pytest.mark.parametrize(("form", "data"), [("qcow2", qcow2()), ("raw", raw()), ("iso", iso())])
def test_every_format_packed_in_every_way(
    library: Library, server: Server, form: str, data: bytes, packed: str | None
) -> None:
    sent = PACK[packed](data) if packed else data
    source = ImageSource("a", server.put("/image", sent), checksum=sha256(sent))
    facts = library.inspect(source)
    image = library.fetch(source, facts, silent)
    assert image.path.read_bytes() == data
    assert facts[:2] == (hashlib.sha256(sent).hexdigest(), form) and facts.download == len(sent)
    assert image[1:] == (form, 10 * MIB if form == "qcow2" else len(data), len(data))
    assert facts.capacity == (0 if packed and form != "qcow2" else image.capacity)
    assert stat.S_IMODE(image.path.stat().st_mode) == 0o444
    assert library.inspect(source) == facts._replace(download=0, capacity=image.capacity)


def test_what_is_in_the_cache_is_not_fetched_again(make_library: MakeLibrary, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw()), checksum=sha512(raw()))
    first = make_library().pull(source, silent)
    requests = len(server.seen)
    offline = make_library(offline=True)
    assert offline.fetch(source, offline.inspect(source), silent) == first
    assert make_library().pull(source, silent) == offline.pull(source, silent) == first
    assert len(server.seen) == requests


def test_unpacked_zeros_take_no_room(library: Library, server: Server) -> None:
    data = noise(64 * KIB) + bytes(64 * MIB) + noise(64 * KIB) + bytes(512)
    sent = PACK["gz"](data)
    image = library.pull(ImageSource("a", server.put("/a.gz", sent), checksum=sha256(sent)), silent)
    assert image.path.read_bytes() == data
    assert image.path.stat().st_blocks * 512 <= MIB
    (entry,) = library.entries()
    assert entry.size <= MIB and entry.digest == sha256(sent) and entry.state == "cached"


# Checksums


@pytest.mark.parametrize("make", [sha256, sha512])
def test_a_wrong_checksum(library: Library, server: Server, make: object) -> None:
    wrong = (sha256 if make is sha256 else sha512)(b"other")
    error = refused(
        library, ImageSource("a", server.put("/a", raw()), checksum=wrong), "is not what its checksum says"
    )
    assert wrong.partition(":")[2] in error.message


def test_a_file_of_checksums(library: Library, server: Server) -> None:
    data, listing = qcow2(), "/SHA512SUMS"
    server.put(listing, f"{sha512(data)[7:]}  a.qcow2\n".encode())
    source = ImageSource("a", server.put("/a.qcow2", data), checksum=server.url(listing))
    assert library.identity(source) is None
    library.pull(source, silent)
    assert library.identity(source) == sha512(data)[7:]


def test_a_newer_image_is_seen_by_its_file_of_checksums(library: Library, server: Server) -> None:
    old, new = qcow2(), qcow2(11 * MIB)
    server.put("/SUMS", f"{sha256(old)[7:]} *a.img".encode())
    source = ImageSource("a", server.put("/a.img", old), checksum=server.url("/SUMS"))
    first = library.pull(source, silent)
    server.put("/SUMS", f"{sha256(new)[7:]} *a.img".encode())
    server.put("/a.img", new)
    assert library.inspect(source).capacity == first.capacity  # what was pulled stays what is meant
    assert library.pull(source, silent).capacity == 11 * MIB


def test_a_file_of_checksums_that_is_not_there(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw()), checksum=server.url("/SUMS"))
    refused(library, source, "/SUMS", "404 Not Found")


# Servers that misbehave


def test_an_answer_that_is_cut_is_resumed(library: Library, server: Server) -> None:
    data = noise(MIB)
    source = ImageSource("a", server.put("/a", data, cut=2, cut_at=300_000), checksum=sha256(data))
    facts = library.inspect(source)
    assert library.fetch(source, facts, silent).path.read_bytes() == data
    assert [seen.range for seen in server.seen][1:] == ["", "bytes=300000-", "bytes=600000-"]


@pytest.mark.parametrize("how", [{"ranges": False}, {"etag": "", "modified": ""}, {"etag": 'W/"weak"'}])
def test_a_cut_answer_of_a_server_that_cannot_resume(
    library: Library, server: Server, how: dict[str, object]
) -> None:
    data = noise(MIB)
    source = ImageSource("a", server.put("/a", data, cut=1, **how), checksum=sha256(data))
    assert library.pull(source, silent).path.read_bytes() == data
    assert not any(seen.range.endswith("-") for seen in server.seen) or not server.pages["/a"].ranges


@pytest.mark.parametrize("ranges", [False, True])
def test_a_server_that_always_cuts(library: Library, server: Server, ranges: bool) -> None:
    """It is given up where nothing new comes; a part that can be resumed may stay, under no final name."""
    data = noise(MIB)
    url = server.put("/a", data, cut=99, ranges=ranges, etag='"one"' if ranges else "")
    source = ImageSource("a", url, checksum=sha256(data))
    if ranges:
        assert library.pull(source, silent).path.read_bytes() == data
        return
    refused(library, source, "tried 3 times")
    assert len(server.seen) == 4  # a look, and three tries


def test_a_cut_part_that_can_be_resumed_is_kept(make_library: MakeLibrary, server: Server) -> None:
    data = noise(MIB)
    source = ImageSource("a", server.put("/a", data, cut=1), checksum=sha256(data))
    library = make_library()
    facts = library.inspect(source)

    def vanish(_: str) -> None:
        server.pages["/a"].status = 404

    server.pages["/a"].pause = 0.1
    with pytest.raises(ImageError, match="404"):
        library.fetch(source, facts, vanish)
    assert [entry.state for entry in library.entries()] == ["partial"]
    server.put("/a", data)
    assert library.inspect(source).download == len(data) - 300_000
    assert library.pull(source, silent).path.read_bytes() == data
    assert server.seen[-1].range == "bytes=300000-"


def test_an_image_that_changes_while_it_is_fetched(library: Library, server: Server) -> None:
    """The rest would be of another content: If-Range makes the server send all of it anew."""
    old, new = noise(MIB), noise(MIB, 2)
    source = ImageSource("a", server.put("/a", old, cut=1, pause=0.1), checksum=sha256(new))
    facts = library.inspect(source)
    image = library.fetch(source, facts, lambda _: server.pages.update({"/a": Page(new, etag='"two"')}))
    assert image.path.read_bytes() == new
    assert server.seen[-1].range == "bytes=300000-"


def test_a_server_that_is_busy(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw(), busy=2), checksum=sha256(raw()))
    assert library.pull(source, silent).format == "raw"


def test_a_server_that_stays_busy(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw(), busy=99), checksum=sha256(raw()))
    refused(library, source, "503 Service Unavailable", "tried 3 times")


def test_a_server_that_is_not_there(library: Library) -> None:
    refused(
        library, ImageSource("a", "http://127.0.0.1:9/a", checksum=sha256(b"")), "refused", "tried 3 times"
    )


@pytest.mark.parametrize(("status", "word"), [(404, "newer image"), (403, "password"), (500, "tried")])
def test_a_server_that_refuses(library: Library, server: Server, status: int, word: str) -> None:
    source = ImageSource("a", server.put("/a", b"", status=status), checksum=sha256(b""))
    refused(library, source, str(status), word)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
@pytest.mark.parametrize("data", [b"\n<!DOCTYPE html><title>Log in</title>", b"<html>" + noise(MIB)])
def test_a_web_page_in_the_place_of_an_image(
    library: Library, server: Server, data: bytes, kind: str
) -> None:
    source = ImageSource("a", server.put("/a.qcow2", data, kind=kind), checksum=sha256(data))
    refused(library, source, "is a web page, not an image")


def test_an_image_that_the_server_calls_a_web_page(library: Library, server: Server) -> None:
    url = server.put("/a.qcow2", qcow2(), kind="text/html")
    assert library.pull(ImageSource("a", url, checksum=sha256(qcow2())), silent).format == "qcow2"


def test_an_answer_without_a_length(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw(), length=False), checksum=sha256(raw()))
    server.pages["/a"].ranges = False
    assert library.inspect(source).download == 0
    assert library.pull(source, silent).path.read_bytes() == raw()


# TLS and redirects


def test_https_with_a_ca_of_our_own(library: Library, safe_server: Server) -> None:
    source = ImageSource("a", safe_server.put("/a", raw()))
    assert library.pull(source, silent).path.read_bytes() == raw()


def test_https_with_an_unknown_ca(make_library: MakeLibrary, safe_server: Server) -> None:
    source = ImageSource("a", safe_server.put("/a", raw()))
    refused(make_library(environ={}), source, "certificate is not trusted", "SSL_CERT_FILE")
    assert not safe_server.seen


def test_a_redirect(library: Library, server: Server) -> None:
    server.put("/b", raw())
    url = server.put("/a", b"", redirect="/b")
    assert library.pull(ImageSource("a", url, checksum=sha256(raw())), silent).format == "raw"


@pytest.mark.parametrize("checksum", [None, sha256(raw())])
def test_a_redirect_from_https_to_http(
    library: Library, safe_server: Server, server: Server, checksum: str | None
) -> None:
    url = safe_server.put("/a", b"", redirect=server.put("/b", raw()))
    refused(library, ImageSource("a", url, checksum=checksum), "redirects to http://", "not https")
    assert not server.seen


def test_passwords_are_used_and_never_shown_or_recorded(
    library: Library, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    server.put("/a", raw())
    server.put("/gone", b"", status=404)
    said: list[str] = []
    url = server.url("/a", "joe:hunter2@") + "?token=hunter3"
    image = library.pull(ImageSource("a", url, checksum=sha256(raw())), said.append)
    assert server.seen[0].authorization.startswith("Basic ")
    with pytest.raises(ImageError) as caught:
        library.pull(ImageSource("b", url.replace("/a", "/gone"), checksum=sha256(b"")), said.append)
    files = [path for path in library._store.folder.rglob("*") if path.is_file() and path != image.path]
    everything = "".join(
        [*said, str(caught.value), *map(str, library.entries()), *map(str, files), *capfd.readouterr()]
    ).encode() + b"".join(path.read_bytes() for path in files)
    assert b"hunter" not in everything and b"127.0.0.1" in everything


def test_certificates_that_cannot_be_read(make_library: MakeLibrary, tmp_path: Path) -> None:
    library = make_library(environ={"SSL_CERT_FILE": str(tmp_path / "none.pem")})
    refused(library, ImageSource("a", "https://localhost:9/a"), "SSL_CERT_FILE", "none.pem")


def test_the_proxy_of_the_environment(
    library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy is asked for the whole URL; not for what NO_PROXY names."""
    monkeypatch.setenv("HTTP_PROXY", server.url(""))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.put("http://images.lan/a", raw())
    server.put("/b", raw(seed=2))
    library.pull(ImageSource("a", "http://images.lan/a", checksum=sha256(raw())), silent)
    library.pull(ImageSource("b", server.url("/b"), checksum=sha256(raw(seed=2))), silent)
    assert {seen.path for seen in server.seen} == {"http://images.lan/a", "/b"}


def test_a_proxy_that_cannot_be_used(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://joe:hunter2@proxy")
    error = refused(library, ImageSource("a", "http://x.lan/a", checksum=sha256(b"")), "proxy")
    assert "hunter" not in str(error) + error.hint


# Without a checksum


def test_without_a_checksum_the_server_tells_a_change(library: Library, safe_server: Server) -> None:
    source = ImageSource("a", safe_server.put("/a", raw()))
    first = library.inspect(source)
    safe_server.put("/a", raw(seed=2), etag='"two"')
    with pytest.raises(ImageError, match=r"image a: .* changed since it was planned"):
        library.fetch(source, first, silent)
    assert kept(library) == []
    second = library.inspect(source)
    assert second.identity != first.identity
    assert library.fetch(source, second, silent).path.read_bytes() == raw(seed=2)


def test_without_a_checksum_and_without_a_word(library: Library, safe_server: Server) -> None:
    url = safe_server.put("/a", raw(), etag="", length=False, ranges=False)
    refused(library, ImageSource("a", url), "says nothing by which a change could be seen", "`checksum`")


# Local files


@pytest.mark.parametrize("by_url", [False, True])
def test_a_local_file_is_used_where_it_is(library: Library, tmp_path: Path, by_url: bool) -> None:
    file = tmp_path / "a image.raw"
    file.write_bytes(raw())
    url = file.as_uri() if by_url else None
    source = ImageSource("a", url, None if by_url else file, sha512(raw()))
    facts = library.inspect(source)
    assert facts == ImageFacts(sha512(raw())[7:], "raw", MIB, 0)
    assert library.fetch(source, facts, silent).path == file
    assert library.entries() == []


def test_a_local_file_in_a_local_file_of_checksums(library: Library, tmp_path: Path) -> None:
    file, sums = tmp_path / "50%?#.raw", tmp_path / "SUMS"
    file.write_bytes(raw())
    sums.write_text(f"{sha256(raw())[7:]}  {file.name}\n")
    source = ImageSource("a", path=file, checksum=sums.as_uri())
    assert library.pull(source, silent).path == file
    assert library.identity(source) == sha256(raw())[7:]


def test_a_local_file_that_is_compressed(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "a.qcow2.xz"
    file.write_bytes(PACK["xz"](qcow2()))
    image = library.pull(ImageSource("a", path=file), silent)
    assert image.path.read_bytes() == qcow2() and file.exists()
    assert library.inspect(ImageSource("a", path=file)).capacity == 10 * MIB


def test_the_digest_of_a_local_file_is_remembered(library: Library, tmp_path: Path) -> None:
    file, source = tmp_path / "a", ImageSource("a", path=tmp_path / "a")
    assert library.identity(source) is None
    file.write_bytes(raw())
    os.utime(file, (1, 1))
    assert library.identity(source) == sha256(raw())[7:]
    (note,) = (library._store.folder / "files").iterdir()
    note.write_text(note.read_text().replace(sha256(raw())[7:], "0" * 64))
    assert library.identity(source) == "0" * 64  # looked up, not read
    os.utime(file, (2, 2))
    assert library.identity(source) == sha256(raw())[7:]


def test_a_local_file_that_changes_after_the_plan(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(raw())
    source = ImageSource("a", path=file)
    facts = library.inspect(source)
    file.write_bytes(raw(seed=2))
    with pytest.raises(ImageError, match="changed since it was planned"):
        library.fetch(source, facts, silent)


def test_local_files_that_cannot_be_had(library: Library, tmp_path: Path) -> None:
    refused(library, ImageSource("a", path=tmp_path / "none"), "No such file", "relative to the manifest")
    refused(library, ImageSource("a", path=tmp_path), "no regular file")  # a folder
    refused(library, ImageSource("a", "file://nas/a.img"), "another machine")
    (tmp_path / "a").write_bytes(raw())
    refused(
        library, ImageSource("a", path=tmp_path / "a", checksum=sha256(b"")), "not what its checksum says"
    )


# Offline


def test_offline(make_library: MakeLibrary, server: Server) -> None:
    library = make_library(offline=True)
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    for act in (library.inspect, lambda source: library.pull(source, silent)):
        with pytest.raises(NotCached, match="not in the cache") as caught:
            act(source)
        assert "kvmspec image pull" in caught.value.hint and caught.value.exit_code == 1
    assert not server.seen


# A full disk, a folder that is not ours, a damaged cache


def test_a_disk_without_room_is_seen_before_the_download(
    library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvmspec.images.transfer.room", lambda _: 1000)
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    refused(library, source, "has no room: 1MiB are to be written, 1KiB may be", "image prune")


def test_a_disk_that_runs_full(library: Library, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kvmspec.images.sparse.SparseFile.finish", full)
    sent = PACK["gz"](raw())
    refused(library, ImageSource("a", server.put("/a", sent), checksum=sha256(sent)), "has no room left")


@pytest.mark.parametrize("packed", ["gz", "xz", "zst"])
def test_a_bomb(library: Library, server: Server, packed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kvmspec.images.fetching.LARGEST", 20 * MIB)
    sent = PACK[packed](noise(64 * KIB) + bytes(40 * MIB))
    source = ImageSource("a", server.put("/a", sent), checksum=sha256(sent))
    refused(library, source, "larger than 2TiB")


def test_unpacking_stops_before_the_disk_is_full(
    library: Library, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvmspec.images.fetching.room", lambda _: 0)
    sent = PACK["zst"](noise(64 * KIB) + bytes(100 * MIB))
    refused(library, ImageSource("a", server.put("/a", sent), checksum=sha256(sent)), "has no room left")


@pytest.mark.parametrize("packed", ["gz", "xz", "zst"])
@pytest.mark.parametrize("end", [-1, -200_000])
def test_a_packed_image_without_its_end(library: Library, server: Server, packed: str, end: int) -> None:
    sent = PACK[packed](raw())[:end]
    source = ImageSource("a", server.put("/a", sent), checksum=sha256(sent))
    refused(library, source, "damaged", "fetch or pack it again")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written(library: Library, server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    refused(library, source, "cannot be written", "XDG_CACHE_HOME")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"size": "x", "format": 3}', b"\xff\xfe", b"{}"])
def test_a_damaged_index_is_as_good_as_none(library: Library, server: Server, damage: bytes) -> None:
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    library.pull(source, silent)
    for path in library._store.folder.rglob("*.json"):
        path.write_bytes(damage)
    library.entries()
    assert library.pull(source, silent).path.read_bytes() == raw()


def test_an_image_of_the_cache_that_was_cut_is_fetched_again(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    path = library.pull(source, silent).path
    path.chmod(0o600)
    path.write_bytes(b"cut")
    assert library.pull(source, silent).path.read_bytes() == raw()


@pytest.mark.parametrize("identity", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_an_identity_is_a_digest_and_nothing_else(library: Library, server: Server, identity: str) -> None:
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    with pytest.raises(ImageError, match="is no identity"):
        library.fetch(source, ImageFacts(identity, "raw", 0, 0), silent)


def test_facts_of_another_format(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", raw()), checksum=sha256(raw()))
    facts = library.inspect(source)
    with pytest.raises(ImageError, match="was qcow2 of 5 when it was planned"):
        library.fetch(source, facts._replace(format="qcow2", capacity=5), silent)


# Prune


def test_prune(library: Library, server: Server) -> None:
    sources = [
        ImageSource(f"i{n}", server.put(f"/{n}", raw(seed=n)), checksum=sha256(raw(seed=n))) for n in range(3)
    ]
    for source in sources:
        library.pull(source, silent)
    keep = library.identity(sources[0])
    assert keep is not None
    assert {entry.name for entry in library.prune([keep])} == {"i1", "i2"}
    assert [entry.name for entry in library.entries()] == ["i0"]
    assert [entry.name for entry in library.prune([])] == ["i0"]
    assert kept(library) == []


def test_prune_leaves_what_is_being_fetched(library: Library, server: Server) -> None:
    source = ImageSource("a", server.put("/a", noise(MIB), pause=0.05), checksum=sha256(noise(MIB)))
    facts = library.inspect(source)
    fetching = threading.Thread(target=library.fetch, args=(source, facts, silent))
    fetching.start()
    while not list((library._store.folder / "partial").glob("*.part")):
        time.sleep(0.01)
    assert [entry.state for entry in library.entries()] == ["partial"]
    assert library.prune([]) == []
    fetching.join()
    assert [entry.state for entry in library.entries()] == ["cached"]


# Progress


def test_progress(library: Library, server: Server) -> None:
    said: list[str] = []
    source = ImageSource(
        "debian-12", server.put("/a", noise(2 * MIB), pause=0.03), checksum=sha256(noise(2 * MIB))
    )
    library.pull(source, said.append)
    assert said[-1] == "debian-12: fetched, 2MiB"
    assert 1 <= len(said) <= 8 and all(line.endswith(" left …") for line in said[:-1])
    assert said[0].startswith("debian-12: ") and "iB of 2MiB, " in said[0]


# Processes

PULL = """
import os, sys
from pathlib import Path
from kvmspec.images.library import Library
from kvmspec.images.source import ImageSource
folder, url, checksum = sys.argv[1:]
source = ImageSource("a", url, checksum=checksum)
library = Library(Path(folder), environ=os.environ)
print(library.fetch(source, library.inspect(source), lambda text: None).path)
"""


def start(library: Library, source: ImageSource) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PULL, str(library._store.folder), str(source.url), str(source.checksum)]
    return subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_download_once(library: Library, server: Server) -> None:
    data = noise(MIB)
    source = ImageSource("a", server.put("/a", data, pause=0.05), checksum=sha256(data))
    both = [start(library, source), start(library, source)]
    paths = {process.communicate()[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert [Path(path).read_bytes() for path in paths] == [data]
    assert server.whole("/a") == 1 and len(server.seen) <= 3


def test_killed_and_run_again(library: Library, server: Server) -> None:
    data = noise(4 * MIB)
    source = ImageSource("a", server.put("/a", data, pause=0.05), checksum=sha256(data))
    process = start(library, source)
    partial = library._store.partial(str(library.identity(source)))
    while not partial.path.exists() or partial.path.stat().st_size < MIB // 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    there = partial.path.stat().st_size
    assert 0 < there < len(data) and not list(library._store.content.glob("*"))
    server.pages["/a"].pause = 0
    assert library.inspect(source).download == len(data) - there
    assert library.pull(source, silent).path.read_bytes() == data
    assert server.seen[-1].range == f"bytes={there}-"
    assert kept(library) == sorted([partial.identity, f"{partial.identity}.json"])


@pytest.mark.parametrize("how", ["damaged", "complete", "too long", "changed"])
def test_what_an_earlier_run_left(library: Library, server: Server, how: str) -> None:
    data = noise(MIB)
    source = ImageSource("a", server.put("/a", data), checksum=sha256(data))
    partial = library._store.partial(sha256(data)[7:])
    partial.path.parent.mkdir(parents=True)
    partial.begin('"one"' if how != "changed" else '"zero"', len(data), "a", "")
    partial.path.write_bytes(
        {
            "damaged": noise(MIB // 2, 7),
            "complete": data,
            "too long": data + b"more",
            "changed": data[: MIB // 2],
        }[how]
    )
    before = len(server.seen)
    assert library.pull(source, silent).path.read_bytes() == data
    assert (len(server.seen) - before == 1) == (how == "complete")


def test_what_an_unpacking_left_that_was_killed(library: Library, server: Server) -> None:
    sent = PACK["xz"](raw())
    source = ImageSource("a", server.put("/a", sent), checksum=sha256(sent))
    partial = library._store.partial(sha256(sent)[7:])
    partial.path.parent.mkdir(parents=True)
    partial.unpacking.write_bytes(noise(2 * MIB))
    assert [(entry.state, entry.size) for entry in library.entries()] == [("partial", 2 * MIB)]
    assert len(library.prune([])) == 1 and kept(library) == []
    partial.unpacking.write_bytes(noise(2 * MIB))
    assert library.pull(source, silent).path.read_bytes() == raw()


def test_nothing_is_made_before_it_is_asked(make_library: MakeLibrary, tmp_path: Path) -> None:
    library = make_library()
    assert library.entries() == [] and library.prune([]) == []
    library.identity(ImageSource("a", "https://images.lan/a"))
    assert not (tmp_path / "cache").exists()
    assert stores.RESERVE >= 64 * MIB
