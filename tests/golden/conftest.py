"""`pytest tests/golden --regenerate` (or KVMSPEC_REGENERATE=1 with any command line) rewrites what is expected."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known to pytest only where this folder is named on its command line; else use the variable."""
    parser.addoption("--regenerate", action="store_true", help="rewrite the golden files; then read the diff")


@pytest.fixture
def regenerate(pytestconfig: pytest.Config) -> bool:
    """Whether expected files are to be written, and not compared."""
    asked = pytestconfig.getoption("--regenerate", default=False)
    return bool(asked) or os.environ.get("KVMSPEC_REGENERATE", "") not in ("", "0")
