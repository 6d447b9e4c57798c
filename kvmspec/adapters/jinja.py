"""Templates → XML. Autoescaped, so nothing a manifest says can leave its element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup


class Renderer:
    """Renders the templates of one folder; each is compiled once and cached on disk."""

    def __init__(self, templates: Path, cache: Path | None = None) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            bytecode_cache=_bytecode(cache),
        )
        self._environment.filters |= {"kib": kib, "lease": lease, "placed": placed}

    def render(self, template: str, **values: Any) -> str:
        """The text of `template`, e.g. `network.xml.j2`. Raises jinja2.UndefinedError on a
        template that names what it was not given."""
        return self._environment.get_template(template).render(values)


class _Cache(FileSystemBytecodeCache):
    """A cache that is full, or not ours to write, only makes things slower."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)


def kib(size: int) -> int:
    """Bytes as libvirt's KiB, rounded up."""
    return -(-size // 1024)


class Device(Protocol):
    """What a filter knows of a device: elements for where it is, each a tag and attributes."""

    @property
    def place(self) -> Iterable[tuple[str, Mapping[str, str]]]: ...


def placed(xml: Markup, device: Device | None) -> Markup:
    """The XML of one device, with its address and the like as its last elements."""
    if device is None:
        return xml
    parts = [Markup("      <{}{}/>\n").format(tag, _attributes(values)) for tag, values in device.place]
    if not parts:
        return xml
    text, inside = str(xml).rstrip(), "".join(parts)
    if text.endswith("/>") and text.count("<") == 1:
        head, tag = text.removesuffix("/>"), text.split()[0].strip("<>/")
        return Markup(f"{head}>\n{inside}    </{tag}>\n")
    head, _, tag = text.rpartition("</")
    return Markup(f"{head.rstrip()}\n{inside}    </{tag}\n")


def _attributes(values: Mapping[str, str]) -> Markup:
    return Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in values.items())


def lease(text: str) -> tuple[int, str]:
    """A lease as libvirt's expiry and unit: `12h` → (12, "hours"); 0 is for ever."""
    if text == "infinite":
        return 0, "minutes"
    number, unit = int(text[:-1]), text[-1]
    return (number * 24, "hours") if unit == "d" else (number, _LEASE_UNITS[unit])


_LEASE_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def _bytecode(folder: Path | None) -> BytecodeCache | None:
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:  # a read-only home: compile anew each time
        return None
    return _Cache(str(folder))
