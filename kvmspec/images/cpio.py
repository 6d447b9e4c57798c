"""A cpio archive in the format of an initrd: `newc` (SVR4 without checksums).

The kernel unpacks archives that stand one behind the other, a later file over an earlier one, also an
uncompressed archive behind a compressed one that is padded to four bytes:
https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
"""

from __future__ import annotations

import stat
from collections.abc import Mapping

_MAGIC = b"070701"
_END = "TRAILER!!!"
_ALIGN = 4
_FOLDER = stat.S_IFDIR | 0o755


def archive(files: Mapping[str, bytes], mode: int = 0o600) -> bytes:
    """An archive of these files (`preseed.cfg`, `etc/answers`), all root's, with the folders above them."""
    entries = [(name, _FOLDER, b"") for name in _folders(files)]
    entries += [(name, stat.S_IFREG | mode, data) for name, data in files.items()]
    made = (_entry(number, *entry) for number, entry in enumerate(entries, 1))
    return b"".join(made) + _entry(0, _END, 0, b"")


def behind(initrd: bytes, files: Mapping[str, bytes], mode: int = 0o600) -> bytes:
    """The initrd with these files added, over those it has under their names."""
    return _padded(initrd) + archive(files, mode)


def _folders(files: Mapping[str, bytes]) -> dict[str, None]:
    """Every folder above a file, outer ones first: the kernel makes none by itself."""
    found: dict[str, None] = {}
    for name in files:
        parts = name.split("/")[:-1]
        found |= {"/".join(parts[:depth]): None for depth in range(1, len(parts) + 1)}
    return found


def _entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    path = name.encode() + b"\0"
    links = 2 if mode == _FOLDER else 1
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0)
    header = _MAGIC + b"".join(b"%08X" % field for field in fields)
    return _padded(header + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGN)
