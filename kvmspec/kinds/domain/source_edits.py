"""Edits of where a disk's data lies: what belongs together is written anew together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.action import Edit

Path = tuple[str, ...]

_PARTS = ("auth", "encryption", "slices", "reservations", "reconnect", "identity")
_ANEW = frozenset({("auth",), ("encryption",), ("backingStore",), *(("source", name) for name in _PARTS)})
"""Elements of a disk whose parts exclude each other: a secret is told by its usage or by its UUID."""
_NAMES = ("protocol", "name", "pool", "volume", "dir", "path", "namespace", "type")
_ELSEWHERE = frozenset({("source", "address"), *(("source", f"@{name}") for name in _NAMES)})
_PLAIN = ("file", "block", None)


def anew(path: Path, value: Any, wanted: Callable[[Path], str], persistent: Any) -> Iterator[Edit]:
    """Edits that put in anew what a changed path is part of; none where it can be written alone."""
    found = _whole(path, value, persistent) if path[:2] == ("devices", "disk") else None
    if found is not None:
        yield Edit("remove", found)
        with suppress(LookupError):
            yield Edit("add", found, wanted(found))


def _whole(path: Path, value: Any, persistent: Any) -> Path | None:
    inside = path[3:]
    if inside == ("@type",):
        plain = value in _PLAIN and get(persistent, path) in _PLAIN
        return None if plain else (*path[:3], "source")
    if inside[:2] in _ELSEWHERE:
        return (*path[:3], "source")
    for length in (1, 2):
        if inside[:length] in _ANEW and not isinstance(value, list):
            return path[: 3 + length]
    return None
