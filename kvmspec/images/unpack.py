"""Decompression: xz, gzip and zstd, in small bites, so that a bomb takes neither memory nor disk."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kvmspec.core.errors import ImageError

_BITE = 1 << 20
"""Bytes that a decompressor may give at a time."""

_ZSTD_BITE = 4096
"""Bytes that zstd is fed at a time, since it gives all they unpack to: at most 128 MiB."""

_MEMORY = 2 << 30
"""Bytes of memory that xz may use; `xz -9` takes 65 MiB to unpack, `--lzma2=dict=1536MiB` the most."""


class _Codec(NamedTuple):
    """start makes a decompressor for one stream; feed gives what it makes of some bytes."""

    start: Callable[[], Any]
    feed: Callable[[Any, bytes], Iterator[bytes]]


def unpacked(blocks: Iterable[bytes], compression: str, what: str) -> Iterator[bytes]:
    """The content of compressed blocks, also of several streams one after the other.

    Raises ImageError for damaged or cut data.
    """
    import zstandard

    codec, stream = _CODECS[compression], None
    try:
        for block in blocks:
            while block := block if stream is not None else block.lstrip(b"\0"):  # padding between streams
                stream = stream or codec.start()
                yield from codec.feed(stream, block)
                block, stream = (stream.unused_data, None) if stream.eof else (b"", stream)
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ImageError(
            f"{what} is damaged: it does not unpack ({compression}: {error})", hint="fetch or pack it again"
        ) from error
    if stream is not None:
        raise ImageError(
            f"{what} is damaged: its end is missing ({compression})", hint="fetch or pack it again"
        )


def beginning(data: bytes, compression: str, length: int, what: str) -> bytes:
    """At most `length` bytes of what `data`, the beginning of a compressed image, unpacks to."""
    found = bytearray()
    blocks = (data[start : start + 1024] for start in range(0, len(data), 1024))
    try:
        for part in unpacked(blocks, compression, what):
            found += part
            if len(found) >= length:
                break
    except ImageError as error:
        if "end is missing" not in error.message or not found:
            raise
    return bytes(found[:length])


def _feed_gzip(stream: Any, data: bytes) -> Iterator[bytes]:
    while True:
        part = stream.decompress(data, _BITE)
        if part:
            yield part
        data = stream.unconsumed_tail
        if stream.eof or not (data or len(part) == _BITE):
            return


def _feed_xz(stream: Any, data: bytes) -> Iterator[bytes]:
    while True:
        if part := stream.decompress(data, _BITE):
            yield part
        if stream.eof or stream.needs_input:
            return
        data = b""


def _feed_zstd(stream: Any, data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _ZSTD_BITE):
        if part := stream.decompress(data[start : start + _ZSTD_BITE]):
            yield part
        if stream.eof and start + _ZSTD_BITE < len(data):
            stream.rest = data[start + _ZSTD_BITE :]
            return


class _Zstd:
    """zstandard's decompressor of one frame, fed in bites."""

    def __init__(self) -> None:
        import zstandard

        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self.rest = b""

    def decompress(self, data: bytes) -> bytes:
        return self._frame.decompress(data)

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self.rest


_CODECS = {
    "gz": _Codec(lambda: zlib.decompressobj(wbits=31), _feed_gzip),
    "xz": _Codec(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY), _feed_xz),
    "zst": _Codec(_Zstd, _feed_zstd),
}
