"""Progress: one line an action, written when it ends; and who is waited for before the first."""

from __future__ import annotations

from kvmspec.core.plan import Event, Status
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.values import clean, prose

_ENDS = {
    Status.DONE.value: ("good", "done"),
    Status.FAILED.value: ("error", "FAILED"),
    Status.SKIPPED.value: ("warning", "skipped"),
    Status.NOT_STARTED.value: ("warning", "not started"),
    Status.UNDONE.value: ("warning", "undone"),
}


def progress_line(event: Event, *, style: Style = PLAIN, starts: bool = False) -> str:
    """The line for an event, without newline; empty where there is nothing to say.

    With `starts` (a terminal) what an action that may take minutes is waiting for is told, too.
    """
    action = event.step.action
    name = f"{clean(action.address.host)}  {clean(action.address.short)}  {prose(event.step.text)} …"
    if event.what == "progress":  # the line at the end has the note, unless it is on its way
        waits = starts and event.note.endswith("…")
        return style("dim", f"{name.removesuffix(' …')}: {prose(event.note)}") if waits else ""
    if event.what == "started":
        return ""
    role, word = _ENDS.get(event.what, ("", event.what))
    error = f": {prose(event.error)}" if event.error else ""
    timed = f" ({event.seconds:.1f}s)" if event.what in (Status.DONE.value, Status.FAILED.value) else ""
    note = f", {prose(event.note)}" if event.note else ""
    return f"{name} {style(role, word)}{timed}{note}{error}"


def waiting_line(host: str, holder: str, left: float, *, style: Style = PLAIN) -> str:
    """That another apply has a host, and for how many seconds more it is waited for, without newline."""
    who = f"another apply is running on {clean(host)}: {prose(holder)}"
    return style("warning", f"Waiting, for {left:.0f} s at the most: {who}")
