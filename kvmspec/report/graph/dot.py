"""A picture in DOT, for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvmspec.report.graph.fate import COLOURS, DASHED, PLAIN
from kvmspec.report.graph.picture import Area, Box, Picture

_SHAPES = {
    "vm": "box",
    "network": "oval",
    "nwfilter": "hexagon",
    "volume": "cylinder",
    "pool": "folder",
    "image": "note",
    "secret": "diamond",
}
_FONT = 'fontname="Helvetica,Arial,sans-serif"'


def dot(picture: Picture) -> str:
    """The source of the graph, a line each."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield f"digraph {_quoted([picture.project])} {{"
    yield from (f"  // {note}" for note in picture.notes)
    yield f"  graph [rankdir=LR, {_FONT}, fontsize=11, nodesep=0.25, ranksep=0.8];"
    yield f'  node [{_FONT}, fontsize=10, style=filled, margin="0.15,0.08"];'
    yield f'  edge [{_FONT}, fontsize=9, color="#57606a", arrowsize=0.7];'
    for area in picture.areas:
        yield from _area(area)
    for arrow in picture.arrows:
        label = f" [label={_quoted([arrow.label])}, style=dashed]" if arrow.label else ""
        yield f"  {arrow.start} -> {arrow.end}{label};"
    yield "}"


def _area(area: Area) -> Iterator[str]:
    yield f"  subgraph cluster_{area.id} {{"
    yield f'    label={_quoted(area.lines)}; color="#afb8c1"; style=rounded;'
    yield from (f"    {_box(box)}" for box in area.boxes)
    yield "  }"


def _box(box: Box) -> str:
    colour = COLOURS.get(box.css, PLAIN)
    style = '"filled,dashed"' if box.css in DASHED else "filled"
    return (
        f"{box.id} [label={_quoted(box.lines)}, shape={_SHAPES[box.kind]}, style={style}, "
        f'fillcolor="{colour.fill}", color="{colour.line}", fontcolor="{colour.text}"];'
    )


def _quoted(lines: Sequence[str]) -> str:
    """A string: Graphviz reads backslashes and HTML's entities in it."""
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
