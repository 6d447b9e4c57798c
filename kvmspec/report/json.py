"""Plans, states and problems as JSON. Key names are Terraform's where the meaning is the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from typing import Any

from kvmspec import __version__
from kvmspec.core import action
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.plan import Outcome, Plan, Result, Step
from kvmspec.core.problem import Problem
from kvmspec.core.status import VmStatus
from kvmspec.report.summary import effective, in_order, summarise
from kvmspec.report.values import SECRET, redacted

FORMAT_VERSION = "1.0"
_REMOVES = action.DeleteNetwork | action.DeletePool | action.DeleteVolume | action.UndefineDomain
_MAKES = action.DefineNetwork | action.DefinePool | action.CreateVolume | action.DefineDomain


def dumps(data: Any) -> str:
    """JSON text as every command prints it."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def plan_data(plan: Plan) -> dict[str, Any]:
    """A plan, without any secret."""
    differences, rebuilt = effective(plan), _rebuilt(plan)
    return {
        "format_version": FORMAT_VERSION,
        "kvmspec_version": __version__,
        "project": plan.project,
        "created_at": plan.created_at,
        "hosts": [
            {"name": host.name, "uri": host.uri, "unknown": host.unknown or None, "hint": host.hint or None}
            for host in plan.hosts
        ],
        "unknown_hosts": [host.name for host in plan.unknown],
        "resource_changes": [_resource(item, rebuilt) for item in differences],
        "resource_drift": [_with_fields(item.address, item.drift) for item in differences if item.drift],
        "unmanaged": [
            {**_identity(item.address), "text": redacted(text)}
            for item in differences
            for text in item.unmanaged
        ],
        "pending": [_with_fields(item.address, item.pending) for item in differences if item.pending],
        "actions": [_step(step) for step in plan.steps],
        "summary": _summary(plan),
        "required_permissions": in_order(plan.required),
        "granted_permissions": in_order(plan.granted),
        "refusals": problems_data(plan.refusals),
        "warnings": problems_data(plan.warnings),
    }


def result_data(result: Result, seconds: float) -> dict[str, Any]:
    """What became of a plan's steps."""
    return {
        "ok": not result.failed and not result.interrupted and not result.remaining,
        "interrupted": result.interrupted,
        "seconds": round(seconds, 3),
        "outcomes": [_outcome(outcome) for outcome in result.outcomes],
        "remaining": [_with_fields(item.address, item.changes) for item in result.remaining],
    }


def status_data(rows: Sequence[VmStatus]) -> dict[str, Any]:
    """`kvmspec status`."""
    return {
        "format_version": FORMAT_VERSION,
        "kvmspec_version": __version__,
        "vms": [
            {
                **_identity(row.address),
                "wanted": row.wanted,
                "actual": row.actual,
                "addresses": list(row.addresses),
                "pending": list(row.pending),
                "drift": list(row.drift),
                "note": row.note,
            }
            for row in rows
        ],
    }


def problems_data(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems with their place; file, line and column are null where there is none."""
    return [
        {
            "severity": "warning" if problem.warning else "error",
            "file": problem.where.file if problem.where else None,
            "line": problem.where.line if problem.where else None,
            "column": problem.where.column if problem.where else None,
            "path": problem.path,
            "message": redacted(problem.message),
            "hint": redacted(problem.hint),
        }
        for problem in problems
    ]


def _identity(address: Address) -> dict[str, str]:
    return {"address": str(address), "host": address.host, "kind": address.kind, "name": address.name}


def _resource(difference: Difference, rebuilt: Set[Address]) -> dict[str, Any]:
    before, after = _sides(difference)
    hidden = [change for change in difference.changes if change.sensitive]
    return {
        **_identity(difference.address),
        "change": {
            "actions": _actions(difference, rebuilt),
            "before": before,
            "after": after,
            "before_sensitive": _marks(hidden, "before"),
            "after_sensitive": _marks(hidden, "after"),
        },
        "impact": difference.impact.label,
        "changes": [_field(change) for change in difference.changes],
        "notes": [redacted(note) for note in difference.notes],
    }


def _rebuilt(plan: Plan) -> Set[Address]:
    """Objects that are deleted and made anew."""
    removed = {step.action.address for step in plan.steps if isinstance(step.action, _REMOVES)}
    return removed & {step.action.address for step in plan.steps if isinstance(step.action, _MAKES)}


def _actions(difference: Difference, rebuilt: Set[Address]) -> list[str]:
    if difference.verb is Verb.UPDATE and difference.address in rebuilt:
        return ["delete", "create"]
    return [difference.verb.value]


def _sides(difference: Difference) -> tuple[Any, Any]:
    """Both states of the object: as the kind gives them, else as far as the changes show them."""
    before, after = redacted(difference.before), redacted(difference.after)
    changes = difference.changes
    if before is None and difference.verb in (Verb.UPDATE, Verb.ADOPT):
        before = _nested([(change.path, _value(change, change.before)) for change in changes])
    if after is None and difference.verb in (Verb.UPDATE, Verb.ADOPT):
        after = _nested([(change.path, _value(change, change.after)) for change in changes])
    for change in changes:
        if change.sensitive:
            before, after = _covered(before, change.path), _covered(after, change.path)
    return before, after


def _covered(data: Any, path: str) -> Any:
    """`data` with whatever is at the dotted `path` replaced by `(secret)`."""
    if not path:
        return data if data is None else SECRET
    if not isinstance(data, dict):
        return data
    return {
        key: _covered(value, path[len(key) + 1 :]) if f"{path}.".startswith(f"{key}.") else value
        for key, value in data.items()
    }


def _marks(changes: Sequence[FieldChange], side: str) -> dict[str, Any] | bool:
    marks = _nested([(change.path, True) for change in changes if getattr(change, side) is not None])
    return marks or False


def _nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in pairs:
        *parents, leaf = path.split(".")
        node = tree
        for parent in parents:
            if not isinstance(node.get(parent), dict):
                node[parent] = {}
            node = node[parent]
        node[leaf] = value
    return tree


def _value(change: FieldChange, value: Any) -> Any:
    return SECRET if change.sensitive and value is not None else redacted(value)


def _field(change: FieldChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "before": _value(change, change.before),
        "after": _value(change, change.after),
        "impact": change.impact.label,
        "reason": change.reason,
        "sensitive": change.sensitive,
        "drift": change.drift,
    }


def _with_fields(address: Address, changes: Sequence[FieldChange]) -> dict[str, Any]:
    return {**_identity(address), "changes": [_field(change) for change in changes]}


def _step(step: Step) -> dict[str, Any]:
    data = redacted(action.to_data(step.action))
    return {"number": step.number, "after": sorted(step.after), "text": redacted(step.text), **data}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "number": outcome.step.number,
        "address": str(outcome.step.action.address),
        "text": redacted(outcome.step.text),
        "status": outcome.status.value,
        "seconds": round(outcome.seconds, 3),
        "error": redacted(outcome.error),
        "hint": redacted(outcome.hint),
    }


def _summary(plan: Plan) -> dict[str, int]:
    summary = summarise(plan)
    return {
        "create": summary.create,
        "change": summary.change,
        "delete": summary.delete,
        "adopt": summary.adopt,
        "restart": summary.restart,
        "data_loss": len(summary.lost),
        "no_op": summary.no_op,
    }
