"""A page as what can be run in it: files, commands with their output, snippets.

    <!-- file: NAME -->     the block below is written to that file
    <!-- run: COMMAND -->   run, and not shown to readers
    ```console              lines `$ command` and what they print; `# exit 4` states another code than 0

What a command prints is its stdout, and its stderr too where it fails. In what a page shows, `…` stands for
anything in a line, and a line `…` for any number of lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.M | re.S)
_MARKER = re.compile(r"<!-- (file|run): ([^\n]*) -->\n\Z")
_HIDDEN = re.compile(r"^<!-- run: (.*?) -->$", re.M | re.S)
_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True)
class Snippet:
    """A fenced block, or a hidden command (kind `run`). Line counts from 1; file is where it is written to."""

    kind: str
    text: str
    line: int
    start: int
    file: str = ""


@dataclass(frozen=True)
class Command:
    """One command of a console block, the exit code it states, and the output that the page shows."""

    line: str
    command: str
    code: int
    shown: str


def snippets(text: str) -> list[Snippet]:
    """Everything in a page, in its order."""
    found = [*_blocks(text), *_hidden(text)]
    return sorted(found, key=lambda snippet: snippet.start)


def _blocks(text: str) -> Iterator[Snippet]:
    for match in _BLOCK.finditer(text):
        marker = _MARKER.search(text[: match.start()])
        file = marker[2] if marker and marker[1] == "file" else ""
        yield Snippet(match[1], match[2], text.count("\n", 0, match.start()) + 1, match.start(2), file)


def _hidden(text: str) -> Iterator[Snippet]:
    for match in _HIDDEN.finditer(text):
        yield Snippet("run", match[1], text.count("\n", 0, match.start()) + 1, match.start())


def commands(block: str) -> list[Command]:
    """The commands of a console block. Raises ValueError where it does not begin with one."""
    if not block.startswith("$ "):
        raise ValueError("a console block begins with `$ command`")
    found = []
    for part in re.split(r"^(?=\$ )", block, flags=re.M)[1:]:
        line, _, shown = part.partition("\n")
        while line.endswith("\\"):
            more, _, shown = shown.partition("\n")
            line += "\n" + more
        code = _EXIT.search(line)
        command = _EXIT.sub("", line)[2:].replace("\\\n", " ")
        found.append(Command(line, command, int(code[1]) if code else 0, shown.rstrip("\n")))
    return found


def fits(shown: str, printed: str) -> bool:
    """Whether a page may show this of what a command printed."""
    lines = [re.escape(line).replace("…", ".*") for line in shown.split("\n")]
    pattern = "".join(r"(?:.*\n)*?" if line == ".*" else line + "\n" for line in lines)
    return re.fullmatch(pattern, printed + "\n") is not None


def pages(top: Path) -> list[Path]:
    """README.md and the pages of docs/ that are written by hand."""
    written = [page for page in sorted((top / "docs").rglob("*.md")) if not _is_generated(page)]
    return [top / "README.md", *written]


def _is_generated(page: Path) -> bool:
    return "Generated" in page.read_text()[:600] and "scripts/generate.py" in page.read_text()[:900]
