"""An image as the manifest writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import Name, Text, words

_URL = re.compile(r"(https?://[^/\s?#]+|file://)/[^\s#]*")
_DIGEST = {"sha256": 64, "sha512": 128}


def _url(value: Any) -> str:
    if isinstance(value, str) and _URL.fullmatch(value):
        return value
    raise PydanticCustomError("url", "expected an https:, http: or file: URL of an image")


def _checksum(value: Any) -> str:
    if isinstance(value, str):
        if _URL.fullmatch(value):
            return value
        name, _, digest = value.partition(":")
        if re.fullmatch(r"[0-9a-fA-F]+", digest) and len(digest) == _DIGEST.get(name):
            return f"{name}:{digest.lower()}"
    raise PydanticCustomError(
        "checksum",
        "expected sha256: and 64 or sha512: and 128 hexadecimal digits, or the URL of a file of checksums",
    )


Url = Annotated[
    str,
    BeforeValidator(_url),
    words(
        {
            "type": "string",
            "pattern": "^(https?|file)://",
            "examples": ["https://images.lan/debian-12.qcow2"],
        },
        "URL",
        "an https:, http: or file: URL",
    ),
]
Checksum = Annotated[
    str,
    BeforeValidator(_checksum),
    words(
        {"type": "string", "examples": ["https://images.lan/SHA256SUMS"]},
        "checksum",
        "sha256:…, sha512:…, or the URL of a file like SHA256SUMS",
    ),
]


class ImageSpec(Model):
    """A disk image or an ISO: fetched once, kept in a cache, and placed on a host when a disk needs it."""

    examples: ClassVar[Sequence[Any]] = (
        {"url": "https://images.lan/debian-12.qcow2", "checksum": "https://images.lan/SHA512SUMS"},
        {"path": "./images/golden.raw.xz", "pool": "vms"},
        {"path": "/srv/isos/debian-12.iso", "kind": "iso"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"url", "path"})

    url: Url | None = None
    """Where it is fetched from. qcow2, raw or ISO, also compressed by xz, gzip or zstd: its content
    tells. Plain http needs a `checksum`. An image has this or `path`."""
    path: Text | None = Field(None, examples=["./images/golden.qcow2"])
    """A file of the machine kvmspec runs on, relative to the manifest's own file."""
    checksum: Checksum | None = None
    """What its bytes, as they are fetched, must add up to."""
    kind: Literal["disk", "iso"] = Field("disk", examples=["iso"])
    """What disks are made from, or a CD."""
    pool: Name | None = None
    """The pool it is placed in."""

    @model_validator(mode="after")
    def _one_source(self) -> ImageSpec:
        if (self.url is None) == (self.path is None):
            raise PydanticCustomError("image", "an image has exactly one of `url` or `path`")
        if self.url and self.url.startswith("http:") and self.checksum is None:
            raise PydanticCustomError(
                "image", "plain http can be tampered with: state a `checksum`, or use https"
            )
        if self.url and self.url.startswith("http:") and str(self.checksum).startswith("http:"):
            raise PydanticCustomError(
                "image", "a checksum fetched by plain http proves nothing: give its digits, or use https"
            )
        return self

    def references(self) -> Iterable[Reference]:
        """Its pool."""
        if self.pool is not None:
            yield "pool", self.pool
