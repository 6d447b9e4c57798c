"""Fixtures of the black-box live tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import libvirt
import pytest

from tests.live.scene import Scene
from tests.support.private_libvirt import PrivateLibvirt


@pytest.fixture
def scene(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect, tmp_path: Path, run_kvmspec: Callable[..., Any]
) -> Scene:
    """An emptied host, a manifest to write, and the command line."""
    return Scene(clean_host, conn, tmp_path, run_kvmspec)
