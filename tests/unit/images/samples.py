"""Images to fetch: small, real, and a few that nobody should take."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import random
import struct

import zstandard

KIB, MIB = 1024, 1024**2
PACK = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(length)


def raw(length: int = MIB, seed: int = 1) -> bytes:
    """A raw image whose second half is a hole."""
    return noise(length // 2, seed) + bytes(length - length // 2)


def qcow2(
    size: int = 10 * MIB,
    *,
    version: int = 3,
    backing: int = 0,
    encryption: int = 0,
    features: int = 0,
    body: int = 128 * KIB,
) -> bytes:
    """A qcow2 image as far as its header goes."""
    header = struct.pack(">4sIQIIQI", b"QFI\xfb", version, backing, 8 if backing else 0, 16, size, encryption)
    header = header.ljust(72, b"\0") + struct.pack(">QQQII", features, 0, 0, 4, 104)
    return header + noise(body - len(header))


def iso(length: int = 128 * KIB) -> bytes:
    """A CD as far as its first volume descriptor goes."""
    return bytes(32 * KIB) + b"\x01CD001\x01" + noise(length - 32 * KIB - 7)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha512(data: bytes) -> str:
    return "sha512:" + hashlib.sha512(data).hexdigest()
