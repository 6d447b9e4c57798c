"""A file written with holes where the content is zero."""

from __future__ import annotations

import os
from typing import BinaryIO

BLOCK = 64 * 1024
_ZEROS = bytes(BLOCK)


class SparseFile:
    """Takes an image in its order. `finish` sets its length, also where it ends in a hole."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.length = 0

    def write(self, data: bytes) -> None:
        """Append. Blocks of zeros take no room. Raises OSError."""
        view = memoryview(data)
        while view:
            part = view[: BLOCK - self.length % BLOCK]
            if part == _ZEROS[: len(part)]:
                self._stream.seek(len(part), os.SEEK_CUR)
            else:
                self._stream.write(part)
            self.length += len(part)
            view = view[len(part) :]

    def finish(self) -> None:
        """All of it on the disk. Raises OSError."""
        self._stream.truncate(self.length)
        self._stream.flush()
        os.fsync(self._stream.fileno())
