"""Blanks at the ends of lines, and blank lines: one at the most, none at either end."""

from __future__ import annotations

from kvmspec.manifest.layout.order import Shape
from kvmspec.manifest.layout.text import BLANKS, Text


def tidied(text: Text, shape: Shape) -> list[str]:
    """The lines of `text` without blanks that say nothing."""
    result: list[str] = []
    blank = True
    for number, line in enumerate(text.lines):
        if text.is_blank(number):
            result += [] if blank else [""]
            blank = True
        else:
            result.append(line if _is_scalar_text(text, number) else line.rstrip(BLANKS))
            blank = False
    return result[:-1] if blank else result


def _is_scalar_text(text: Text, line: int) -> bool:
    """Whether what stands at the end of a line belongs to a scalar."""
    return line in text.inside or line + 1 in text.inside
