"""The VMs of a manifest and how they are: one row each."""

from __future__ import annotations

from collections.abc import Sequence

from kvmspec.core.status import VmStatus
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.values import clean, pad, prose, width

_HEADINGS = ("VM", "HOST", "WANTED", "ACTUAL", "ADDRESSES", "PENDING", "DRIFT")
_NO_VM = "The manifest has no VMs.\n"


def status_text(rows: Sequence[VmStatus], *, style: Style = PLAIN) -> str:
    """The table, then the notes, ending in a newline."""
    if not rows:
        return _NO_VM
    cells = [_HEADINGS, *map(_cells, rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(_HEADINGS))]
    lines = ["  ".join(map(pad, row, widths)).rstrip() for row in cells]
    colours = ["heading", *("" if row.wanted in (row.actual, "any") else "warning" for row in rows)]
    notes = [f"{clean(row.address.leaf)}: {prose(row.note)}" for row in rows if row.note]
    text = "\n".join(map(style, colours, lines)) + "\n"
    return text + ("\n" + "\n".join(dict.fromkeys(notes)) + "\n" if notes else "")


def _cells(row: VmStatus) -> tuple[str, ...]:
    return (
        clean(row.address.name),
        clean(row.address.host),
        clean(row.wanted),
        clean(row.actual),
        *(clean(", ".join(map(str, items))) or "-" for items in (row.addresses, row.pending, row.drift)),
    )
