"""Values as they are shown: on one line, without control characters, cut, never secret."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from kvmspec.core.change import FieldChange
from kvmspec.manifest.secrets import SECRET as SECRET
from kvmspec.manifest.secrets import masked

NONE = "(none)"
LIMIT = 60
"""Longest value shown, in characters."""

_SPECIAL = {"true", "false", "null", NONE, SECRET}
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def clean(text: str) -> str:
    """`text` fit for a terminal: control, bidirectional and invalid characters escaped, secrets hidden."""
    text = masked(text)
    return text if text.isprintable() else "".join(map(_printable, text))


def prose(text: str) -> str:
    """A sentence that came from elsewhere (libvirt, a kind), on one line."""
    return clean(" ".join(text.split()))


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def pad(text: str, columns: int) -> str:
    """`text` filled up with blanks."""
    return text + " " * (columns - width(text))


def cut(text: str, limit: int = LIMIT) -> str:
    """At most `limit` characters of `text`; what is left out shows as `…`."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def full(value: Any) -> str:
    """A value as a user would write it in the manifest, on one line, uncut."""
    match value:
        case None:
            return NONE
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case Mapping():
            return "{" + ", ".join(f"{clean(str(key))}: {full(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(full, value)) + "]"
        case set() | frozenset():
            return full(sorted(value, key=str))
        case _:
            return clean(str(value))


def before_after(change: FieldChange, limit: int = LIMIT) -> tuple[str, str]:
    """Both values of a change, cut so that what differs stays in sight."""
    if change.sensitive:
        return _hidden(change.before), _hidden(change.after)
    before, after = full(change.before), full(change.after)
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    if same < limit - 1 or max(len(before), len(after)) <= limit:
        return cut(before, limit), cut(after, limit)
    start = same - limit // 3
    return cut("…" + before[start:], limit), cut("…" + after[start:], limit)


def arrow(change: FieldChange, limit: int = LIMIT) -> str:
    """`1GiB → 2GiB`."""
    before, after = before_after(change, limit)
    return f"{before} → {after}"


def about(size: int) -> str:
    """Bytes for a person: `10 GiB`, `1.5 TiB`."""
    amount, units = float(size), iter(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))
    unit = "B"
    while amount >= 1024 and (larger := next(units, "")):
        amount, unit = amount / 1024, larger
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def counted(number: int, noun: str) -> str:
    """`1 volume`, `2 volumes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def redacted(value: Any) -> Any:
    """Plain data for JSON with secret tokens replaced by `(secret)`."""
    match value:
        case str():
            return masked(value)
        case Mapping():
            return {str(key): redacted(item) for key, item in value.items()}
        case list() | tuple():
            return [redacted(item) for item in value]
        case set() | frozenset():
            return redacted(sorted(value, key=str))
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


def folded(text: str, columns: int, indent: str = "  ") -> str:
    """A paragraph folded at `columns`, its later lines indented. Long words stay whole."""
    return "\n".join(
        textwrap.wrap(text, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    )


def _hidden(value: Any) -> str:
    return NONE if value is None else SECRET


def _text(value: str) -> str:
    text = clean(value)
    bare = text and " " not in text and text not in _SPECIAL and text[0] not in "\"'[{" and "→" not in text
    return text if bare or text == SECRET != value else '"' + text.replace('"', '\\"') + '"'


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return _ESCAPES.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


@cache
def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
