"""The image library: what is known of an image, the image itself, and the cache of them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kvmspec.core.errors import ImageError, NotCached
from kvmspec.images import checksums, index
from kvmspec.images.checksums import Digest
from kvmspec.images.digests import FileDigests, facts, head
from kvmspec.images.facts import Entry, ImageFacts, LocalImage
from kvmspec.images.formats import HEAD, Shape, compression, familiar, shape, web_page
from kvmspec.images.source import ImageSource, local
from kvmspec.images.store import Store

if TYPE_CHECKING:
    from kvmspec.images.retry import Patience
    from kvmspec.images.web import Answer, Web

LOOK = 192 * 1024
"""Bytes of an image that are looked at before it is fetched: also compressed they hold the first 64 KiB.
zstd's blocks have up to 128 KiB, and come whole or not at all (RFC 8878, 3.1.1.2)."""


class Library:
    """Images by source, from a cache in `folder`; nothing is read or written before it is asked.

    offline  nothing is fetched: what is not in the cache raises NotCached
    environ  SSL_CERT_FILE and SSL_CERT_DIR name the certificates to trust; proxies are the process's own
    patience how often a server is tried again

    Every method may be called from several threads, and by several processes on one folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        offline: bool = False,
        environ: Mapping[str, str],
        patience: Patience | None = None,
    ) -> None:
        self._store, self._offline = Store(folder), offline
        self._digests = FileDigests(folder / "files")
        self._environ, self._patience = environ, patience

    @cached_property
    def _web(self) -> Web:
        """HTTP is imported when something is asked of a server."""
        from kvmspec.images.web import Web

        return Web(self._environ, self._patience)

    def identity(self, source: ImageSource) -> str | None:
        """The image's identity without asking any server: the digest that is declared, a local file's,
        or what the last look at a URL told. None where that is not known, or the file cannot be read."""
        if (digest := checksums.declared(source.checksum)) is not None:
            return digest.digits
        try:
            if (file := source.file) is not None and source.checksum is None:
                return self._digests.of(file, "sha256")
        except ImageError:
            return None
        return index.text(self._store.source(source.key), "identity") or None

    def is_at_hand(self, source: ImageSource) -> bool:
        """Whether `inspect` asks no server for it: a file of this machine, or one of the cache."""
        if source.file is not None:
            return source.checksum is None or checksums.declared(source.checksum) is not None
        known = self.identity(source)
        return bool(known and self._store.image(known))

    def inspect(self, source: ImageSource) -> ImageFacts:
        """What the image is: from the cache where it is there; else the file of checksums and the
        beginning of the image are looked at, and what they tell is remembered.

        Raises ImageError, NotCached.
        """
        with _named(source, self._store.folder):
            if source.file is not None:
                return self._look_at_file(source)
            known = self.identity(source)
            if known and (image := self._store.image(known)):
                return ImageFacts(known, image.format, image.capacity, 0)
            return self._look(source)

    def fetch(self, source: ImageSource, facts: ImageFacts, report: Callable[[str], None]) -> LocalImage:
        """The image that `facts` are of, as a file: fetched, verified, unpacked, where it is not there
        already. A local file that is not compressed is used where it is.

        Raises ImageError where it is not that image any more, NotCached.
        """
        from kvmspec.images.fetching import Fetching

        with _named(source, self._store.folder):
            image = self._in_place(source, facts) or self._store.use(facts.identity)
            if image is None:
                if self._offline and source.file is None:
                    raise _not_cached(source)
                fetching = Fetching(self._store, self._web, source, facts.identity, report)
                image = fetching.run()
            if image.format != facts.format or (facts.capacity and image.capacity != facts.capacity):
                raise ImageError(
                    f"{source.shown} is {image.format} of {image.capacity} bytes, and was {facts.format} of"
                    f" {facts.capacity} when it was planned",
                    hint="plan again",
                )
            return image

    def pull(self, source: ImageSource, report: Callable[[str], None]) -> LocalImage:
        """The image as its source has it now, also where an older one is known. Raises ImageError,
        NotCached."""
        with _named(source, self._store.folder):
            look = self._look_at_file if source.file is not None else self._look
            found = self.inspect(source) if self._offline else look(source)
        return self.fetch(source, found, report)

    def entries(self) -> list[Entry]:
        """What the cache holds, the last used first."""
        return self._store.entries()

    def prune(self, keep: Collection[str]) -> list[Entry]:
        """Remove all but the identities to keep; what was removed. What is being fetched stays."""
        kept = frozenset(keep)
        gone = [e for e in self.entries() if e.identity not in kept and self._store.remove(e)]
        self._store.forget(kept.__contains__)
        return gone

    def _look(self, source: ImageSource) -> ImageFacts:
        """Ask the servers of a URL."""
        assert source.url is not None
        if self._offline:
            raise _not_cached(source)
        digest = self._digest(source)
        if digest and (image := self._store.image(digest.digits)):
            self._store.record(source.key, {"identity": digest.digits})
            return ImageFacts(digest.digits, image.format, image.capacity, 0)
        found, length, told = self._web.once(source.url, lambda answer: _begun(answer, source), first=LOOK)
        identity = digest.digits if digest else told
        if not identity:
            raise ImageError(
                f"{source.shown}: the server says nothing by which a change could be seen",
                hint="state a `checksum`",
            )
        self._store.record(source.key, {"identity": identity})
        if image := self._store.image(identity):
            return ImageFacts(identity, image.format, image.capacity, 0)
        there = self._store.partial(identity).resumable()[0]
        return ImageFacts(identity, found.format, found.capacity, max((length or 0) - there, 0))

    def _look_at_file(self, source: ImageSource) -> ImageFacts:
        """Read and verify a file of this machine."""
        file = source.file
        assert file is not None
        digest = self._digest(source)
        size, start = facts(file).st_size, head(file, LOOK)
        found = _shape(start, size, str(file))
        identity = self._digests.of(file, digest.algorithm if digest else "sha256")
        if digest and identity != digest.digits:
            raise checksums.wrong(str(file), Digest(digest.algorithm, identity), digest)
        self._store.record(source.key, {"identity": identity})
        if compression(start) and (image := self._store.image(identity)):
            return ImageFacts(identity, image.format, image.capacity, 0)
        return ImageFacts(identity, found.format, found.capacity, 0)

    def _digest(self, source: ImageSource) -> Digest | None:
        """The digest that is stated, or that the file of checksums says; None without a checksum."""
        if source.checksum is None or (stated := checksums.declared(source.checksum)):
            return stated if source.checksum else None
        listing, address = source.checksum, source.url or Path(str(source.path)).as_uri()
        if (file := local(listing)) is not None:
            text = head(file, 4 << 20).decode("utf-8", "replace")
        elif self._offline:
            raise NotCached(f"{source.shown}: its checksums may not be fetched (--offline)")
        else:
            text = self._web.text(listing)
        return checksums.find(text, address, listing)

    def _in_place(self, source: ImageSource, planned: ImageFacts) -> LocalImage | None:
        """A local file that can be used where it is; None for others. Raises ImageError."""
        if (file := source.file) is None:
            return None
        algorithm = "sha512" if len(planned.identity) == checksums.LENGTHS["sha512"] else "sha256"
        if self._digests.of(file, algorithm) != planned.identity:
            raise ImageError(f"{file} changed since it was planned", hint="plan again")
        start, size = head(file, LOOK), facts(file).st_size
        if compression(start):
            return None
        return LocalImage(file, *_shape(start, size, str(file)), size)


def _shape(start: bytes, length: int | None, what: str) -> Shape:
    """What an image is, which may be compressed, by its first bytes."""
    packed = compression(start)
    if packed is None:
        return shape(start[:HEAD], length, what)
    from kvmspec.images.unpack import beginning

    return shape(beginning(start, packed, HEAD, what), None, what)


def _begun(answer: Answer, source: ImageSource) -> tuple[Shape, int | None, str]:
    """What an image is by the beginning of an answer, its length, and what the server says of it."""
    start = _read(answer.blocks, LOOK)
    if answer.html and not familiar(start):
        raise web_page(source.shown)
    return _shape(start, answer.total, source.shown), answer.total, answer.identity(source.url or "")


def _read(blocks: Iterator[bytes], length: int) -> bytes:
    found = bytearray()
    for block in blocks:
        found += block
        if len(found) >= length:
            break
    return bytes(found[:length])


def _not_cached(source: ImageSource) -> NotCached:
    return NotCached(
        f"{source.shown} is not in the cache, and nothing may be fetched (--offline)",
        hint="fetch it once: kvmspec image pull",
    )


@contextmanager
def _named(source: ImageSource, folder: Path) -> Iterator[None]:
    """Errors say which image it is about."""
    try:
        yield
    except ImageError as error:
        name = f"image {source.name}: "
        raise type(error)(name + error.message.removeprefix(name), hint=error.hint) from error
    except OSError as error:
        from kvmspec.images.transfer import no_room

        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ImageError(
                f"image {source.name}: {no_room(folder).message}", hint=no_room(folder).hint
            ) from error
        raise ImageError(
            f"image {source.name}: the cache {folder} cannot be written: {error.strerror}",
            hint="set XDG_CACHE_HOME to a folder of yours",
        ) from error
