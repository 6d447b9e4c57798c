"""HTTP: what a server says of a file, and its bytes from anywhere in it.

TLS is always verified: with the certificates of SSL_CERT_FILE or SSL_CERT_DIR, else with the system's.
Proxies are those of the process's environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY).
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from kvmspec import __version__
from kvmspec.core.errors import ImageError
from kvmspec.images.source import bare, shown

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
BLOCK = 1 << 18
MOST_TEXT = 4 << 20
"""Bytes read at a time, and the most that a file of checksums may have."""

_TIMEOUT = 30.0
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class Patience(NamedTuple):
    """How often in a row something is tried without getting a byte further, and the seconds between
    two attempts: from `first`, doubling up to `longest`."""

    attempts: int = 5
    first: float = 1.0
    longest: float = 20.0


class Transient(Exception):
    """A failure that may pass. `after` is how many seconds the server asks to wait."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class RangeRefused(ImageError):
    """The file has no such part."""


@dataclass
class Answer:
    """What a server sends: the bytes from `start` on of a file of `total` bytes (None: it does not say).

    etag and modified are the server's validators, empty where it sends none.
    """

    start: int
    total: int | None
    etag: str
    modified: str
    html: bool
    blocks: Iterator[bytes] = field(repr=False)

    @property
    def validator(self) -> str:
        """What If-Range takes (RFC 9110, 13.1.5): a strong ETag, else the date; empty for none."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def identity(self, url: str) -> str:
        """What stands for the content of a URL without checksum; empty where the server says nothing
        of it."""
        if not (self.etag or self.modified or self.total):
            return ""
        parts = (bare(url), self.etag, self.modified, str(self.total))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Web:
    """Gets files. `environ` tells the certificates to trust."""

    def __init__(self, environ: Mapping[str, str], patience: Patience) -> None:
        self._environ, self._patience = environ, patience

    def text(self, url: str) -> str:
        """A small text. Raises ImageError."""

        def read(answer: Answer) -> str:
            data = bytearray()
            for block in answer.blocks:
                data += block
                if len(data) > MOST_TEXT:
                    raise ImageError(f"{shown(url)} is no file of checksums: it has more than 4MiB")
            return data.decode("utf-8", "replace")

        return self.once(url, read)

    def once(self, url: str, read: Callable[[Answer], T], *, first: int = 0) -> T:
        """What `read` makes of the file, or of its `first` bytes where the server can send a part.
        Raises ImageError."""
        headers = {"Range": f"bytes=0-{first - 1}"} if first else {}
        for attempt in self.attempts(url, lambda: 0):
            with attempt, self.get(url, headers) as answer:
                return read(answer)
        raise AssertionError("the last attempt raises")

    def attempts(self, url: str, received: Callable[[], int]) -> Iterator[Any]:
        """tenacity's attempts: until one succeeds, or some in a row do not get further."""
        import tenacity

        patience, fruitless, most = self._patience, 0, 0
        backoff = tenacity.wait_exponential_jitter(patience.first, patience.longest, jitter=patience.first)

        def give_up(state: tenacity.RetryCallState) -> bool:
            nonlocal fruitless, most
            fruitless = 1 if received() > most else fruitless + 1
            most = received()
            return fruitless >= patience.attempts

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = min(getattr(error, "after", 0.0), 3 * patience.longest)
            return max(backoff(state), asked)

        try:
            yield from tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(Transient), stop=give_up, wait=wait, reraise=True
            )
        except Transient as error:
            hint = f"tried {patience.attempts} times; try again, a download that was cut is resumed"
            raise ImageError(f"{shown(url)}: {error}", hint=hint) from error

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        """One request. Raises Transient, and ImageError for what will not pass."""
        with _told(url), self._client(url) as client, client.stream("GET", url, headers=headers) as response:
            _check_status(response, url)
            yield _answer(response)

    def _client(self, url: str) -> httpx.Client:
        import httpx

        def stay_safe(request: httpx.Request) -> None:
            if url.startswith("https:") and request.url.scheme != "https":
                raise ImageError(
                    f"{shown(url)} redirects to {shown(str(request.url))}, which is not https",
                    hint="name an address that stays with https",
                )

        try:
            return httpx.Client(
                verify=self._certificates,
                timeout=_TIMEOUT,
                follow_redirects=True,
                headers={"User-Agent": f"kvmspec/{__version__}", "Accept-Encoding": "identity"},
                event_hooks={"request": [stay_safe]},
            )
        except (ImportError, ValueError) as error:  # SOCKS without its package, or no URL at all
            raise ImageError(
                "the proxy that the environment names cannot be used", hint="look at HTTPS_PROXY and its like"
            ) from error

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        file, folder = self._environ.get("SSL_CERT_FILE"), self._environ.get("SSL_CERT_DIR")
        try:
            return ssl.create_default_context(cafile=file or None, capath=folder or None)
        except (OSError, ssl.SSLError) as error:
            raise ImageError(
                f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}",
                hint=f"SSL_CERT_FILE={file or ''} SSL_CERT_DIR={folder or ''}",
            ) from error


@contextmanager
def _told(url: str) -> Iterator[None]:
    """httpx's errors as ours; none of them quotes the URL."""
    import httpx

    try:
        yield
    except httpx.TimeoutException as error:
        raise Transient("the server does not answer in time") from error
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
        raise ImageError(f"{shown(url)} cannot be fetched: {error}") from error
    except httpx.TransportError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise ImageError(
                f"{shown(url)}: the server's certificate is not trusted: {error}",
                hint="with a CA of your own: SSL_CERT_FILE=/path/ca.pem",
            ) from error
        raise Transient(str(error) or type(error).__name__) from error


def _check_status(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    text = f"{status} {response.reason_phrase or _phrase(status)}".strip()
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise RangeRefused(f"{shown(url)}: the server answers {text}", hint="the file may be empty")
    if status in _AGAIN:
        asked = response.headers.get("Retry-After", "")
        raise Transient(f"the server answers {text}", float(asked) if asked.isdecimal() else 0.0)
    hints = {401: _LOGIN, 403: _LOGIN, 404: _GONE, 410: _GONE, 407: "look at HTTPS_PROXY and its like"}
    raise ImageError(f"{shown(url)}: the server answers {text}", hint=hints.get(status, ""))


_LOGIN = "it wants a user and a password: https://${env:IMAGES_LOGIN}@…"
_GONE = "the address is wrong, or a newer image has taken its place"


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "")


def _answer(response: httpx.Response) -> Answer:
    headers = response.headers
    start, total = 0, _number(headers.get("Content-Length", ""))
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        start, total = _content_range(headers.get("Content-Range", ""))
    return Answer(
        start=start,
        total=total,
        etag=headers.get("ETag", ""),
        modified=headers.get("Last-Modified", ""),
        html=headers.get("Content-Type", "").startswith(("text/html", "application/xhtml")),
        blocks=response.iter_raw(BLOCK),
    )


def _content_range(value: str) -> tuple[int, int | None]:
    """`bytes 100-199/200` as (100, 200). Raises Transient for what makes no sense."""
    part, _, total = value.removeprefix("bytes ").partition("/")
    start = _number(part.partition("-")[0])
    if start is None:
        raise Transient("the server sends a part without saying which")
    return start, _number(total)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 20 else None
