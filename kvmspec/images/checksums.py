"""Checksums: as a manifest states them, and as files like SHA256SUMS list them.

The styles: GNU coreutils' `digest  name` (`*` marks binary, a leading `\\` an escaped name), BSD's and
OpenSSL's `SHA256 (name) = digest`, a lone digest, and any of them in an OpenPGP clear-signed text
(RFC 9580, section 7), as Fedora publishes them. The signature itself is not verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from kvmspec.core.errors import ImageError
from kvmspec.images.source import file_name, shown

LENGTHS = {"sha256": 64, "sha512": 128}
"""Hexadecimal digits of each kind of digest."""

_WEAK = {32: "md5", 40: "sha1"}
_HEX = r"[0-9A-Fa-f]{32,128}"
_GNU = re.compile(rf"(\\?)({_HEX})(?: [ *]|\s+)(\S.*)")
_BSD = re.compile(rf"([A-Za-z0-9/-]+?)\s?\((.+)\)\s?=\s*({_HEX})")
_LONE = re.compile(_HEX)
_LABELS = {"SHA256": "sha256", "SHA2-256": "sha256", "SHA512": "sha512", "SHA2-512": "sha512"}
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


class Digest(NamedTuple):
    """`sha256` or `sha512`, and its lower-case digits."""

    algorithm: str
    digits: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}"


class _Entry(NamedTuple):
    name: str
    label: str
    digits: str


def declared(checksum: str | None) -> Digest | None:
    """The digest that a manifest states; None where it states none, or the URL of a file."""
    algorithm, _, digits = (checksum or "").partition(":")
    return Digest(algorithm, digits.lower()) if algorithm in LENGTHS else None


def find(text: str, url: str, listed_in: str) -> Digest:
    """The digest of the file at `url` in the text of a file of checksums; sha512 where there are both.

    An entry is found by the file name; of several in different folders the one whose path ends the
    URL's. Raises ImageError where there is none, or no single one.
    """
    entries = list(_entries(text))
    found = _named(entries, url) or [entry for entry in entries if len(entries) == 1 and not entry.name]
    digests = {digest for entry in found if (digest := _digest(entry))}
    name, where = file_name(url), shown(listed_in)
    for algorithm in sorted(LENGTHS, reverse=True):
        match [digest for digest in digests if digest.algorithm == algorithm]:
            case [one]:
                return one
            case [_, *_]:
                raise ImageError(f"{where} has several {algorithm} digests of {name}", hint=_STATE)
    if found:
        kind = _WEAK.get(len(found[0].digits), found[0].label or "unknown")
        raise ImageError(f"{where} has only a {kind} digest of {name}, which proves nothing", hint=_STATE)
    what = f"does not list {name}" if entries else "is no file of checksums"
    raise ImageError(f"{where} {what}", hint=_STATE)


_STATE = "state the digest itself: `checksum: sha256:…`"


def _named(entries: list[_Entry], url: str) -> list[_Entry]:
    """The entries of that file name, of which those with the longest path in common with the URL."""
    path, name = unquote(urlsplit(url).path), file_name(url)
    found = [entry for entry in entries if entry.name.rpartition("/")[2] == name]
    ends = [entry for entry in found if path.endswith("/" + entry.name.removeprefix("./").lstrip("/"))]
    longest = max((entry.name.count("/") for entry in ends), default=0)
    return [entry for entry in ends if entry.name.count("/") == longest] or found


def _digest(entry: _Entry) -> Digest | None:
    for algorithm, length in LENGTHS.items():
        if len(entry.digits) == length and entry.label in ("", algorithm):
            return Digest(algorithm, entry.digits.lower())
    return None


def _entries(text: str) -> Iterator[_Entry]:
    for raw in text.lstrip("\ufeff").splitlines():
        line = raw.strip().removeprefix("- ")  # a clear-signed text's dash-escape
        if line.startswith("-----BEGIN PGP SIGNATURE"):
            return
        if match := _BSD.fullmatch(line):
            yield _Entry(match[2], _LABELS.get(match[1].upper(), match[1].lower()), match[3])
        elif match := _GNU.fullmatch(line):
            yield _Entry(_unescaped(match[3]) if match[1] else match[3], "", match[2])
        elif _LONE.fullmatch(line):
            yield _Entry("", "", line)


def _unescaped(name: str) -> str:
    return re.sub(r"\\[\\nr]", lambda match: _ESCAPES[match[0]], name)


def wrong(what: str, found: Digest, wanted: Digest) -> ImageError:
    """The error for an image that is not what its checksum says."""
    return ImageError(
        f"{what} is not what its checksum says: it is {found}, and {wanted.digits} was expected",
        hint="it was replaced, or tampered with: look where its checksum is published, and at `checksum:`",
    )
