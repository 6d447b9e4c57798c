"""Small JSON files, written whole; a damaged one is as good as none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """What `path` holds; an empty map where it is missing, unreadable or damaged."""
    with suppress(OSError, ValueError, RecursionError):
        data = json.loads(path.read_bytes())
        return data if isinstance(data, dict) else {}
    return {}


def text(data: Mapping[str, Any], key: str) -> str:
    """A text of the map; empty where it is none."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def number(data: Mapping[str, Any], key: str) -> int:
    """A whole number of the map, 0 or more; -1 where it is none."""
    value = data.get(key)
    return value if type(value) is int and value >= 0 else -1


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Put `data` at `path`. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(data, stream)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def record(path: Path, data: Mapping[str, Any]) -> None:
    """The same for what is only a memory: a cache that cannot be written forgets."""
    with suppress(OSError):
        write(path, data)
