"""The web server of the tests does what tests rely on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.serving import Served, serve

DATA = bytes(range(256)) * 1000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "a.img").write_bytes(DATA)
    with serve(tmp_path) as running:
        yield running


def _get(served: Served, name: str = "a.img", **headers: str) -> tuple[int, bytes]:
    request = Request(
        served.url(name), headers={key.replace("_", "-"): text for key, text in headers.items()}
    )
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, b""


@pytest.mark.parametrize(
    ("asked", "status", "data"),
    [
        ("", 200, DATA),
        ("bytes=0-9", 206, DATA[:10]),
        ("bytes=255990-", 206, DATA[255990:]),
        ("bytes=255990-999999", 206, DATA[255990:]),
        ("bytes=-5", 206, DATA[-5:]),
        ("bytes=256000-", 416, b""),
        ("lines=1-2", 200, DATA),
    ],
)
def test_ranges(served: Served, asked: str, status: int, data: bytes) -> None:
    assert _get(served, Range=asked) == (status, data)
    assert served.requests[0].range == asked


def test_a_file_that_changed_meanwhile_comes_whole(served: Served) -> None:
    assert _get(served, Range="bytes=5-", If_Range='"of-old"') == (200, DATA)


def test_an_unchanged_file_is_not_sent_again(served: Served) -> None:
    etag = urlopen(served.url("a.img"), timeout=5).headers["ETag"]
    assert _get(served, If_None_Match=etag) == (304, b"")


@pytest.mark.parametrize("name", ["b.img", "../secret", "%2e%2e/secret", ""])
def test_nothing_else_is_served(served: Served, name: str) -> None:
    (served.folder.parent / "secret").write_text("secret")
    assert _get(served, name) == (404, b"")


def test_requests_are_counted(served: Served) -> None:
    _get(served)
    _get(served, Range="bytes=1-2")
    urlopen(Request(served.url("a.img"), method="HEAD"), timeout=5).close()
    assert (served.count("a.img"), served.count("a.img", "HEAD"), served.count("b.img")) == (2, 1, 0)


def test_so_many_answers_break_off(served: Served) -> None:
    served.cuts, served.cut_after = 1, 1000
    with pytest.raises(IncompleteRead) as cut:
        _get(served)
    assert cut.value.partial == DATA[:1000]
    assert _get(served) == (200, DATA)


def test_it_can_be_slow(served: Served) -> None:
    served.rate = 500_000
    began = time.monotonic()
    _get(served)
    assert time.monotonic() - began > 0.2
