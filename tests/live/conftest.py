"""Fixtures of the black-box live tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from tests.live.depot import Depot
from tests.live.forks import Forks
from tests.live.scene import Scene
from tests.support.private_libvirt import PrivateLibvirt
from tests.support.serving import serve


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """A kvmspec that is already imported; each call is a process of its own."""
    with Forks() as server:
        yield server


@pytest.fixture
def scene(clean_host: PrivateLibvirt, conn: libvirt.virConnect, tmp_path: Path, forks: Forks) -> Scene:
    """An emptied host, a manifest to write, and the command line."""
    return Scene(clean_host, conn, tmp_path, forks)


@pytest.fixture
def depot(scene: Scene, tmp_path: Path) -> Iterator[Depot]:
    """An emptied host, an empty cache, an empty server."""
    folder = tmp_path / "web"
    folder.mkdir()
    with serve(folder) as served:
        yield Depot(scene, served, tmp_path)
