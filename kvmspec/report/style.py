"""Colour, by role. Plain text is the same text without the escape codes."""

from __future__ import annotations

from dataclasses import dataclass

_CODES = {
    "heading": "1",
    "create": "32",
    "update": "33",
    "restart": "35",
    "delete": "31",
    "adopt": "36",
    "danger": "1;31",
    "error": "1;31",
    "warning": "33",
    "good": "32",
    "dim": "2",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Paints text by role (`create`, `danger`, `dim` …), or leaves it alone when off."""

    enabled: bool = False

    def __call__(self, role: str, text: str) -> str:
        """`text` in the colour of `role`; an unknown role has none."""
        code = _CODES.get(role)
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and code and text else text


PLAIN = Style()
