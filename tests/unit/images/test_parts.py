"""Checksum files, formats, unpacking, sparse files, progress: each by itself."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.core.errors import ImageError
from kvmspec.images.checksums import Digest, declared, find
from kvmspec.images.formats import HEAD, LARGEST, shape
from kvmspec.images.progress import Progress, amount, duration
from kvmspec.images.source import ImageSource, bare, shown
from kvmspec.images.sparse import BLOCK, SparseFile
from kvmspec.images.unpack import beginning, unpacked
from tests.unit.images.samples import KIB, MIB, PACK, iso, noise, qcow2, raw, sha256, sha512

A, B, LONG = "a" * 64, "b" * 64, "c" * 128
URL, SUMS = "https://u:p@x.lan/dir/img%20a.qcow2?t=1", "https://u:p@x.lan/dir/SHA256SUMS?k=2"
FEDORA = f"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# img a.qcow2: 591724544 bytes
SHA256 (img a.qcow2) = {A}
# other.raw.xz: 5 bytes
SHA256 (other.raw.xz) = {B}
-----BEGIN PGP SIGNATURE-----

iQIzBAEBCAAdFiEE{B}  img a.qcow2
=abcd
-----END PGP SIGNATURE-----
"""

FOUND = [
    (f"{A}  img a.qcow2", A),
    (f"{A.upper()} *img a.qcow2\r\n", A),
    (f"{B}  other\n{A}  ./img a.qcow2\n", A),
    (f"{LONG}  img a.qcow2", LONG),
    (f"{A}  img a.qcow2\n{LONG}  img a.qcow2", LONG),
    (f"SHA256 (img a.qcow2) = {A}\nSHA512 (img a.qcow2) = {LONG}", LONG),
    (f"SHA2-256(img a.qcow2)= {A}", A),
    (f"SHA256(img a.qcow2)= {A}", A),
    (f"MD5 (img a.qcow2) = {'d' * 32}\nSHA256 (img a.qcow2) = {A}", A),
    (f"{A}  dir/img a.qcow2\n{B}  old/img a.qcow2", A),
    (f"{B}  img a.qcow2\n{A}  dir/img a.qcow2", A),
    (f"{A}  elsewhere/img a.qcow2", A),
    (f"- {A}  img a.qcow2", A),
    (FEDORA, A),
    (f"{A}\n", A),
    (f"\ufeff{A}  img a.qcow2", A),
]
NOT_FOUND = [
    ("", "is no file of checksums"),
    ("<html>", "is no file of checksums"),
    (f"{A}  other.qcow2", "does not list img a.qcow2"),
    (f"{A}  my-img a.qcow2", "does not list img a.qcow2"),
    (f"{'d' * 32}  img a.qcow2", "only a md5 digest"),
    (f"{'d' * 40}  img a.qcow2", "only a sha1 digest"),
    (f"SHA3-256 (img a.qcow2) = {A}", "only a sha3-256 digest"),
    (f"SHA256 (img a.qcow2) = {LONG}", "only a sha256 digest"),
    (f"{A}  img a.qcow2\n{B}  img a.qcow2", "several sha256 digests"),
    (f"{A}\n{B}\n", "does not list"),
]


@pytest.mark.parametrize(("text", "digits"), FOUND)
def test_found(text: str, digits: str) -> None:
    assert find(text, URL, SUMS) == Digest("sha512" if digits == LONG else "sha256", digits)


@pytest.mark.parametrize(("text", "why"), NOT_FOUND)
def test_not_found(text: str, why: str) -> None:
    with pytest.raises(ImageError) as caught:
        find(text, URL, SUMS)
    assert why in caught.value.message and "https://x.lan/dir/SHA256SUMS?…" in caught.value.message


def test_what_the_tools_write(tmp_path: Path) -> None:
    """coreutils and OpenSSL themselves, with a name that coreutils escapes."""
    for name in ("img a.qcow2", "back\\slash.img", "plain.img"):
        file = tmp_path / name
        file.write_bytes(noise(100))
        for command in (["sha256sum"], ["sha512sum", "--tag"], ["sha512sum", "-b"], ["openssl", "sha256"]):
            if command[0] == "openssl" and "\\" in name:
                continue
            ran = subprocess.run([*command, name], cwd=tmp_path, capture_output=True, text=True, check=True)
            found = find(ran.stdout, file.as_uri(), SUMS)
            assert str(found) in (sha256(noise(100)), sha512(noise(100))), ran.stdout


_NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\"), min_size=1, max_size=20
)


@given(
    st.dictionaries(_NAMES, st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1),
    st.sampled_from(["{1}  {0}", "{1} *{0}", "SHA256 ({0}) = {1}"]),
)
def test_every_listed_name_is_found(listed: dict[str, str], style: str) -> None:
    text = "".join(style.format(*item) + "\n" for item in listed.items())
    for name, digits in listed.items():
        url = f"https://x.lan/{name.replace('%', '%25').replace('?', '%3F').replace('#', '%23')}"
        assert find(text, url, SUMS).digits == digits


@given(st.text())
def test_any_text_is_an_answer_or_an_error(text: str) -> None:
    try:
        find(text, URL, SUMS)
    except ImageError as error:
        assert "\n" not in error.message


def test_declared() -> None:
    assert declared(f"sha256:{A}") == Digest("sha256", A)
    assert declared("https://x.lan/SHA256SUMS") is None and declared(None) is None


# Formats

REFUSED = [
    (b"", "is empty"),
    (bytes(HEAD), "64KiB of zeros"),
    (bytes(512), "zeros"),
    (b"#!/bin/sh\necho\n" * 60, "is text"),
    (noise(1000), "no image that kvmspec knows"),
    (b"KDMV" + noise(508), "VMDK"),
    (b"# Disk DescriptorFile\nversion=1\n", "VMDK"),
    (b"vhdxfile" + noise(504), "VHDX"),
    (b"conectix" + noise(504), "VHD"),
    (noise(64) + b"\x7f\x10\xda\xbe" + noise(444), "VDI"),
    (noise(257) + b"ustar" + noise(762), "tar archive"),
    (b"PK\x03\x04" + noise(508), "zip"),
    (b"BZh9" + noise(508), "bzip2"),
    (b"\x1f\x8b" + noise(510), "compressed twice"),
    (qcow2(backing=256), "has a backing file"),
    (qcow2(version=2, backing=256), "has a backing file"),
    (qcow2(features=4), "keeps its data in another file"),
    (qcow2(features=2), "corrupt"),
    (qcow2(encryption=2), "encrypted"),
    (qcow2(version=1), "version 1"),
    (qcow2(size=0), "size of zero"),
    (qcow2(size=LARGEST + 1), "larger than 2TiB"),
    (qcow2()[:50], "cut off"),
]


@pytest.mark.parametrize(("data", "why"), REFUSED, ids=[f"{n} {why}" for n, (_, why) in enumerate(REFUSED)])
def test_no_disk_can_be_made_from_it(data: bytes, why: str) -> None:
    with pytest.raises(ImageError) as caught:
        shape(data[:HEAD], len(data), "x.lan/a")
    assert f"x.lan/a {why}" in caught.value.message or why in caught.value.message
    assert caught.value.hint or why == "is empty" or "cut off" in why


@pytest.mark.parametrize(
    ("data", "wanted"),
    [(qcow2(5 * MIB), ("qcow2", 5 * MIB)), (qcow2(version=2), ("qcow2", 10 * MIB)), (raw(), ("raw", MIB)),
     (iso(), ("iso", 128 * KIB)), (qcow2(features=0b11001), ("qcow2", 10 * MIB))],
)  # fmt: skip
def test_shape(data: bytes, wanted: tuple[str, int]) -> None:
    assert shape(data[:HEAD], len(data), "a") == wanted


@pytest.mark.parametrize(
    ("options", "why"),
    [([], ""), (["-o", "compat=0.10"], ""), (["-o", "extended_l2=on"], ""), (["-o", "compression_type=zstd"], ""),
     (["-o", "data_file=data"], "another file"), (["-b", "base", "-F", "raw"], "backing file"),
     (["-f", "vmdk"], "VMDK"), (["-f", "vhdx"], "VHDX"), (["-f", "vdi"], "VDI"), (["-f", "vpc"], "VHD")],
)  # fmt: skip
def test_what_qemu_img_writes(tmp_path: Path, options: list[str], why: str) -> None:
    (tmp_path / "base").write_bytes(raw(3 * MIB))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", *options, "a", "3M"]
    subprocess.run(command, cwd=tmp_path, check=True)
    data = (tmp_path / "a").read_bytes()
    if not why:
        assert shape(data[:HEAD], len(data), "a") == ("qcow2", 3 * MIB)
        return
    with pytest.raises(ImageError) as caught:
        shape(data[:HEAD], len(data), "a")
    assert why in caught.value.message and "qemu-img convert" in caught.value.hint


# Unpacking

_PARTS = st.lists(st.one_of(st.binary(max_size=300), st.integers(0, 3 * BLOCK).map(bytes)), max_size=6)


@given(_PARTS, st.sampled_from(sorted(PACK)), st.integers(1, 5000))
def test_unpacking_gives_back_what_was_packed(parts: list[bytes], packed: str, block: int) -> None:
    """Also where it was packed in several streams, and comes in blocks of any length."""
    data = b"".join(map(PACK[packed], parts))
    blocks = (data[start : start + block] for start in range(0, len(data), block))
    stream = io.BytesIO()
    with_holes = SparseFile(_Kept(stream))  # type: ignore[arg-type]
    for part in unpacked(blocks, packed, "a"):
        with_holes.write(part)
    with_holes.finish()
    assert stream.getvalue() == b"".join(parts)


class _Kept:
    """A BytesIO that can be truncated to more than it has, as a file can."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.write, self.seek, self.flush, self._stream = stream.write, stream.seek, stream.flush, stream

    def truncate(self, length: int) -> None:
        missing = length - len(self._stream.getvalue())
        self._stream.seek(0, io.SEEK_END)
        self._stream.write(bytes(missing))

    def fileno(self) -> int:
        return 1


@pytest.mark.parametrize(("tool", "packed"), [("gzip", "gz"), ("xz", "xz"), ("zstd", "zst")])
def test_what_the_tools_pack(tmp_path: Path, tool: str, packed: str) -> None:
    data = noise(MIB) + bytes(3 * MIB)
    (tmp_path / "a").write_bytes(data)
    sent = subprocess.run([tool, "-c", str(tmp_path / "a")], capture_output=True, check=True).stdout
    assert b"".join(unpacked([sent], packed, "a")) == data
    assert beginning(sent[: 64 * KIB], packed, 10_000, "a") == data[:10_000]


@pytest.mark.parametrize("packed", sorted(PACK))
def test_the_beginning_of_a_bomb_is_short(packed: str) -> None:
    assert beginning(PACK[packed](bytes(100 * MIB))[:HEAD], packed, HEAD, "a") == bytes(HEAD)


@pytest.mark.parametrize("packed", sorted(PACK))
def test_damaged(packed: str) -> None:
    sent = bytearray(PACK[packed](noise(MIB)))
    sent[12:40] = bytes(28)
    with pytest.raises(ImageError, match="a is damaged: it does not unpack"):
        for _ in unpacked([bytes(sent)], packed, "a"):
            pass


# Sources and progress


def test_a_source_shows_no_secret() -> None:
    source = ImageSource("a", URL, checksum=SUMS)
    assert source.shown == shown(URL) == "https://x.lan/dir/img%20a.qcow2?…"
    assert source.key == ImageSource("b", URL.replace("u:p@", "v:q@"), checksum=SUMS).key
    assert bare("sha256:" + A) == "sha256:" + A
    assert ImageSource("a", path=Path("/x")).shown == "/x"


def test_the_rate_and_the_time_left() -> None:
    said: list[str] = []
    now = [0.0]
    progress = Progress("debian-12", said.append, clock=lambda: now[0])
    progress.begin(100 * MIB, 350 * MIB)
    for _ in range(10):
        now[0] += 0.1
        progress.advance(4 * MIB)
    assert said[-1] == "debian-12: 136MiB of 350MiB, 40MiB/s, 5 s left …"
    assert len(said) == 3
    progress.begin(0, None)
    now[0] += 1
    progress.advance(5 * MIB)
    assert said[-1] == "debian-12: 5MiB, 5MiB/s …"


def test_amounts() -> None:
    assert [amount(n) for n in (0, 999, 1023, 5 * MIB, 1500 * MIB, 20 * 1024 * MIB, 3 * 1024**4)] == [
        "0B", "999B", "1KiB", "5MiB", "1.5GiB", "20GiB", "3.0TiB",
    ]  # fmt: skip
    assert [duration(n) for n in (0.4, 89, 200, 9000)] == ["0 s", "89 s", "3 min", "2 h"]
