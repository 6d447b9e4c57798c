"""From a source to a whole, verified, uncompressed image in the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kvmspec.core.errors import ImageError
from kvmspec.images import checksums
from kvmspec.images.checksums import Digest
from kvmspec.images.digests import head
from kvmspec.images.facts import LocalImage
from kvmspec.images.formats import HEAD, LARGEST, compression, shape, too_large
from kvmspec.images.progress import Progress, amount
from kvmspec.images.source import ImageSource
from kvmspec.images.sparse import SparseFile
from kvmspec.images.store import Store, room
from kvmspec.images.transfer import Transfer, no_room
from kvmspec.images.web import BLOCK, Answer, Web

_LOOK_EVERY = 64 << 20
"""Bytes after which the room on the disk is looked at again."""


class Fetching:
    """Brings one image into the cache, alone of all that want it."""

    def __init__(
        self, store: Store, web: Web, source: ImageSource, identity: str, report: Callable[[str], None]
    ) -> None:
        self._store, self._web, self._source = store, web, source
        self._identity, self._report = identity, report
        self._partial = store.partial(identity)

    def run(self) -> LocalImage:
        """Fetch, verify, unpack. Raises ImageError, OSError."""
        with self._store.lock(self._identity, self._waits):
            if image := self._store.use(self._identity):  # another one has fetched it meanwhile
                return image
            if (file := self._source.file) is not None:
                if compression(head(file, HEAD)) is None:
                    raise ImageError(f"{file} changed while it was read", hint="plan again")
                return self._finish(file, Digest(self._algorithm, self._identity))
            digest = self._download()
            try:
                image = self._finish(self._partial.path, digest)
            finally:
                self._partial.drop()
            self._report(f"{self._source.name}: fetched, {amount(image.size)}")
            return image

    def _waits(self) -> None:
        self._report(f"{self._source.name}: waits for another kvmspec that fetches it …")

    @property
    def _algorithm(self) -> str:
        lengths = {length: name for name, length in checksums.LENGTHS.items()}
        return lengths[len(self._identity)]

    def _download(self) -> Digest:
        """All bytes, in the partial file, verified where there is a checksum."""
        transfer = self._transfer()
        digits = transfer.run()
        if self._source.checksum is not None and digits != self._identity:
            self._partial.drop()
            if transfer.resumed:  # what was there before may be what is wrong
                transfer = self._transfer()
                digits = transfer.run()
        if self._source.checksum is not None and digits != self._identity:
            self._partial.drop()
            wanted = Digest(self._algorithm, self._identity)
            raise checksums.wrong(self._source.shown, Digest(self._algorithm, digits), wanted)
        return Digest(self._algorithm, digits)

    def _transfer(self) -> Transfer:
        return Transfer(
            self._web, self._source, self._partial, self._algorithm, self._report, self._check_unchanged
        )

    def _check_unchanged(self, answer: Answer) -> None:
        """Without a checksum, the server's word is what tells a change."""
        url = self._source.url or ""
        if self._source.checksum is None and answer.identity(url) != self._identity:
            raise ImageError(
                f"{self._source.shown} changed since it was planned",
                hint="plan again; with a `checksum` it is the same wherever it is fetched from",
            )

    def _finish(self, file: Path, digest: Digest) -> LocalImage:
        """Into the cache, unpacked. `file` is moved there where it is a partial one and not compressed."""
        packed = compression(head(file, HEAD))
        if packed is not None:
            file = self._unpack(file, packed)
        try:
            size = file.stat().st_size
            found = shape(head(file, HEAD), size, self._source.shown)
            told = {"name": self._source.name, "source": self._source.shown, "digest": str(digest)}
            self._store.put(self._identity, file, {**told, **found._asdict()})
        finally:
            self._partial.unpacking.unlink(missing_ok=True)
        image = self._store.use(self._identity)
        assert image is not None, "it was just put there"
        return image

    def _unpack(self, file: Path, packed: str) -> Path:
        """A compressed file, unpacked beside the partial one. Raises ImageError, OSError."""
        from kvmspec.images.unpack import unpacked

        target = self._partial.unpacking
        progress = Progress(f"{self._source.name}: unpacks", self._report)
        try:
            with file.open("rb") as source, target.open("wb") as stream:
                progress.begin(0, None)
                written, looked = SparseFile(stream), 0
                for part in unpacked(iter(lambda: source.read(BLOCK), b""), packed, self._source.shown):
                    written.write(part)
                    progress.advance(len(part))
                    if written.length > LARGEST:
                        raise too_large(self._source.shown)
                    if written.length - looked > _LOOK_EVERY:
                        looked = written.length
                        if not room(target.parent):
                            raise no_room(target.parent)
                written.finish()
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target
