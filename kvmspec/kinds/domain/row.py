"""A row of the field table, and how values are shown.

Facts: https://libvirt.org/formatdomain.html and measurements on libvirt 9.0 with QEMU 7.2.
"""

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


def attribute(name: str) -> Callable[[Any], Any]:
    """Of an element its one attribute, or the attribute itself."""
    return lambda value: value.get(f"@{name}") if isinstance(value, dict) else value


def present(value: Any) -> Any:
    return True if value is not None else None


def accel(value: Any) -> Any:
    return {"kvm": "kvm", "qemu": "tcg"}.get(value, value)


def boot_devices(value: Any) -> Any:
    names = {"hd": "disk", "fd": "floppy"}
    listed = value if isinstance(value, list) else [value] if value else []
    return [names.get(entry["@dev"], entry["@dev"]) for entry in listed] or None


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `{key}` in the manifest path is what `*` in the canonical path stands for.

    removable  no longer stated, it goes back to libvirt's default; else the VM keeps what it has
    call       the libvirt function that does it while the guest runs; NONE where none does
    whole      `show` takes an element with all that is in it; else it is told in a word
    twin       changes with another field, which tells it
    unproved   what tests would need to see it work; empty where they do
    """

    manifest: str
    canonical: Path
    rule: Rule
    show: Callable[[Any], Any] = lambda value: value
    removable: bool = False
    sensitive: bool = False
    call: Call = Call.NONE
    whole: bool = False
    twin: bool = False
    unproved: str = ""
