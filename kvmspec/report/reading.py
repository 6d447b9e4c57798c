"""A plan's JSON, read back: what `kvmspec show` prints and `kvmspec apply FILE` holds hosts against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kvmspec.core.action import from_data
from kvmspec.core.address import Address
from kvmspec.core.basis import Basis
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem, Where

if TYPE_CHECKING:
    from kvmspec.report.shape import FieldData, PlanData, ProblemData, ResourceData, SavedData, StepData

_IMPACTS = {impact.label: impact for impact in Impact}


def read_plan(data: PlanData) -> Plan:
    """The plan that `plan_data` made `data` of, without what only planning needs.

    Raises KeyError, TypeError or ValueError on other data.
    """
    pending = {item["address"]: item["changes"] for item in data["pending"]}
    unmanaged: dict[str, list[str]] = {}
    for item in data["unmanaged"]:
        unmanaged.setdefault(item["address"], []).append(item["text"])
    return Plan(
        project=data["project"],
        created_at=data["created_at"],
        hosts=tuple(
            HostSummary(host["name"], host["uri"], host["unknown"] or "", host["hint"] or "")
            for host in data["hosts"]
        ),
        differences=tuple(
            _difference(item, pending.get(item["address"], ()), unmanaged.get(item["address"], ()))
            for item in data["resource_changes"]
        ),
        steps=tuple(map(_step, data["actions"])),
        required=frozenset(map(Permission, data["required_permissions"])),
        granted=frozenset(map(Permission, data["granted_permissions"])),
        refusals=tuple(map(_problem, data["refusals"])),
        warnings=tuple(map(_problem, data["warnings"])),
        links=tuple((Address.parse(link["source"]), Address.parse(link["target"])) for link in data["links"]),
    )


def read_basis(data: SavedData) -> Basis:
    """What the saved plan rests on. Raises KeyError, TypeError or ValueError on other data."""
    return Basis(
        directory=data["directory"],
        paths=tuple(data["paths"]),
        variables=dict(data["variables"]),
        var_files=tuple(data["var_files"]),
        connect=data["connect"],
        hosts=tuple(data["hosts"]),
        targets=tuple(data["targets"]),
        replaced=tuple(data["replaced"]),
        no_restart=data.get("no_restart", False),
        manifest=dict(data["manifest"]),
        secrets={name: tuple(digests) for name, digests in data["secrets"].items()},
        fingerprints={Address.parse(name): digest for name, digest in data["fingerprints"].items()},
    )


def basis_data(basis: Basis) -> SavedData:
    """What `read_basis` reads."""
    return {
        "version": 1,
        "directory": basis.directory,
        "paths": list(basis.paths),
        "variables": dict(basis.variables),
        "var_files": list(basis.var_files),
        "connect": basis.connect,
        "hosts": list(basis.hosts),
        "targets": list(basis.targets),
        "replaced": list(basis.replaced),
        "no_restart": basis.no_restart,
        "manifest": dict(basis.manifest),
        "secrets": {name: list(digests) for name, digests in basis.secrets.items()},
        "fingerprints": {str(address): digest for address, digest in basis.fingerprints.items()},
    }


def _difference(item: ResourceData, pending: Iterable[FieldData], unmanaged: Iterable[str]) -> Difference:
    actions = item["change"]["actions"]
    return Difference(
        Address.parse(item["address"]),
        Verb.UPDATE if len(actions) > 1 else Verb(actions[0]),
        changes=tuple(map(_field, item["changes"])),
        pending=tuple(field for field in map(_field, pending) if field.impact is not Impact.NEXT_START),
        unmanaged=tuple(unmanaged),
        notes=tuple(item["notes"]),
        impact_floor=_IMPACTS[item["impact"]],
        before=item["change"]["before"],
        after=item["change"]["after"],
        label=item["label"],
        permitted=frozenset(map(Permission, item["permitted"])),
        refusals=tuple(map(_problem, item["refusals"])),
    )


def _field(data: FieldData) -> FieldChange:
    return FieldChange(
        data["path"],
        data["before"],
        data["after"],
        _IMPACTS[data["impact"]],
        data["reason"],
        sensitive=data["sensitive"],
        drift=data["drift"],
        avoid=data["avoid"],
    )


def _step(data: StepData) -> Step:
    action: Any = {
        key: value for key, value in data.items() if key not in ("number", "after", "text", "subject")
    }
    return Step(
        data["number"],
        from_data(action),
        frozenset(data["after"]),
        data["text"],
        Address.parse(data["subject"]),
    )


def _problem(data: ProblemData) -> Problem:
    file = data["file"]
    where = None if file is None else Where(file, data["line"] or 0, data["column"] or 0)
    return Problem(data["message"], where, data["path"], data["hint"], data["severity"] == "warning")
