"""A web server on the loopback that serves a folder, also slowly or not to the end."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Request:
    """One request as it came: its method, its path, its Range header or ""."""

    method: str
    path: str
    range: str


@dataclass
class Served:
    """What a test knows of its server, and may change while it runs.

    ``rate`` is bytes per second of each answer, None for all it can. ``cut_after`` is the number of bytes after
    which each of the next ``cuts`` answers breaks off.
    """

    folder: Path
    port: int = 0
    rate: float | None = None
    cut_after: int = 0
    cuts: int = 0
    requests: list[Request] = field(default_factory=list)

    def url(self, name: str) -> str:
        """The address of a file of the folder."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def count(self, name: str, method: str = "GET") -> int:
        """How often a file was asked for."""
        return sum(seen.path == f"/{name}" and seen.method == method for seen in self.requests)


@contextmanager
def serve(folder: Path, *, rate: float | None = None) -> Iterator[Served]:
    """Serve the files of a folder, with ranges and ETags: ``with serve(folder) as served: served.url("a.img")``."""
    served = Served(folder, rate=rate)
    handler = type("Handler", (_Handler,), {"served": served})
    server = _Quiet(("127.0.0.1", 0), handler)
    served.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        asked = self.headers.get("Range", "")
        self.served.requests.append(Request(self.command, self.path, asked))
        path = (self.served.folder / self.path.partition("?")[0].lstrip("/")).resolve()
        if not path.is_file() or not path.is_relative_to(self.served.folder.resolve()):
            self._begin(404, 0)
            return
        stat = path.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        if self.headers.get("If-None-Match") == etag:
            self._begin(304, 0, ETag=etag)
            return
        same = self.headers.get("If-Range", etag) == etag
        part = _part(asked, stat.st_size) if same else None
        if part is None:
            self._send(path, 0, stat.st_size, 200, ETag=etag)
        elif part[0] >= part[1]:
            self._begin(416, 0, **{"Content-Range": f"bytes */{stat.st_size}"})
        else:
            told = f"bytes {part[0]}-{part[1] - 1}/{stat.st_size}"
            self._send(path, *part, 206, ETag=etag, **{"Content-Range": told})

    def _send(self, path: Path, start: int, end: int, status: int, **headers: str) -> None:
        self._begin(status, end - start, **headers)
        if self.command == "HEAD":
            return
        cut = self.served.cuts > 0
        self.served.cuts -= cut
        with path.open("rb") as file:
            file.seek(start)
            self._copy(file, min(end - start, self.served.cut_after) if cut else end - start)
        self.close_connection = cut

    def _copy(self, file: BinaryIO, left: int) -> None:
        while left > 0 and (data := file.read(min(CHUNK, left))):
            self.wfile.write(data)
            left -= len(data)
            if self.served.rate:
                time.sleep(len(data) / self.served.rate)

    def _begin(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Accept-Ranges": "bytes", "Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Nothing: the test's output is its own."""


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for, from and up to; None for all of them."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size
