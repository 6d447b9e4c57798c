"""What became of a plan: failures in libvirt's own words, and one closing line."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.change import Difference, Verb
from kvmspec.core.plan import Outcome, Plan, Result, Status
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.summary import effective
from kvmspec.report.text import address_text
from kvmspec.report.values import arrow, clean, counted, folded, prose

_PAST = {
    Verb.CREATE: "created",
    Verb.ADOPT: "adopted",
    Verb.UPDATE: "changed",
    Verb.DELETE: "deleted",
}
_HEADINGS = {
    Status.FAILED: ("error", "Failed:"),
    Status.UNDONE: ("warning", "Put back as it was:"),
    Status.SKIPPED: ("warning", "Skipped, because something it needs failed:"),
    Status.NOT_STARTED: ("warning", "Not started:"),
}


def outcome_text(
    plan: Plan,
    result: Result,
    seconds: float,
    *,
    name: str = "Apply",
    saved: bool = False,
    style: Style = PLAIN,
    width: int = 100,
) -> str:
    """The report after acting, ending in a newline. `name` is what was run: Apply or Destroy; of a
    saved plan (`saved`) a half that is done makes it stale."""
    sections = ["\n".join(_section(plan, result, status, style, width)) for status in _HEADINGS]
    sections.append("\n".join(_remaining(plan, result, style)))
    if stayed := list(_stayed(plan, result)):
        sections.append("\n".join(stayed))
    again = "Make a new plan and apply it" if saved else f"Run {name.lower()} again"
    sections.append(_closing(plan, result, seconds, name, again, style))
    return "\n\n".join(filter(None, sections)) + "\n"


def _section(plan: Plan, result: Result, status: Status, style: Style, width: int) -> Iterator[str]:
    outcomes = [outcome for outcome in result.outcomes if outcome.status is status]
    if outcomes:
        role, heading = _HEADINGS[status]
        yield style(role, heading)
    for outcome in outcomes:
        error = f": {prose(outcome.error)}" if outcome.error else ""
        yield folded(f"  {_step(plan, outcome)}{error}", width, "    ")
        if outcome.hint:
            yield folded(f"    hint: {prose(outcome.hint)}", width, "      ")


def _remaining(plan: Plan, result: Result, style: Style) -> Iterator[str]:
    """What still differs although every step succeeded."""
    for host in result.unverified:
        yield style("warning", f"{clean(host)} could not be looked at again: see kvmspec plan.")
    if result.remaining:
        yield style("warning", "Still different after a last look:")
    for difference in result.remaining:
        fields = ", ".join(f"{clean(change.path)} {arrow(change)}" for change in difference.changes)
        yield f"  {address_text(plan, difference.address)}" + (f": {fields}" if fields else "")


def _step(plan: Plan, outcome: Outcome) -> str:
    return f"{address_text(plan, outcome.step.action.address)}  {prose(outcome.step.text)}".rstrip()


def _stayed(plan: Plan, result: Result) -> Iterator[str]:
    """What a deletion left behind, in the plan's words."""
    for difference in _finished(plan, result):
        if difference.verb is Verb.DELETE:
            name = address_text(plan, difference.address)
            yield from (f"{name}: {prose(note)}" for note in difference.notes)


def _finished(plan: Plan, result: Result) -> list[Difference]:
    """The objects that had steps, all of which are done."""
    touched = {outcome.step.subject for outcome in result.outcomes}
    left = {outcome.step.subject for outcome in result.outcomes if outcome.status is not Status.DONE}
    return [item for item in effective(plan) if item.address in touched - left and item.verb in _PAST]


def _closing(plan: Plan, result: Result, seconds: float, name: str, again: str, style: Style) -> str:
    done = _done(plan, result)
    if result.failed:
        text = f"{name} failed: {counted(len(result.failed), 'action')} failed; {done}."
        return style("error", text) + f" {again} to finish."
    if any(outcome.status is not Status.DONE for outcome in result.outcomes):
        word = "interrupted" if result.interrupted else "incomplete"
        return style("warning", f"{name} {word}: {done}.") + f" {again} to finish."
    if result.remaining:
        text = f"{name} incomplete: {done}, but {counted(len(result.remaining), 'object')} not as planned."
        return style("warning", text) + " See kvmspec plan, and please report it."
    return style("good", f"{name} complete: {done} in {seconds:.1f}s.")


def _done(plan: Plan, result: Result) -> str:
    verbs = [item.verb for item in _finished(plan, result)]
    parts = [f"{verbs.count(verb)} {past}" for verb, past in _PAST.items() if verb in verbs]
    return ", ".join(parts) if parts else "nothing was finished"
