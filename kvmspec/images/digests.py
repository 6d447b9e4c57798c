"""Digests of local files, remembered by path, size and time of change."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

from kvmspec.core.errors import ImageError
from kvmspec.images import index

_SETTLED = 2_000_000_000
"""Nanoseconds after which a file's time of change tells every later change."""


class FileDigests:
    """The digests of files of this machine. A large file is read once; the rest is looked up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, file: Path, algorithm: str) -> str:
        """The file's digest in lower-case hex. Raises ImageError where it cannot be read."""
        status = facts(file)
        note = self._folder / f"{hashlib.sha256(os.fsencode(file)).hexdigest()}.json"
        seen = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
        data = index.read(note)
        if any(data.get(key) != value for key, value in seen.items()):
            data = {}
        if known := index.text(data, algorithm):
            return known
        found = _hashed(file, algorithm)
        if time.time_ns() - status.st_mtime_ns > _SETTLED and facts(file).st_mtime_ns == status.st_mtime_ns:
            index.record(note, {**data, **seen, algorithm: found})
        return found


def facts(file: Path) -> os.stat_result:
    """The status of a regular file. Raises ImageError for anything else."""
    try:
        status = file.stat()
    except OSError as error:
        raise _unreadable(file, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{file} is no regular file", hint="an image is a file; a block device is none")
    return status


def head(file: Path, length: int) -> bytes:
    """The first bytes of a file. Raises ImageError where it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(length)
    except OSError as error:
        raise _unreadable(file, error) from error


def _hashed(file: Path, algorithm: str) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, algorithm).hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> ImageError:
    hint = (
        "a path in a manifest is relative to the manifest's file"
        if isinstance(error, FileNotFoundError)
        else ""
    )
    return ImageError(f"{file} cannot be read: {error.strerror}", hint=hint)
