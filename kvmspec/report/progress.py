"""Progress: one line an action, written when it ends."""

from __future__ import annotations

from kvmspec.core.action import ShutdownDomain
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

    With `starts` (a terminal) the beginning of an action that may take minutes is announced, too.
    """
    action = event.step.action
    name = f"{clean(action.address.host)}  {clean(action.address.short)}  {prose(event.step.text)} …"
    if event.what == "progress":
        return ""  # the line at the end has the note
    if event.what == "started":
        if starts and isinstance(action, ShutdownDomain):
            return style("dim", f"{name} the guest has up to {action.timeout}s")
        return ""
    role, word = _ENDS.get(event.what, ("", event.what))
    error = f": {prose(event.error)}" if event.error else ""
    timed = f" ({event.seconds:.1f}s)" if event.what in (Status.DONE.value, Status.FAILED.value) else ""
    note = f", {prose(event.note)}" if event.note else ""
    return f"{name} {style(role, word)}{timed}{note}{error}"
