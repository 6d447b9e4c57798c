"""What is known of an image, before and after it is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class ImageFacts(NamedTuple):
    """What a look at an image tells, before it is fetched.

    identity  lower-case hex, the same for the same content: the digest that is declared or looked up;
              a local file's sha256; for a URL without checksum the sha256 of the URL and of what the
              server says of the content (ETag, Last-Modified, length)
    format    `qcow2`, `raw` or `iso`, of the content itself, when it comes compressed, too
    capacity  bytes that a guest sees; 0 where that is not known before it is fetched
    download  bytes still to fetch; 0 for what is in the cache or on this machine
    """

    identity: str
    format: str
    capacity: int
    download: int


class LocalImage(NamedTuple):
    """An image as a file of this machine: verified, and not compressed.

    capacity and size are in bytes: what a guest sees, and how long the file is (holes included)
    """

    path: Path
    format: str
    capacity: int
    size: int


class Entry(NamedTuple):
    """One image of the cache.

    name       what a manifest called it when it was fetched
    source     its URL or path, without user, password and query
    state      `cached`; `partial` for a download that was interrupted and can be resumed
    format     `qcow2`, `raw` or `iso`; empty for a partial one
    capacity   bytes that a guest sees; size: bytes that it takes in the cache
    digest     `sha256:…` or `sha512:…` of the bytes as they were fetched; empty where not known
    last_used  seconds since 1970
    """

    identity: str
    name: str
    source: str
    state: str
    format: str
    capacity: int
    size: int
    digest: str
    last_used: float
