"""Problems as text: where, what, the line itself with a caret, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvmspec.core.problem import Problem, Where
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.values import clean, counted, folded, prose, width

_BEFORE, _LINE = 60, 96
"""How much of a long source line is shown: columns before the caret, and altogether."""


def problems_text(problems: Sequence[Problem], *, style: Style = PLAIN) -> str:
    """All problems and their number, ending in a newline; empty without problems."""
    if not problems:
        return ""
    blocks = ["\n".join(_problem(problem, style)) for problem in problems]
    return "\n\n".join([*blocks, count_text(problems)]) + "\n"


def count_text(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning.`"""
    warnings = sum(problem.warning for problem in problems)
    errors = len(problems) - warnings
    return ", ".join(counted(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n) + "."


def error_text(message: str, hint: str = "", *, style: Style = PLAIN) -> str:
    """An error that has no place in a manifest, ending in a newline."""
    text = style("error", "error:") + f" {prose(message)}\n"
    return text + (folded(f"  hint: {prose(hint)}", 100, "    ") + "\n" if hint else "")


def _problem(problem: Problem, style: Style) -> Iterator[str]:
    role, word = ("warning", "warning:") if problem.warning else ("error", "error:")
    yield f"{style(role, word)} {prose(str(problem))}"
    if problem.where and problem.where.source.strip():
        yield from _excerpt(problem.where, style, role)
    if problem.hint:
        yield folded(f"  hint: {prose(problem.hint)}", 100, "    ")


def _excerpt(where: Where, style: Style, role: str) -> Iterator[str]:
    """The source line, and a caret below the column. Long lines are cut around it."""
    source = where.source.rstrip("\r\n").replace("\t", "    ")
    column = _tabless(where.source, where.column - 1)
    start = max(0, column - _BEFORE) if len(source) > _LINE else 0
    shown = source[start : start + _LINE]
    ahead = source[start:column]
    head, tail = "…" if start else "", "…" if start + _LINE < len(source) else ""
    margin = f"{where.line:>5} | "
    yield style("dim", margin) + clean(head + shown + tail)
    yield style("dim", " " * 5 + " | ") + " " * width(clean(head + ahead)) + style(role, "^")


def _tabless(source: str, column: int) -> int:
    """Where a column is after each tab has become four blanks."""
    return column + 3 * source[:column].count("\t")
