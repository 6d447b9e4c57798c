"""Plans, states and problems as JSON. Key names are Terraform's where the meaning is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, cast

from kvmspec import __version__
from kvmspec.core import action
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan, Step
from kvmspec.core.problem import Problem
from kvmspec.core.status import VmStatus
from kvmspec.report.restart import restarts
from kvmspec.report.summary import effective, in_order, summarise, unbooted
from kvmspec.report.values import SECRET, redacted

if TYPE_CHECKING:
    from kvmspec.report.shape import (
        ActionName,
        FieldData,
        FieldsData,
        IdentityData,
        ImpactName,
        KindName,
        LinkData,
        PermissionName,
        PlanData,
        ProblemData,
        ResourceData,
        StepData,
        SummaryData,
    )

FORMAT_VERSION = "1.0"
_REMOVES = (
    action.DeleteNetwork
    | action.DeleteNwfilter
    | action.DeletePool
    | action.DeleteSecret
    | action.DeleteVolume
    | action.UndefineDomain
)
_MAKES = action.DefineNetwork | action.DefinePool | action.CreateVolume | action.DefineDomain


def dumps(data: Any) -> str:
    """JSON text as every command prints it."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def plan_data(plan: Plan) -> PlanData:
    """A plan, without any secret; report/shape.py says what each key means."""
    differences, rebuilt, told = effective(plan), _rebuilt(plan), restarts(plan)
    return {
        "format_version": "1.0",
        "kvmspec_version": __version__,
        "project": plan.project,
        "created_at": plan.created_at,
        "hosts": [
            {"name": host.name, "uri": host.uri, "unknown": host.unknown or None, "hint": host.hint or None}
            for host in plan.hosts
        ],
        "unknown_hosts": [host.name for host in plan.unknown],
        "resource_changes": [_resource(item, rebuilt, told.get(item.address, "")) for item in differences],
        "resource_drift": [with_fields(item.address, item.drift) for item in differences if item.drift],
        "unmanaged": [
            {**identity(item.address), "text": redacted(text)}
            for item in differences
            for text in item.unmanaged
        ],
        "pending": [with_fields(item.address, waits) for item in differences if (waits := unbooted(item))],
        "actions": [_step(step) for step in plan.steps],
        "links": [_link(source, target) for source, target in plan.links],
        "summary": _summary(plan),
        "required_permissions": cast("list[PermissionName]", in_order(plan.required)),
        "granted_permissions": cast("list[PermissionName]", in_order(plan.granted)),
        "refusals": problems_data(plan.refusals),
        "warnings": problems_data(plan.warnings),
    }


def status_data(rows: Sequence[VmStatus]) -> dict[str, Any]:
    """`kvmspec status`."""
    return {
        "format_version": FORMAT_VERSION,
        "kvmspec_version": __version__,
        "vms": [
            {
                **identity(row.address),
                "wanted": row.wanted,
                "actual": row.actual,
                "addresses": [entry._asdict() for entry in row.addresses],
                "pending": list(row.pending),
                "drift": list(row.drift),
                "note": row.note,
            }
            for row in rows
        ],
    }


def problems_data(problems: Iterable[Problem]) -> list[ProblemData]:
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


def identity(address: Address) -> IdentityData:
    """An address, whole and in its parts."""
    kind = cast("KindName", address.kind)
    return {"address": str(address), "host": address.host, "kind": kind, "name": address.name}


def _link(source: Address, target: Address) -> LinkData:
    return {"source": str(source), "target": str(target)}


def _resource(difference: Difference, rebuilt: Set[Address], restart: str) -> ResourceData:
    before, after = _sides(difference)
    hidden = [change for change in difference.changes if change.sensitive]
    return {
        **identity(difference.address),
        "change": {
            "actions": _actions(difference, rebuilt),
            "before": before,
            "after": after,
            "before_sensitive": _marks(hidden, "before"),
            "after_sensitive": _marks(hidden, "after"),
        },
        "impact": _impact(difference.impact),
        "restart": restart,
        "changes": [_field(change) for change in difference.changes],
        "notes": [redacted(note) for note in difference.notes],
        "label": redacted(difference.label),
        "permitted": cast("list[PermissionName]", in_order(difference.permitted)),
        "refusals": problems_data(difference.refusals),
    }


def _rebuilt(plan: Plan) -> Set[Address]:
    """Objects that are deleted and made anew."""
    removed = {step.action.address for step in plan.steps if isinstance(step.action, _REMOVES)}
    return removed & {step.action.address for step in plan.steps if isinstance(step.action, _MAKES)}


def _actions(difference: Difference, rebuilt: Set[Address]) -> list[ActionName]:
    if difference.verb is Verb.UPDATE and difference.address in rebuilt:
        return ["delete", "create"]
    return [difference.verb.value]


def _sides(difference: Difference) -> tuple[Any, Any]:
    """Both states of the object: as the kind gives them, else as far as the changes show them."""
    before, after = _tree(difference.before), _tree(difference.after)
    changes = difference.changes
    if before is None and difference.verb in (Verb.UPDATE, Verb.ADOPT):
        before = _nested([(change.path, _value(change, change.before)) for change in changes])
    if after is None and difference.verb in (Verb.UPDATE, Verb.ADOPT):
        after = _nested([(change.path, _value(change, change.after)) for change in changes])
    for change in changes:
        if change.sensitive:
            path = _parts(change.path)
            before, after = _covered(before, path), _covered(after, path)
    return before, after


def _impact(impact: Impact) -> ImpactName:
    return cast("ImpactName", impact.label)


def _tree(data: Any) -> Any:
    """What a kind gives, without secrets, its dotted keys as nested maps."""
    data = redacted(data)
    return _nested(data.items()) if isinstance(data, dict) else data


def _parts(path: str) -> list[str]:
    """`disks.root.size` at its dots; `dns.hosts[10.0.0.1]` has two parts."""
    return re.findall(r"(?:[^.\[]|\[[^\]]*\]?)+", path) or [path]


def _covered(data: Any, path: Sequence[str]) -> Any:
    """`data` with whatever is at the path replaced by `(secret)`."""
    if not path:
        return data if data is None else SECRET
    if isinstance(data, list):  # the key of an entry is no key of the list
        inner = path[1:] or path
        return [_covered(_covered(item, path), inner) for item in data]
    if not isinstance(data, dict) or path[0] not in data:
        return data
    return {**data, path[0]: _covered(data[path[0]], path[1:])}


def _marks(changes: Sequence[FieldChange], side: str) -> dict[str, Any] | bool:
    marks = _nested([(change.path, True) for change in changes if getattr(change, side) is not None])
    return marks or False


def _nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in pairs:
        *parents, leaf = _parts(path)
        node = tree
        for parent in parents:
            if not isinstance(node.get(parent), dict):
                node[parent] = {}
            node = node[parent]
        if not (value is None and isinstance(node.get(leaf), Mapping)):
            node[leaf] = value
    return tree


def _value(change: FieldChange, value: Any) -> Any:
    return SECRET if change.sensitive and value is not None else redacted(value)


def _field(change: FieldChange) -> FieldData:
    return {
        "path": change.path,
        "before": _value(change, change.before),
        "after": _value(change, change.after),
        "impact": _impact(change.impact),
        "reason": redacted(change.reason),
        "avoid": redacted(change.avoid),
        "sensitive": change.sensitive,
        "drift": change.drift,
    }


def with_fields(address: Address, changes: Sequence[FieldChange]) -> FieldsData:
    """An object and some of its fields."""
    return {**identity(address), "changes": [_field(change) for change in changes]}


def _step(step: Step) -> StepData:
    data = {
        "number": step.number,
        "after": sorted(step.after),
        "text": redacted(step.text),
        "subject": str(step.subject),
        **redacted(action.to_data(step.action)),
    }
    return cast("StepData", data)


def _summary(plan: Plan) -> SummaryData:
    summary = summarise(plan)
    return {
        "create": summary.create,
        "change": summary.change,
        "delete": summary.delete,
        "adopt": summary.adopt,
        "restart": summary.restart,
        "next_start": summary.next_start,
        "data_loss": len(summary.lost),
        "no_op": summary.no_op,
    }
