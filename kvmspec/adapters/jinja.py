"""Templates → XML. Autoescaped, so nothing a manifest says can leave its element."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup, escape


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
        self._environment.filters |= {"kib": kib, "lease": lease, "attribute": attribute}
        # at hand in every template: an import takes 5 µs each time, used or not
        self._environment.globals["element"] = self._environment.get_template("element.xml.j2").module.element  # type: ignore[attr-defined]

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


def attribute(text: str) -> Markup:
    """The value of an attribute in which line breaks and tabs stay what they are: unescaped, readers of XML
    make spaces of them."""
    made = escape(text)
    return Markup(made.translate(_SPACES)) if not _SPACES.keys().isdisjoint(map(ord, text)) else made


_SPACES = {ord(char): f"&#{ord(char)};" for char in "\t\n\r"}


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
