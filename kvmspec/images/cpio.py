"""A cpio archive in the format of an initrd: `newc` (SVR4 without checksums).

The kernel unpacks archives that stand one behind the other, a later file over an earlier one, also an
uncompressed archive behind a compressed one that is padded to four bytes:
https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping

_MAGIC = b"070701"
_END = "TRAILER!!!"
_ALIGN = 4
_FILE, _FOLDER = stat.S_IFREG | 0o600, stat.S_IFDIR | 0o755


def archive(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files (`preseed.cfg`, `etc/answers`), root's, mode 0600, with their folders."""
    entries = list(_folders(files))
    made = [_entry(number, name, _FOLDER, b"") for number, name in enumerate(entries, 1)]
    made += [_entry(number, name, _FILE, data) for number, (name, data) in _numbered(files, len(entries))]
    return b"".join(made) + _entry(0, _END, 0, b"")


def behind(initrd: bytes, files: Mapping[str, bytes]) -> bytes:
    """The initrd with these files added, over those it has under their names."""
    return _padded(initrd) + archive(files)


def _folders(files: Mapping[str, bytes]) -> dict[str, None]:
    """Every folder above a file, outer ones first: the kernel makes none by itself."""
    found: dict[str, None] = {}
    for name in files:
        parts = name.split("/")[:-1]
        found |= {"/".join(parts[:depth]): None for depth in range(1, len(parts) + 1)}
    return found


def _numbered(files: Mapping[str, bytes], before: int) -> Iterator[tuple[int, tuple[str, bytes]]]:
    return enumerate(files.items(), before + 1)


def _entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    path = name.encode() + b"\0"
    links, nothing = (2 if mode == _FOLDER else 1), 0
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), nothing)
    header = _MAGIC + b"".join(b"%08X" % field for field in fields)
    return _padded(header + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGN)
