"""The source of a topology's picture, small enough for what draws it."""

from __future__ import annotations

from kvmspec.core.topology import Topology
from kvmspec.report.graph.dot import dot
from kvmspec.report.graph.mermaid import MOST_ARROWS, MOST_CHARACTERS, fits, mermaid
from kvmspec.report.graph.picture import Folding, picture


def source(topology: Topology, format_name: str, most: int) -> tuple[str, tuple[str, ...]]:
    """The text in `mermaid` or `dot`, and notes for who asked for it.

    Things of one `count` are drawn as one where they are more than `most`. Where Mermaid would not
    draw the text, more is folded: all of one `count`, then whatever is alike.
    """
    drawn = picture(topology, Folding(most))
    if format_name == "dot":
        return dot(drawn), drawn.notes
    text = mermaid(drawn)
    for folding in (Folding(1), Folding(1, alike=True)):
        if most == 0 or fits(text, drawn):
            break
        drawn = picture(topology, folding)
        text = mermaid(drawn)
    return text, drawn.notes if fits(text, drawn) else (*drawn.notes, _too_large(text, len(drawn.arrows)))


def _too_large(text: str, arrows: int) -> str:
    return (
        f"{len(text)} characters and {arrows} arrows are more than Mermaid draws by default "
        f"({MOST_CHARACTERS} and {MOST_ARROWS}): narrow it with --target or --host, or use --format dot"
    )
