"""One row of the field table, and how values of libvirt's are shown."""

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


def accel(value: Any) -> Any:
    return {"kvm": "kvm", "qemu": "tcg"}.get(value, value)


def boot_devices(value: Any) -> Any:
    names = {"hd": "disk"}
    listed = value if isinstance(value, list) else [value] if value else []
    return [names.get(entry["@dev"], entry["@dev"]) for entry in listed] or None


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `{key}` in the manifest path is what `*` in the canonical path stands for.

    removable  no longer stated, it goes back to libvirt's default; else the VM keeps what it has
    call       the libvirt function that does it while the guest runs; NONE where none does
    unproved   why no test has seen it on a running guest; "" where one has
    """

    manifest: str
    canonical: Path
    rule: Rule
    show: Callable[[Any], Any] = lambda value: value
    removable: bool = False
    sensitive: bool = False
    call: Call = Call.NONE
    unproved: str = ""
