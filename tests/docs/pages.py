"""A page as what can be run in it: files, commands with their output, snippets.

    <!-- file: NAME -->     the block in the next line is written to that file
    <!-- run: COMMAND -->   run, and not shown to readers
    ```console              lines `$ command` and what they print; `# exit 4` states another code than 0

A block begins with three backticks at the margin and its kind, and nothing else: whatever looks like a block
or a marker and is none is a mistake, or it would be passed over in silence.

What a command prints is its stdout, and its stderr too where it fails. In what a page shows, `…` stands for
anything in a line, and a line `…` for any number of lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"\s*(?:>\s*)*(```|~~~)")
_OPENING = re.compile(r"```(\w+)")
_MARKER = re.compile(r"<!-- (file|run): (.*\S) -->")
_LIKE_A_MARKER = re.compile(r"\s*<!--\s*(?:file|run)\b")
_EXIT = re.compile(r"\s+# exit (\d+)$")


class BadPage(ValueError):
    """Something in a page that looks like what is run, and is not."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block, or a hidden command (kind `run`). Line counts from 1; file is where it is written to."""

    kind: str
    text: str
    line: int
    start: int
    file: str = ""

    @property
    def first(self) -> str:
        """Its first line, which tells it from the others of its page."""
        return self.text.partition("\n")[0]


@dataclass(frozen=True)
class Command:
    """One command of a console block, the exit code it states, and the output that the page shows."""

    line: str
    command: str
    code: int
    shown: str


def snippets(text: str) -> list[Snippet]:
    """Everything in a page, in its order. Raises BadPage."""
    found: list[Snippet] = []
    lines = enumerate(text.splitlines(keepends=True), 1)
    file, start = "", 0
    for number, line in lines:
        start += len(line)
        marker = _MARKER.fullmatch(line.rstrip("\n"))
        if _FENCE.match(line):
            kind = _kind(line, number)
            body = _body(lines, number)
            found.append(Snippet(kind, body, number, start, file))
            start, file = start + len(body) + len("```\n"), ""
        elif file:
            raise BadPage(f"{number}: after `file: {file}` a block is to follow at once")
        elif marker and marker[1] == "file":
            file = marker[2]
        elif marker:
            found.append(Snippet("run", marker[2], number, start))
        elif _LIKE_A_MARKER.match(line):
            raise BadPage(f"{number}: a marker is a line `<!-- file: NAME -->` or `<!-- run: COMMAND -->`")
    if file:
        raise BadPage(f"after `file: {file}` a block is to follow")
    return found


def _kind(line: str, number: int) -> str:
    opening = _OPENING.fullmatch(line.rstrip("\n"))
    if opening is None:
        raise BadPage(f"{number}: a block begins with ``` at the margin and its kind, not `{line.rstrip()}`")
    return opening[1]


def _body(lines: Iterable[tuple[int, str]], opened: int) -> str:
    body = []
    for _, line in lines:
        if line.rstrip("\n") == "```":
            return "".join(body)
        body.append(line)
    raise BadPage(f"{opened}: this block does not end")


def commands(block: str) -> list[Command]:
    """The commands of a console block. Raises BadPage where it does not begin with one."""
    if not block.startswith("$ "):
        raise BadPage("a console block begins with `$ command`")
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


def without_blocks(text: str) -> str:
    """Its prose."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def pages(top: Path, generated: Iterable[str]) -> list[Path]:
    """README.md and the pages of docs/ that are written by hand: all but what scripts/generate.py writes."""
    written = [
        page
        for page in sorted((top / "docs").rglob("*.md"))
        if str(page.relative_to(top)) not in set(generated)
    ]
    return [top / "README.md", *written]
