"""The cache's folder: images by their identity, and what is known of them and of their sources.

content/IDENTITY        an image, whole, verified and not compressed; read-only
content/IDENTITY.json   its entry; the time of its last change is that of the last use
partial/                downloads under way
sources/KEY.json        what the last look at a source told
locks/IDENTITY.lock     held by whoever fetches it
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kvmspec.core.errors import ImageError
from kvmspec.images import index
from kvmspec.images.facts import Entry, LocalImage
from kvmspec.images.partial import Partial

RESERVE = 256 << 20
"""Bytes that stay free on the file system of the cache."""

_IDENTITY = re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}")
_FORMATS = ("qcow2", "raw", "iso")


class Store:
    """The folder of a Library. It is made when something is put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content, self._partial = folder / "content", folder / "partial"

    def image(self, identity: str) -> LocalImage | None:
        """The image of that identity; None where it is not there as it was put there."""
        path = self._path(identity)
        data = index.read(self._entry(identity))
        size, form = index.number(data, "size"), index.text(data, "format")
        if form not in _FORMATS or not path.is_file() or path.stat().st_size != size:
            return None
        return LocalImage(path, form, max(index.number(data, "capacity"), 0), size)

    def use(self, identity: str) -> LocalImage | None:
        """The same, and note that it is used."""
        if image := self.image(identity):
            with suppress(OSError):
                os.utime(self._entry(identity))
        return image

    def put(self, identity: str, file: Path, facts: dict[str, Any]) -> None:
        """Take over a finished file, which is on the disk already. Raises OSError."""
        self.content.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.chmod(0o444)
        path = self._path(identity)
        self._entry(identity).unlink(missing_ok=True)
        size = file.stat().st_size
        file.replace(path)
        _sync(self.content)
        index.write(self._entry(identity), {**facts, "size": size})

    def partial(self, identity: str) -> Partial:
        """Where the image of that identity is fetched to."""
        self._path(identity)
        return Partial(self._partial, identity)

    def source(self, key: str) -> dict[str, Any]:
        """What the last look at a source told."""
        return index.read(self.folder / "sources" / f"{key}.json")

    def record(self, key: str, data: dict[str, Any]) -> None:
        """Remember a look at a source."""
        index.record(self.folder / "sources" / f"{key}.json", data)

    @contextmanager
    def lock(self, identity: str, waits: Callable[[], None]) -> Iterator[None]:
        """Be the only one that fetches this image; `waits` is called when another one does."""
        from filelock import FileLock, Timeout

        for folder in (self._partial, self.folder / "locks"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(self.folder / "locks" / f"{identity}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waits()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def entries(self) -> list[Entry]:
        """Everything that is there, whole or partial, the last used first."""
        found = [_cached(path, index.read(path)) for path in self.content.glob("*.json")]
        found += [self._unfinished(path) for path in self._partial.glob("*.part")]
        known = [entry for entry in found if entry and _IDENTITY.fullmatch(entry.identity)]
        return sorted(known, key=lambda entry: (-entry.last_used, entry.identity))

    def remove(self, entry: Entry) -> bool:
        """Remove one entry; False where it is being fetched. Raises OSError."""
        from filelock import Timeout

        try:
            with self.lock(entry.identity, _give_up):
                if entry.state == "partial":
                    self.partial(entry.identity).drop()
                else:
                    self._entry(entry.identity).unlink(missing_ok=True)
                    self._path(entry.identity).unlink(missing_ok=True)
        except Timeout:
            return False
        return True

    def forget(self, keep: Callable[[str], bool]) -> None:
        """Remove what is remembered of sources, and content without an entry, unless `keep` says so of
        its identity."""
        for path in (self.folder / "sources").glob("*.json"):
            if not keep(index.text(index.read(path), "identity")):
                path.unlink(missing_ok=True)
        for path in self.content.glob("*"):
            if _IDENTITY.fullmatch(path.name) and not self._entry(path.name).exists() and not keep(path.name):
                path.unlink(missing_ok=True)

    def _path(self, identity: str) -> Path:
        if not _IDENTITY.fullmatch(identity):
            raise ImageError(f"{identity[:80]!r} is no identity of an image", hint="plan again")
        return self.content / identity

    def _entry(self, identity: str) -> Path:
        return self.content / f"{identity}.json"

    def _unfinished(self, path: Path) -> Entry | None:
        partial = Partial(self._partial, path.stem)
        with suppress(OSError):
            stat = path.stat()
            return Entry(
                path.stem, partial.told("name"), partial.told("source"), "partial", "", 0,
                stat.st_blocks * 512, "", stat.st_mtime,
            )  # fmt: skip
        return None


def _cached(path: Path, data: dict[str, Any]) -> Entry | None:
    with suppress(OSError):
        blocks, used = path.with_suffix("").stat().st_blocks, path.stat().st_mtime
        return Entry(
            path.stem,
            index.text(data, "name"),
            index.text(data, "source"),
            "cached",
            index.text(data, "format"),
            max(index.number(data, "capacity"), 0),
            blocks * 512,
            index.text(data, "digest"),
            used,
        )
    return None


def room(folder: Path) -> int:
    """Bytes that may still be written to the file system of `folder`. Raises OSError."""
    return max(shutil.disk_usage(folder).free - RESERVE, 0)


def _give_up() -> None:
    from filelock import Timeout

    raise Timeout("")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
