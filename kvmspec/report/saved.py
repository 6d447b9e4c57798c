"""Saved plans: the plan's JSON with what it rests on, and a digest over all of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, cast

from kvmspec import __version__
from kvmspec.core.basis import Basis
from kvmspec.core.errors import Refused
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem
from kvmspec.report.json import FORMAT_VERSION, dumps, plan_data
from kvmspec.report.reading import basis_data, read_basis, read_plan

_KEYS = ('"format_version"', '"kvmspec_version"')
_AGAIN = "make it again: kvmspec plan --out FILE"


def saved_text(plan: Plan, basis: Basis) -> str:
    """The plan as `kvmspec apply FILE` takes it. No secret is in it."""
    data: dict[str, Any] = {**plan_data(plan), "saved": basis_data(basis)}
    return dumps({**data, "digest": _digest(data)})


def is_saved(path: Path) -> bool:
    """Whether the file is meant as a plan in JSON, however it is laid out; no manifest has such keys."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return False
    return text.lstrip().startswith("{") and all(key in text for key in _KEYS)


def read_saved(path: Path) -> tuple[Plan, Basis]:
    """A saved plan and what it rests on.

    Raises OSError, and Refused for what is no saved plan, was edited or cut, or was made by another
    version of kvmspec.
    """
    data = _read(path)
    if "saved" not in data or "digest" not in data:
        raise _refused(path, "is a plan in JSON, not a saved plan")
    digest = data.pop("digest")
    if digest != _digest(data):
        raise _refused(path, "is not as kvmspec wrote it: its content does not match its digest")
    if data["kvmspec_version"] != __version__:
        made_by = data["kvmspec_version"]
        raise _refused(path, f"was made by kvmspec {made_by}, and this is {__version__}")
    try:
        return read_plan(cast(Any, data)), read_basis(data["saved"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused(path, f"cannot be read: {type(error).__name__}: {error}") from error


def read_shown(path: Path) -> Plan:
    """A plan from a saved plan or from what `plan --format json` printed, to show it.

    Raises OSError, and Refused for what is neither.
    """
    data = _read(path)
    if "digest" in data:
        return read_saved(path)[0]
    try:
        return read_plan(cast(Any, data))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused(path, f"is no plan of kvmspec: {type(error).__name__}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogatepass")
        data = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"is no whole plan: {error}") from error
    if not isinstance(data, dict) or data.get("format_version") != FORMAT_VERSION:
        raise _refused(path, f"is no plan of format {FORMAT_VERSION}")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A reader must not see another value than the digest does."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _digest(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _refused(path: Path, why: str) -> Refused:
    return Refused([Problem(f"{path} {why}")], hint=_AGAIN)
