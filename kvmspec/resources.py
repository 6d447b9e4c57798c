"""Finds templates/ and schemas/: inside the package in a wheel, beside it in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


@cache
def folder(name: str) -> Path:
    """The folder `templates` or `schemas`. Raises FileNotFoundError in a broken installation."""
    for candidate in (_PACKAGE / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"kvmspec's {name} folder is missing: reinstall kvmspec")


def cache_folder(name: str) -> Path:
    """A folder below the user's cache folder; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("kvmspec") / name


def data_folder(name: str) -> Path:
    """A folder below the user's data folder; it need not exist."""
    from platformdirs import user_data_path

    return user_data_path("kvmspec") / name
