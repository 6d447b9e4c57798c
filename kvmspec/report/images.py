"""The images of the cache, or of a manifest: one row each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kvmspec import __version__
from kvmspec.images.facts import Entry
from kvmspec.report.json import FORMAT_VERSION
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.values import about, clean, counted, pad, width

if TYPE_CHECKING:
    from kvmspec.engine.prune import Bases, Pruned

_HEADINGS = ("IMAGE", "STATE", "FORMAT", "SIZE", "DIGEST", "LAST USED", "SOURCE")
_SHORT = 12
"""Digits of a digest that are shown."""


def images_text(entries: Sequence[Entry], *, style: Style = PLAIN) -> str:
    """The table, ending in a newline."""
    if not entries:
        return "No images.\n"
    cells = [_HEADINGS, *map(_cells, entries)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(_HEADINGS))]
    lines = ["  ".join(map(pad, row, widths)).rstrip() for row in cells]
    colours = ["heading", *("warning" if entry.state == "partial" else "" for entry in entries)]
    return "\n".join(map(style, colours, lines)) + "\n"


def images_data(entries: Sequence[Entry]) -> dict[str, Any]:
    """`kvmspec image list`. Sizes in bytes; what is not known is empty, 0 or null."""
    rows = [{**entry._asdict(), "last_used": _time(entry)} for entry in entries]
    return {"format_version": FORMAT_VERSION, "kvmspec_version": __version__, "images": rows}


def freed_text(entries: Sequence[Entry]) -> str:
    """What prune has removed, ending in a newline."""
    if not entries:
        return "Nothing to remove.\n"
    lines = [
        f"removed {clean(entry.name) or entry.identity[:_SHORT]} ({about(entry.size)})" for entry in entries
    ]
    total = about(sum(entry.size for entry in entries))
    return "\n".join([*lines, f"{counted(len(entries), 'image')} removed, {total} freed."]) + "\n"


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        clean(entry.name) or "-",
        entry.state,
        entry.format or "-",
        about(entry.size) if entry.size else "-",
        entry.digest.partition(":")[2][:_SHORT] or "-",
        _time(entry)[:16].replace("T", " ") if entry.last_used else "-",
        clean(entry.source) or "-",
    )


def _time(entry: Entry) -> Any:
    if not entry.last_used:
        return None
    return datetime.fromtimestamp(entry.last_used, UTC).isoformat(timespec="seconds")


def bases_text(found: Bases) -> str:
    """What `image prune --bases` finds, ending in a newline."""
    lines = [
        f"{clean(item.host)}: {clean(item.why)}" + (f"; {clean(item.hint)}" if item.hint else "")
        for item in found.unread
    ]
    for base in found.found:
        what = f"{clean(base.host)}  {clean(base.pool)}/{clean(base.volume)}  {about(base.size)}"
        lines.append(f"    {what}  stays: {clean(base.kept)}" if base.kept else f"  - {what}  {base.state}")
    if not found.going:
        lines.append("Nothing to remove.")
    return "\n".join(lines) + "\n"


def pruned_text(results: Sequence[Pruned]) -> str:
    """What became of the bases that were to go, ending in a newline."""
    lines = [
        f"{clean(result.base.volume)} stays: {clean(result.problem)}" for result in results if result.problem
    ]
    gone = [result.base for result in results if not result.problem]
    total = about(sum(base.size for base in gone))
    return "\n".join([*lines, f"{counted(len(gone), 'base')} removed, {total} freed."]) + "\n"
