"""What an image is, told by its first bytes; what no disk can be made from is refused by name.

qcow2: https://www.qemu.org/docs/master/interop/qcow2.html. ISO 9660: the volume descriptor's `CD001`
at 32 KiB + 1 (ECMA-119, 8.1.2).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from kvmspec.core.errors import ImageError

HEAD = 64 * 1024
"""Bytes that tell what an image is; placing one relies on that they are not all zero."""

LARGEST = 2 * 1024**4
"""Bytes that a guest may see of an image, and that one may unpack to: 2 TiB. An image is what an
installed system takes, and disks grow beyond it with `size:`; anything above is a mistake or a bomb."""

COMPRESSIONS = {b"\xfd7zXZ\0": "xz", b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}

_CONVERTED = "convert it: qemu-img convert -O qcow2 {file} image.qcow2"
_UNPACKED = "unpack it, and name the image inside"
_OTHERS = (
    (0, b"KDMV", "a VMDK", _CONVERTED),
    (0, b"COWD", "a VMDK", _CONVERTED),
    (0, b"# Disk DescriptorFile", "a VMDK's description, without its disk", _CONVERTED),
    (0, b"vhdxfile", "a VHDX", _CONVERTED),
    (0, b"conectix", "a VHD", _CONVERTED),
    (64, b"\x7f\x10\xda\xbe", "a VDI", _CONVERTED),
    (0, b"QED\0", "a QED image", _CONVERTED),
    (257, b"ustar", "a tar archive (an OVA is one)", f"{_UNPACKED}; of an OVA, convert the VMDK in it"),
    (0, b"PK\x03\x04", "a zip archive", _UNPACKED),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACKED),
    (0, b"BZh", "compressed by bzip2", "unpack it, or compress it by xz, gzip or zstd"),
    (0, b"LZIP", "compressed by lzip", "unpack it, or compress it by xz, gzip or zstd"),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4", "unpack it, or compress it by xz, gzip or zstd"),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_QCOW, _BACKING, _ENCRYPTION, _CORRUPT, _DATA_FILE = b"QFI\xfb", 8, 32, 1 << 1, 1 << 2


class Shape(NamedTuple):
    """The format of an image, and the bytes a guest sees; 0 where the head does not tell."""

    format: str
    capacity: int


def compression(head: bytes) -> str | None:
    """`xz`, `gz` or `zst`; None for what is not compressed."""
    return next((name for magic, name in COMPRESSIONS.items() if head.startswith(magic)), None)


def shape(head: bytes, length: int | None, what: str) -> Shape:
    """What the image is whose first bytes, uncompressed, are `head`: HEAD of them, or all there are.

    length  of the whole image in bytes, None where it is not known
    what    names it in errors

    Raises ImageError for what is no image, cannot be used, or reaches for other files.
    """
    _refuse_others(head, what)
    if head.startswith(_QCOW):
        found = Shape("qcow2", _qcow2_size(head, what))
    elif familiar(head):
        found = Shape("iso", length or 0)
    else:
        found = Shape("raw", length or 0)
        _check_raw(head, length, what)
    if found.capacity > LARGEST:
        raise too_large(what)
    return found


def too_large(what: str) -> ImageError:
    """The error for an image above LARGEST."""
    return ImageError(
        f"{what} is larger than 2TiB, the most that kvmspec takes for an image",
        hint="make a smaller image, and let the disk grow by `size:`",
    )


def familiar(head: bytes) -> bool:
    """Whether this is for certain an image, compressed or not, whatever a server calls it."""
    return compression(head) is not None or head.startswith(_QCOW) or head[32769:32774] == b"CD001"


def web_page(what: str) -> ImageError:
    """The error for a web page in the place of an image."""
    hint = "open the URL in a browser; it may ask to log in"
    return ImageError(f"{what} is a web page, not an image", hint=hint)


def _refuse_others(head: bytes, what: str) -> None:
    if not head:
        raise ImageError(f"{what} is empty")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:32].lower().startswith(_PAGES):
        raise web_page(what)
    for offset, magic, name, hint in _OTHERS:
        if head[offset:].startswith(magic):
            raise ImageError(f"{what} is {name}, which kvmspec cannot use", hint=hint.format(file="FILE"))
    if (packed := compression(head)) is not None:
        raise ImageError(f"{what} is compressed twice (inside: {packed})", hint="unpack it once")


def _check_raw(head: bytes, length: int | None, what: str) -> None:
    """Anything may be a raw image, except what would make no disk or could not be told from a half one."""
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head[:512]):
        raise ImageError(f"{what} is text, not an image", hint="look at it; the address may be wrong")
    if not head.strip(b"\0"):
        raise ImageError(
            f"{what} begins with 64KiB of zeros",
            hint="that is no image with a system on it; for an empty disk state `size:` alone",
        )
    if length is not None and length % 512:
        raise ImageError(
            f"{what} is no image that kvmspec knows",
            hint="a raw image is a multiple of 512 bytes long; its download may have been cut",
        )


def _qcow2_size(head: bytes, what: str) -> int:
    """The bytes a guest sees. Refuses a header that is no qcow2's, or that names other files."""
    if len(head) < 104:
        raise ImageError(f"{what} is a qcow2 image that was cut off")
    version, backing = struct.unpack_from(">IQ", head, 4)
    size: int = struct.unpack_from(">Q", head, 24)[0]
    (encryption,) = struct.unpack_from(">I", head, _ENCRYPTION)
    features = struct.unpack_from(">Q", head, 72)[0] if version >= 3 else 0
    faults = (
        (version not in (2, 3), f"is qcow2 of version {version}, which QEMU does not read", _CONVERTED),
        (backing, "has a backing file: it would read a file of the host", _FLATTEN),
        (features & _DATA_FILE, "keeps its data in another file, which it would read", _FLATTEN),
        (encryption, "is encrypted", "decrypt it: qemu-img convert; see its --object secret"),
        (features & _CORRUPT, "is marked as corrupt", "repair it: qemu-img check -r all {file}"),
        (size == 0, "has a size of zero", "fetch or build it again"),
    )
    for present, text, hint in faults:
        if present:
            raise ImageError(f"{what} {text}", hint=hint.format(file="FILE"))
    return size


_FLATTEN = "make it whole where that file is: qemu-img convert -O qcow2 {file} image.qcow2"
