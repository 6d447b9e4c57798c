"""A web server on the loopback that misbehaves as it is told."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Page:
    """What is at a path, and how it is served.

    ranges       Range is answered with a part
    busy         so many requests are answered 503 first
    cut          so many answers end after `cut_at` bytes
    pause        seconds after each 64 KiB
    redirect     the address it is somewhere else
    """

    data: bytes
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    length: bool = True
    kind: str = "application/octet-stream"
    status: int = 200
    busy: int = 0
    cut: int = 0
    cut_at: int = 300_000
    pause: float = 0.0
    redirect: str = ""


@dataclass
class Seen:
    """One request: its path, Range and Authorization."""

    path: str
    range: str
    authorization: str


@dataclass
class Server:
    """`pages` may be changed at any time; `seen` are the requests so far."""

    pages: dict[str, Page] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    scheme: str = "http"
    port: int = 0

    def put(self, path: str, data: bytes, **how: Any) -> str:
        """Serve `data` at `path`; its URL."""
        self.pages[path] = Page(data, **how)
        return self.url(path)

    def url(self, path: str, login: str = "") -> str:
        return f"{self.scheme}://{login}{'localhost' if self.scheme == 'https' else '127.0.0.1'}:{self.port}{path}"

    def whole(self, path: str) -> int:
        """How many requests were for all of it."""
        return sum(seen.path == path and not seen.range for seen in self.seen)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shared: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.shared.seen.append(Seen(self.path, asked, self.headers.get("Authorization", "")))
        page = self.shared.pages.get(self.path.partition("?")[0])
        if page is None or page.status != 200:
            return self._empty(page.status if page else 404)
        if page.redirect:
            return self._empty(302, Location=page.redirect)
        if page.busy:
            page.busy -= 1
            return self._empty(503)
        same = self.headers.get("If-Range", page.etag or page.modified) in (page.etag, page.modified)
        start, end = (0, len(page.data))
        if asked and page.ranges and same:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1 if last else len(page.data), len(page.data))
            if start >= len(page.data):
                return self._empty(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(page.data)}")
        else:
            self.send_response(200)
        return self._send(page, page.data[start:end])

    def _send(self, page: Page, data: bytes) -> None:
        headers = {"ETag": page.etag, "Last-Modified": page.modified, "Content-Type": page.kind}
        headers["Content-Length"] = str(len(data)) if page.length else ""
        headers["Connection"] = "" if page.length else "close"
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.close_connection = not page.length
        cut = page.cut > 0 and len(data) > page.cut_at
        page.cut -= cut
        data = data[: page.cut_at] if cut else data
        for start in range(0, len(data), 65536):
            self.wfile.write(data[start : start + 65536])
            time.sleep(page.pause)
        if cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news."""


class Running:
    """A Server that runs; with a certificate and its key, by https."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.shared = Server()
        handler = type("Handler", (_Handler,), {"shared": self.shared})
        self._http = _Quiet(("127.0.0.1", 0), handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            self.shared.scheme = "https"
        self.shared.port = self._http.server_address[1]

    def __enter__(self) -> Server:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self.shared

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """A CA of our own, and a certificate for localhost with its key in one file."""
    ca, key, request, certificate = (folder / name for name in ("ca.pem", "key.pem", "csr.pem", "server.pem"))
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run = lambda *words: subprocess.run(words, check=True, capture_output=True)  # noqa: E731
    run(*new, "-x509", "-days", "3", "-subj", "/CN=kvmspec test CA", "-keyout", folder / "ca.key", "-out", ca)
    run(*new, "-subj", "/CN=localhost", "-keyout", key, "-out", request)
    run(
        "openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key",
        "-CAcreateserial", "-extfile", folder / "ext", "-out", certificate,
    )  # fmt: skip
    certificate.write_bytes(key.read_bytes() + certificate.read_bytes())
    return ca, certificate
