"""Foreign text in GitHub's Markdown: it can show itself, and do nothing else.

Only letters that form a plain word reach the renderer as they are. Everything else stands in a code
span, which neither Markdown nor what GitHub does afterwards (mentions, references to issues and
commits, links, emoji, formulas) looks into. `clean` has removed line ends and control characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from kvmspec.report.values import clean, cut, prose

LONGEST = 400
"""Characters shown of any one text. A fence stays far below the 80 backticks that cmark knows."""
PROJECT = 64

_TOKEN = re.compile(r"""(["(]*)(?:`([^`]+)`|([^ ]+?))([)",.;:?]*)(?= |$)""")
_PLAIN = re.compile(r"[A-Za-z]+(?:'[a-z]+)?|→|…")
_LINKS = re.compile(r"www|https?|ftp|mailto|xmpp|[0-9a-f]{7,}", re.IGNORECASE)  # the last is a commit


def code(text: str, limit: int = LONGEST) -> str:
    """`text` as a code span, whatever it contains; empty for an empty text."""
    shown = cut(clean(text), limit)
    if not shown:
        return ""
    runs = {len(run) for run in re.findall("`+", shown)}
    fence = "`" * next(length for length in range(1, limit + 2) if length not in runs)
    ticked = shown.startswith("`") or shown.endswith("`")
    stripped = shown.startswith(" ") and shown.endswith(" ") and shown.strip()
    blank = " " if ticked or stripped else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def sentence(text: str, limit: int = LONGEST) -> str:
    """A sentence that came from elsewhere: its plain words as text, all the rest as code."""
    return _TOKEN.sub(_token, cut(prose(text), limit))


def row(cells: Iterable[str]) -> str:
    """A line of a table. A pipe in a cell is escaped: tables are cut into cells before all else."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def marker(project: str) -> str:
    """The hidden first line by which a comment of this project is found again."""
    name = quote(cut(clean(project), PROJECT), safe="").replace("--", "-%2D")
    return f"<!-- kvmspec plan: {name} -->"


def _token(match: re.Match[str]) -> str:
    before, quoted, word, after = match.groups()
    plain = word is not None and _PLAIN.fullmatch(word) and not _LINKS.fullmatch(word)
    return before + (word if plain else code(quoted or word)) + after
