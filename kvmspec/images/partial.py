"""A download under way: a file that is never taken for an image, and what is needed to resume it."""

from __future__ import annotations

from pathlib import Path

from kvmspec.images import index


class Partial:
    """`<identity>.part` with the bytes so far, and beside it what the server called the content."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.identity = identity
        self.path = folder / f"{identity}.part"
        self.unpacking = folder / f"{identity}.unpacking"
        self._note = folder / f"{identity}.json"

    def begin(self, validator: str, total: int | None, name: str, source: str) -> None:
        """A new download of `total` bytes. `validator` is what If-Range takes; without one it cannot be
        resumed."""
        self.drop()
        index.write(self._note, {"validator": validator, "total": total, "name": name, "source": source})

    def resumable(self) -> tuple[int, str]:
        """The bytes that are there, and the validator they belong to; (0, "") where there is no use."""
        validator = index.text(index.read(self._note), "validator")
        if not validator or not self.path.is_file():
            return 0, ""
        size = self.path.stat().st_size
        return (size, validator) if size else (0, "")

    def complete(self) -> bool:
        """Whether all bytes are there; they are still to be verified."""
        return self.resumable()[0] == index.number(index.read(self._note), "total")

    def told(self, key: str) -> str:
        """`name` or `source` as they were given; empty where they are not known."""
        return index.text(index.read(self._note), key)

    def drop(self) -> None:
        """Forget it. Raises OSError."""
        for path in (self.unpacking, self.path, self._note):
            path.unlink(missing_ok=True)
