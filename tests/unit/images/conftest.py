"""A library on a cache of its own, and servers on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kvmspec.images.library import Library
from kvmspec.images.retry import Patience
from tests.unit.images.server import Running, Server, make_certificates

MakeLibrary = Callable[..., Library]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are asked directly, whatever the machine's proxy is."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Running() as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A CA, and the certificate of a server with its key."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def safe_server(certificates: tuple[Path, Path]) -> Iterator[Server]:
    with Running(certificates[1]) as running:
        yield running


@pytest.fixture
def make_library(tmp_path: Path, certificates: tuple[Path, Path]) -> MakeLibrary:
    """A library on one and the same folder that trusts the CA, and waits for nothing."""

    def make(**how: Any) -> Library:
        environ = how.pop("environ", {"SSL_CERT_FILE": str(certificates[0])})
        return Library(tmp_path / "cache", environ=environ, patience=Patience(3, 0.01, 0.02), **how)

    return make


@pytest.fixture
def library(make_library: MakeLibrary) -> Library:
    return make_library()
