"""A download into a partial file, resumed where it was cut, with the digest of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from kvmspec.core.errors import ImageError
from kvmspec.images.formats import LARGEST, too_large
from kvmspec.images.partial import Partial
from kvmspec.images.progress import Progress, amount
from kvmspec.images.source import ImageSource
from kvmspec.images.store import room
from kvmspec.images.web import BLOCK, Answer, RangeRefused, Transient, Web

_LOOK_EVERY = 64 << 20
"""Bytes after which the room on the disk is looked at again."""


class Transfer:
    """Fetches one URL. `accept` looks at each answer first, and raises ImageError for another content."""

    def __init__(
        self,
        web: Web,
        source: ImageSource,
        partial: Partial,
        algorithm: str,
        report: Callable[[str], None],
        accept: Callable[[Answer], None],
    ) -> None:
        assert source.url is not None
        self._web, self._source, self._url, self._partial = web, source, source.url, partial
        self._algorithm, self._accept = algorithm, accept
        self._progress = Progress(source.name, report)
        self._hash, self._hashed = hashlib.new(algorithm), 0
        self.resumed = partial.resumable()[0] > 0
        self.received = 0

    def run(self) -> str:
        """Fetch all of it; the digits of its digest.

        Raises ImageError, and OSError. What can be resumed is kept then.
        """
        try:
            for attempt in self._web.attempts(self._url, lambda: self.received):
                with attempt:
                    self._once()
        except BaseException:
            if not self._partial.resumable()[0]:
                self._partial.drop()
            raise
        return self._hash.hexdigest()

    def _once(self) -> None:
        have, validator = self._partial.resumable()
        if self._partial.complete():
            with self._partial.path.open("rb") as stream:
                self._rehash(stream, have)
            return
        headers = {"Range": f"bytes={have}-", "If-Range": validator} if have else {}
        try:
            with self._web.get(self._url, headers) as answer:
                self._accept(answer)
                self._begin(answer, have)
                self._write(answer)
        except RangeRefused as error:
            if not have:
                raise
            self._partial.drop()
            raise Transient("the server has no more of the part that is here") from error

    def _write(self, answer: Answer) -> None:
        with self._partial.path.open("r+b" if answer.start else "wb") as stream:
            self._rehash(stream, answer.start)
            stream.seek(answer.start)
            stream.truncate()
            self._receive(answer, stream)
            stream.flush()
            os.fsync(stream.fileno())

    def _begin(self, answer: Answer, have: int) -> None:
        if answer.start == 0:
            self._partial.begin(answer.validator, answer.total, self._source.name, self._source.shown)
        elif answer.start != have:
            self._partial.drop()
            raise Transient("the server sends another part than the one asked for")
        missing = (answer.total or 0) - answer.start
        if (free := room(self._partial.path.parent)) < missing:
            raise no_room(self._partial.path.parent, missing, free)
        self._progress.begin(answer.start, answer.total)

    def _rehash(self, stream: BinaryIO, start: int) -> None:
        """Take up the digest at `start`, from the file where this process has not seen it all."""
        if self._hashed == start:
            return
        self._hash, self._hashed = hashlib.new(self._algorithm), start
        stream.seek(0)
        while start and (block := stream.read(min(BLOCK, start))):
            self._hash.update(block)
            start -= len(block)

    def _receive(self, answer: Answer, stream: BinaryIO) -> None:
        looked = 0
        for block in answer.blocks:
            stream.write(block)
            self._hash.update(block)
            self._hashed += len(block)
            self.received += len(block)
            self._progress.advance(len(block))
            if self._hashed > LARGEST:
                raise too_large(self._source.shown)
            if answer.total is None and self.received - looked > _LOOK_EVERY:
                looked = self.received
                if not (free := room(self._partial.path.parent)):
                    raise no_room(self._partial.path.parent, _LOOK_EVERY, free)
        if answer.total is not None and self._hashed != answer.total:
            raise Transient(f"the connection was cut after {amount(self._hashed)} of {amount(answer.total)}")


def no_room(folder: Path, wanted: int = 0, free: int = 0) -> ImageError:
    """The error for a disk that is too full for `wanted` bytes, where that is known."""
    of = f": {amount(wanted)} are to be written, {amount(free)} may be" if wanted else " left"
    return ImageError(
        f"{folder} has no room{of}",
        hint="make room (`kvmspec image prune`), or set XDG_CACHE_HOME to a larger disk",
    )
