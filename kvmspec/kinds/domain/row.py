"""A row of the field table, and how its value is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.rules import Rule
from kvmspec.manifest.types import format_size

Path = tuple[str, ...]
ANY = "*"


def size(value: Any) -> Any:
    return format_size(int(value)) if value is not None else None


def number(value: Any) -> Any:
    return int(value) if value is not None else None


def present(value: Any) -> Any:
    return True if value is not None else None


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `{key}` in the manifest path is what `*` in the canonical path stands for.

    removable  no longer stated, it goes back to libvirt's default; else the VM keeps what it has
    call       the libvirt function that does it while the guest runs; NONE where none does
    unproved   why no test has seen a running guest with it; "" for what was seen
    """

    manifest: str
    canonical: Path
    rule: Rule
    show: Callable[[Any], Any] = lambda value: value
    removable: bool = False
    sensitive: bool = False
    call: Call = Call.NONE
    unproved: str = ""
