"""A picture as a Mermaid flowchart, for GitHub, GitLab and whatever else draws it in Markdown."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kvmspec.report.graph.fate import COLOURS, DASHED, PLAIN, Colour
from kvmspec.report.graph.picture import Box, Picture

MOST_CHARACTERS, MOST_ARROWS = 50_000, 499
"""Mermaid's own limits, which a site cannot be told to raise from within a diagram: maxTextSize 50000, and
maxEdges 500, at which it refuses already."""

_SHAPES = {
    "vm": ('["', '"]'),
    "network": ('(["', '"])'),
    "volume": ('[("', '")]'),
    "image": ('[/"', '"/]'),
    "pool": ('[["', '"]]'),
    "nwfilter": ('{{"', '"}}'),
    "secret": ('>"', '"]'),
}
_MEANT = re.compile(r"\\(?=n)|\$(?=\$)|fa\w?:(?=fa-)")
"""What Mermaid looks for once it has put the characters back: line breaks, formulas, icons."""
_ESCAPES = str.maketrans({char: f"#{ord(char)};" for char in '"#<>&`\\$;{}'})


def mermaid(picture: Picture) -> str:
    """The source of the diagram, a line each."""
    return "\n".join(_lines(picture)) + "\n"


def fits(text: str, picture: Picture) -> bool:
    """Whether Mermaid draws it with the limits it has by default."""
    return len(text) <= MOST_CHARACTERS and len(picture.arrows) <= MOST_ARROWS


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart LR"
    yield from (f"%% {_comment(note)}" for note in picture.notes)
    for area in picture.areas:
        title = ", ".join(area.lines)  # boxes are drawn over a second line of it
        yield f"  subgraph {area.id}[{_quoted([title])}]"
        yield "    direction LR"
        yield from (f"    {_box(box)}" for box in area.boxes)
        yield "  end"
    for arrow in picture.arrows:
        line = f"-.->|{_quoted([arrow.label])}|" if arrow.label else "-->"
        yield f"  {arrow.start} {line} {arrow.end}"
    yield from _classes(box for area in picture.areas for box in area.boxes)
    yield from (f"  style {area.id} fill:none,stroke:{PLAIN.line}" for area in picture.areas)


def _box(box: Box) -> str:
    start, end = _SHAPES[box.kind]
    return f"{box.id}{start}{_text(box.lines)}{end}"


def _classes(boxes: Iterable[Box]) -> Iterator[str]:
    used: dict[str, list[str]] = defaultdict(list)
    for box in boxes:
        if box.css:
            used[box.css].append(box.id)
    yield f"  classDef default {_style(PLAIN)}"
    for css, ids in used.items():
        dashes = ",stroke-dasharray:5 4" if css in DASHED else ""
        yield f"  classDef {css} {_style(COLOURS[css])}{dashes}"
        yield f"  class {','.join(ids)} {css}"


def _style(colour: Colour) -> str:
    return f"fill:{colour.fill},stroke:{colour.line},color:{colour.text}"


def _quoted(lines: Sequence[str]) -> str:
    return f'"{_text(lines)}"'


def _text(lines: Sequence[str]) -> str:
    """Whatever could mean something to Mermaid, to Markdown or to HTML stands as its number, or is kept
    apart by a space that is not seen."""
    return "<br/>".join(_MEANT.sub("\\g<0>\u200b", line).translate(_ESCAPES) for line in lines)


def _comment(text: str) -> str:
    return text.replace("{", "(").replace("}", ")")
