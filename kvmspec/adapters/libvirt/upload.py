"""Bytes into a volume, through libvirt's own stream: so it works over every connection.

The first 64 KiB are written last. Until then they are zeros, as in a volume that was just made, so an
upload that was cut off is never mistaken for a whole image: `is_unfinished` tells.
https://libvirt.org/html/libvirt-libvirt-storage.html#virStorageVolUpload
"""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import libvirt

HEAD = 64 * 1024
"""Bytes that are written last; a qcow2 header, a boot sector and an ISO's descriptors lie in them."""

_PIECE = 256 * 1024  # VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX: as much as one message holds
_TELL_EVERY = 0.25  # seconds

Report = Callable[[int], None]
"""Told how many bytes of the source are done."""


def upload(conn: Any, volume: Any, source: BinaryIO, size: int, report: Report = lambda done: None) -> None:
    """Fill a volume that is all zeros with `size` bytes of `source`, a file; holes stay holes."""
    head = min(HEAD, size)
    if size > head:
        _send(conn, volume, source, head, size - head, report)
    source.seek(0)
    _send(conn, volume, io.BytesIO(source.read(head)), 0, head, report)
    report(size)


def is_unfinished(conn: Any, volume: Any, size: int) -> bool:
    """Whether the first 64 KiB of a volume are all zeros."""
    stream = conn.newStream(0)
    head = bytearray()
    volume.download(stream, 0, min(HEAD, size), 0)
    while piece := stream.recv(HEAD):
        head += piece
    stream.finish()
    return not any(head)


def _send(conn: Any, volume: Any, source: BinaryIO, start: int, length: int, report: Report) -> None:
    stream = conn.newStream(0)
    reader = _Reader(source, start, start + length, report)
    sparse = libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
    volume.upload(stream, start, length, sparse)
    try:
        stream.sparseSendAll(reader.read, reader.section, reader.skip, None)
        stream.finish()
    except BaseException:
        _abort(stream)
        raise


def _abort(stream: Any) -> None:
    try:
        stream.abort()
    except libvirt.libvirtError:
        return  # it is gone already, with the connection


class _Reader:
    """The source as virStreamSparseSendAll asks for it: data, sections, and steps over holes.

    A file is read by its descriptor (pread): looking for holes moves that behind the back of a buffer.
    """

    def __init__(self, source: BinaryIO, start: int, end: int, report: Report) -> None:
        self._source, self._at, self._end = source, start, end
        self._report, self._told = report, time.monotonic()
        self._file = None if isinstance(source, io.BytesIO) else source.fileno()

    def read(self, stream: Any, wanted: int, opaque: Any) -> bytes:
        """The next bytes; none at the end."""
        data = self._bytes(min(wanted, _PIECE, self._end - self._at))
        self._at += len(data)
        now = time.monotonic()
        if now - self._told > _TELL_EVERY:
            self._told = now
            self._report(self._at)
        return data

    def _bytes(self, length: int) -> bytes:
        if self._file is not None:
            return os.pread(self._file, length, self._at)
        self._source.seek(self._at)
        return self._source.read(length)

    def section(self, stream: Any, opaque: Any) -> tuple[bool, int]:
        """Whether data or a hole comes next, and how long it is."""
        if self._at >= self._end:
            return False, 0
        if self._file is None:
            return True, self._end - self._at
        data = self._next(self._file, os.SEEK_DATA)
        if data > self._at:
            return False, min(data, self._end) - self._at
        return True, min(self._next(self._file, os.SEEK_HOLE), self._end) - self._at

    def skip(self, stream: Any, length: int, opaque: Any) -> int:
        """Step over a hole."""
        self._at += length
        return 0

    def _next(self, file: int, what: int) -> int:
        try:
            return os.lseek(file, self._at, what)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return self._end
            raise
