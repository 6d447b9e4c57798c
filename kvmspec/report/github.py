"""Problems and plans as annotations: commands that a GitHub workflow reads from standard output.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions; the escapes are those
of actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem, Where
from kvmspec.report.order import Ordered, worst_fields
from kvmspec.report.rows import title
from kvmspec.report.summary import refusals
from kvmspec.report.text import address_text
from kvmspec.report.values import arrow, clean, counted, cut, prose

Locate = Callable[[Address, str], Where | None]

SHOWN = 10
"""Annotations of each level that GitHub shows of one step."""
_NAMED = 50  # of those beyond, how many the last one names
_LINE, _TITLE = 400, 120  # characters
_LINES, _FIELDS = 60, 20


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


_LEVELS = {
    Impact.DATA_LOSS: Level.ERROR,
    Impact.REPLACE: Level.WARNING,
    Impact.DELETE: Level.WARNING,
    Impact.RESTART: Level.WARNING,
    Impact.NEXT_START: Level.NOTICE,
    Impact.LIVE: Level.NOTICE,
    Impact.NONE: Level.NOTICE,
}
_TITLES = {
    Impact.DATA_LOSS: "DATA LOSS",
    Impact.REPLACE: "a part of it is replaced",
    Impact.RESTART: "restart",
    Impact.NEXT_START: "takes effect at its next start",
    Impact.LIVE: "change while running",
}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark at one place; without a place it belongs to the whole run."""

    level: Level
    title: str
    lines: tuple[str, ...]
    where: Where | None = None


def problem_annotations(problems: Sequence[Problem], *, workspace: Path | None = None) -> str:
    """What is wrong with a manifest, a line each, errors first; empty without problems.

    Files are named as GitHub knows them, relative to `workspace` (default: $GITHUB_WORKSPACE, else
    the current folder).
    """
    return _commands([_problem(problem, problem.path) for problem in problems], workspace)


def plan_annotations(plan: Plan, locate: Locate, *, workspace: Path | None = None) -> str:
    """What a plan does, an annotation an object, worst first; empty without changes.

    `locate(address, path)` tells where the manifest states a field, or with "" the object; None
    where it does not, as with what is deleted. Refusals, unread hosts and data loss are errors;
    what is restarted, replaced or deleted are warnings; the rest are notices.
    """
    ordered = Ordered.of(plan)
    owners = _owners(plan)
    found = [
        _problem(problem, "refused", locate(owners[problem], "") if problem in owners else None)
        for problem in refusals(plan)
    ]
    found += [
        Annotation(Level.ERROR, f"{host.name} was not read", _lines(host.unknown, host.hint))
        for host in plan.unknown
    ]
    found += [_object(item, plan, ordered, locate) for item in ordered.changing]
    found += [_problem(problem, problem.path) for problem in plan.warnings]
    return _commands(found, workspace)


def _problem(problem: Problem, name: str, where: Where | None = None) -> Annotation:
    level = Level.WARNING if problem.warning else Level.ERROR
    return Annotation(level, name, _lines(problem.message, problem.hint), problem.where or where)


def _owners(plan: Plan) -> dict[Problem, Address]:
    """Which object is refused, for a refusal that names no place itself."""
    return {problem: item.address for item in plan.differences for problem in item.refusals}


def _lines(message: str, hint: str) -> tuple[str, ...]:
    return (message, f"hint: {hint}") if hint else (message,)


def _object(difference: Difference, plan: Plan, ordered: Ordered, locate: Locate) -> Annotation:
    changes, severity = worst_fields(difference), ordered.severity[difference.address]
    name = address_text(plan, difference.address) if len(plan.hosts) > 1 else title(difference)
    deleted = difference.verb is Verb.DELETE
    lines = [_field(change) for change in changes[:_FIELDS]]
    if len(changes) > _FIELDS:
        lines.append(f"and {counted(len(changes) - _FIELDS, 'more field')}")
    about = difference.label if difference.address.kind != "volume" else ""
    return Annotation(
        _LEVELS[severity],
        f"{name}: {_title(difference, severity)}",
        tuple(filter(None, [about, *lines, *difference.notes])) or (_title(difference, severity),),
        None if deleted else _place(difference.address, changes, locate),
    )


def _title(difference: Difference, severity: Impact) -> str:
    verb = "change" if difference.verb is Verb.UPDATE else difference.verb.value
    if difference.verb in (Verb.DELETE, Verb.CREATE):
        return f"{verb}, DATA LOSS" if severity is Impact.DATA_LOSS else verb
    cost = _TITLES.get(severity, verb)
    return f"adopt, {cost}" if difference.verb is Verb.ADOPT and cost != verb else cost


def _field(change: FieldChange) -> str:
    """`cpus.max: 1 → 2, restart: fixed at boot; avoidable: …`."""
    cost = "" if change.impact is Impact.NONE else change.impact.label
    why = ": ".join(filter(None, [cost, change.reason]))
    rest = [f"avoidable: {change.avoid}"] if change.avoid else []
    rest += ["changed outside kvmspec"] if change.drift else []
    return "; ".join([", ".join(filter(None, [f"{change.path}: {arrow(change)}", why])), *rest])


def _place(address: Address, changes: Sequence[FieldChange], locate: Locate) -> Where | None:
    """The costliest field that the manifest states, else the object."""
    paths = [*(change.path for change in changes), ""]
    return next(filter(None, (locate(address, path) for path in paths)), None)


def _commands(annotations: Iterable[Annotation], workspace: Path | None) -> str:
    found = list(annotations)
    top = workspace or Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    lines = [
        _command(annotation, top)
        for level in Level
        for annotation in _shown([item for item in found if item.level is level])
    ]
    return "".join(f"{line}\n" for line in lines)


def _shown(annotations: Sequence[Annotation]) -> Iterator[Annotation]:
    """As many as GitHub shows. The last one names those for which there is no room."""
    if len(annotations) <= SHOWN:
        yield from annotations
        return
    yield from annotations[: SHOWN - 1]
    beyond = annotations[SHOWN - 1 :]
    lines = [_short(annotation) for annotation in beyond[:_NAMED]]
    if len(beyond) > _NAMED:
        lines.append(f"and {len(beyond) - _NAMED} more")
    yield Annotation(beyond[0].level, f"{len(beyond)} more, which GitHub has no room for", tuple(lines))


def _short(annotation: Annotation) -> str:
    place = f"{annotation.where}: " if annotation.where else ""
    return f"{place}{annotation.title}: {annotation.lines[0]}"


def _command(annotation: Annotation, top: Path) -> str:
    properties = {"title": cut(prose(": ".join(filter(None, ["kvmspec", annotation.title]))), _TITLE)}
    if where := annotation.where:
        place = {"file": clean(_relative(where.file, top)), "line": str(where.line), "col": str(where.column)}
        properties = place | properties
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = "\n".join(cut(prose(line), _LINE) for line in annotation.lines[:_LINES])
    return f"::{annotation.level} {listed}::{_data(message)}"


def _relative(file: str, top: Path) -> str:
    """As the repository knows the file; as it is where it lies elsewhere."""
    path = os.path.relpath(file, top)
    return file if path.startswith(os.pardir) else Path(path).as_posix()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
