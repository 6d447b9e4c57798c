"""A plan as text: what would be done, to what, why, and what it costs whoever uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Permission
from kvmspec.core.plan import HostSummary, Plan
from kvmspec.core.problem import Problem
from kvmspec.report import rows
from kvmspec.report.fold import shortened
from kvmspec.report.restart import restarts
from kvmspec.report.style import PLAIN, Style
from kvmspec.report.summary import Summary, effective, in_order, refusals, summarise
from kvmspec.report.values import arrow, clean, folded, prose, width

WIDTH = 100
NO_CHANGES = "No changes. The hosts match the manifest."


def plan_text(
    plan: Plan,
    *,
    style: Style = PLAIN,
    width: int = WIDTH,
    verbose: bool = False,
    implied: Set[Permission] = frozenset(),
    nothing: str | None = None,
    brief: bool = False,
) -> str:
    """The whole plan, ending in a newline.

    With `verbose` nothing is folded, and the objects that need nothing and the ordered steps are
    shown, too. `brief` is one line an object. `implied` are permissions that the command grants by
    itself, `nothing` what it says of an empty plan.
    """
    sections = [
        *_host_blocks(plan, style, width, verbose, brief),
        "" if brief else _lines(_remarks(plan, style, width, verbose)),
        _lines(_steps(plan)) if verbose else "",
        _lines(_unchanged(plan)) if verbose else "",
        _lines(_warnings(plan, style, width)),
        _lines(unreadable(plan, style, width)),
        _lines(_refusals(plan, style, width)),
        _lines(_closing(plan, style, width, implied, nothing or NO_CHANGES)),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def address_text(plan: Plan, address: Address) -> str:
    """`vm/web-1`, with its host in front where there are several."""
    return clean(address.short if len(plan.hosts) < 2 else str(address))


def _host_blocks(plan: Plan, style: Style, width: int, verbose: bool, brief: bool) -> Iterator[str]:
    differences = [item for item in effective(plan) if item.verb is not Verb.NO_OP]
    known = {host.name: host for host in plan.hosts}
    names = dict.fromkeys([*known, *(item.address.host for item in differences)])
    causes = restarts(plan)
    for name in names:
        if mine := [item for item in differences if item.address.host == name]:
            host = known.get(name, HostSummary(name, ""))
            uri = f" ({clean(host.uri)})" if host.uri else ""
            heading = style("heading", f"kvmspec will perform these actions on {clean(host.name)}{uri}:")
            lines = (
                rows.brief(mine, style, width)
                if brief
                else rows.block(mine, style, width, causes, folding=not verbose)
            )
            yield heading + "\n\n" + "\n".join(lines)


def _remarks(plan: Plan, style: Style, width: int, verbose: bool) -> Iterator[str]:
    """Drift, things that are not ours, restarts that are due, and notes on what stays as it is."""
    groups = [
        drifted(plan, style, width),
        _sentences(plan, "Not ours:", width, lambda item: item.unmanaged),
        _pending(plan, style, width),
        _sentences(plan, "Note:", width, lambda item: item.notes if item.verb is Verb.NO_OP else ()),
    ]
    for group in groups:
        lines = list(group)
        yield from lines if verbose else shortened(lines)


def drifted(plan: Plan, style: Style, width: int) -> Iterator[str]:
    """What was changed outside kvmspec, one entry an object."""
    for item in effective(plan):
        subject = f"{address_text(plan, item.address)} was changed outside kvmspec"
        yield from _fields(style("warning", "Drift:"), subject, item.drift, width)


def _pending(plan: Plan, style: Style, width: int) -> Iterator[str]:
    for item in effective(plan):
        tag = style("restart", "Pending restart:")
        yield from _fields(tag, address_text(plan, item.address), item.pending, width)


def _sentences(
    plan: Plan, tag: str, width: int, told: Callable[[Difference], Iterable[str]]
) -> Iterator[str]:
    for item in effective(plan):
        for sentence in told(item):
            stop = "." if tag == "Not ours:" else ""
            text = f"{sentence.removesuffix('.')}{stop}" if stop else sentence
            yield _remark(tag, item.address, text, plan, width)


def _fields(tag: str, subject: str, changes: tuple[FieldChange, ...], width: int) -> Iterator[str]:
    shown = [f"{clean(change.path)} {arrow(change)}" for change in changes]
    if len(shown) == 1 and len(line := f"{tag} {subject}: {shown[0]}") <= width:
        yield line
    elif shown:
        yield "\n  ".join([f"{tag} {subject}:", *shown])


def _remark(tag: str, address: Address, sentence: str, plan: Plan, width: int) -> str:
    name, text = address_text(plan, address), prose(sentence)
    if text.startswith((address.short + " ", address.short + ":", str(address))):
        return folded(f"{tag} {text}", width)
    return folded(f"{tag} {name}{'' if tag == 'Not ours:' else ':'} {text}", width)


def _steps(plan: Plan) -> Iterator[str]:
    if plan.steps:
        yield "Steps, in order:"
    for step in plan.steps:
        after = f"  (after {', '.join(map(str, sorted(step.after)))})" if step.after else ""
        yield f"  {step.number:>4}  {address_text(plan, step.action.address)}  {prose(step.text)}{after}"


def _unchanged(plan: Plan) -> Iterator[str]:
    names = [address_text(plan, item.address) for item in effective(plan) if item.verb is Verb.NO_OP]
    if names:
        yield "As they should be:"
    yield from (f"    {name}" for name in names)


def _warnings(plan: Plan, style: Style, width: int) -> Iterator[str]:
    for problem in plan.warnings:
        yield style("warning", "Warning:") + folded(f" {_place(problem)}", width - 9)
        if problem.hint:
            yield folded(f"  hint: {prose(problem.hint)}", width, "    ")


def unreadable(plan: Plan, style: Style, width: int) -> Iterator[str]:
    """The hosts that could not be read, why, and what to do."""
    for host in plan.unknown:
        tag = f"{clean(host.name)}: unknown:"
        yield style("error", tag) + folded(f" {prose(host.unknown)}", width - len(tag))
        if host.hint:
            yield folded(f"  hint: {prose(host.hint)}", width, "    ")


def _refusals(plan: Plan, style: Style, width: int) -> Iterator[str]:
    problems = refusals(plan)
    if problems:
        yield style("error", "Refused:")
    for problem in problems:
        yield folded(f"  {_place(problem)}", width, "    ")
        if problem.hint:
            yield folded(f"    hint: {prose(problem.hint)}", width, "      ")


def _place(problem: Problem) -> str:
    path = f"{problem.path}: " if problem.path and not problem.message.startswith(problem.path) else ""
    where = f" ({problem.where})" if problem.where else ""
    return prose(f"{path}{problem.message}{where}")


def _closing(plan: Plan, style: Style, columns: int, implied: Set[Permission], nothing: str) -> Iterator[str]:
    summary = summarise(plan)
    if refusals(plan):
        yield style("error", "Nothing will be done on any host until what is refused above is settled.")
    if total := _total(summary, style, columns):
        yield total
    elif plan.unknown:
        read = len(plan.hosts) > len(plan.unknown)
        yield (
            "No changes on the hosts that could be read."
            if read
            else "No host could be read; nothing is planned."
        )
    elif not plan.refusals:
        yield style("good", nothing)
    if plan.required - implied:
        yield _needs(plan.required - implied, plan.granted)


def _total(summary: Summary, style: Style, columns: int) -> str:
    """The figures, on as few lines as have room for them."""
    if not summary.counts:
        return ""
    parts = [("", f"Plan: {summary.counts}.")]
    parts += [("", f"Restarts: {summary.restart}.")] if summary.restart else []
    parts += [("", f"Put off to the next start: {summary.next_start}.")] if summary.next_start else []
    parts += [("danger", f"Data loss: {summary.loss}.")] if summary.lost else []
    text, used = "", 0
    for role, part in parts:
        gap = "" if not text else " " if used + 1 + width(part) <= columns else "\n"
        used = width(part) + (used + 1 if gap == " " else 0)
        text += gap + style(role, part)
    return text


def _needs(required: Set[Permission], given: Set[Permission]) -> str:
    text = f"Needs: --allow {','.join(in_order(required))}"
    granted, missing = in_order(required & given), in_order(required - given)
    if not missing:
        return f"{text} (all granted)"
    return f"{text} (granted: {','.join(granted)}; missing: {','.join(missing)})" if granted else text


def _lines(lines: Iterator[str]) -> str:
    return "\n".join(lines)
