"""Where an image comes from, and how that is told: no password and no token is ever shown."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from kvmspec.core.errors import ImageError


class ImageSource(NamedTuple):
    """An image of the manifest. It has a URL or a path, which is absolute.

    checksum is `sha256:…`, `sha512:…`, or the URL of a file of checksums
    """

    name: str
    url: str | None = None
    path: Path | None = None
    checksum: str | None = None

    @property
    def file(self) -> Path | None:
        """The file it is on this machine, also by a file: URL; None for what is fetched.
        Raises ImageError."""
        return self.path if self.url is None else local(self.url)

    @property
    def shown(self) -> str:
        """The URL or the path, fit to be shown and recorded."""
        return shown(self.url) if self.url is not None else str(self.path)

    @property
    def key(self) -> str:
        """A digest of where it comes from and of what tells its content; without user and password."""
        parts = (bare(self.url or ""), str(self.path or ""), bare(self.checksum or ""))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def local(url: str) -> Path | None:
    """The file of a file: URL; None for any other URL. Raises ImageError for another machine's file."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise ImageError(f"{url} is a file of another machine", hint="write file:///path, or `path:`")
    return Path(unquote(parts.path))


def bare(url: str) -> str:
    """A URL without user and password; other texts as they are."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def shown(url: str) -> str:
    """A URL for people: without user, password and query, which may hold a token."""
    parts = urlsplit(bare(url))
    return urlunsplit(parts._replace(query="…" if parts.query else "", fragment=""))


def file_name(url: str) -> str:
    """The last part of a URL's path, as a file of checksums names it."""
    return unquote(urlsplit(url).path).rpartition("/")[2]
