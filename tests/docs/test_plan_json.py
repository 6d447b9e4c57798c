"""The queries and the policy of docs/plan-json.md, run on plans."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kvmspec.core.impact import Permission
from kvmspec.report.json import dumps, plan_data
from tests.docs.pages import Snippet, snippets
from tests.support.hosts import required
from tests.unit.report import plans as p
from tests.unit.report.test_restart import FIXED, restarting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plan-json.md"
SNIPPETS: list[Snippet] = snippets(PAGE.read_text())
QUERIES = [snippet.text for snippet in SNIPPETS if snippet.kind == "jq"]
POLICIES = [snippet.text for snippet in SNIPPETS if snippet.kind == "rego"]


@pytest.mark.parametrize(
    ("query", "plan", "expected"),
    [
        (QUERIES[0], restarting(FIXED), '"hv1/vm/db: restarts guest db: the maximum is fixed at boot'),
        (QUERIES[1], p.BIG, '"hv1/volume/vms/scratch"'),
    ],
)
def test_queries(query: str, plan: p.Plan, expected: str, tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        assert not required(), "jq is not installed"
        pytest.skip("jq is not installed")
    file = tmp_path / "plan.json"
    file.write_text(dumps(plan_data(plan)))
    done = subprocess.run(["jq", query, str(file)], capture_output=True, text=True, check=True)
    assert expected in done.stdout


NEEDS = replace(restarting(FIXED), required=frozenset({Permission.RESTART}))
ALLOWED = replace(NEEDS, granted=NEEDS.required)


@pytest.mark.parametrize(
    ("plan", "denied"),
    [
        (p.BIG, ["hv1/volume/vms/scratch would lose data", "restarts were not allowed"]),
        (NEEDS, ["restarts were not allowed"]),
        (ALLOWED, []),
        (p.plan(p.SAME), []),
    ],
    ids=["data loss", "restart", "restart that is allowed", "nothing"],
)
def test_policy(plan: p.Plan, denied: list[str]) -> None:
    said = _denied(POLICIES[0], plan_data(plan))
    assert len(said) == len(denied)
    assert all(text.startswith(start) for text, start in zip(said, denied, strict=True))


def _denied(policy: str, data: Any) -> list[str]:
    assert not required() or importlib.util.find_spec("regopy"), "regopy is not installed"
    regopy = pytest.importorskip("regopy")
    rego = regopy.Interpreter()
    rego.add_module("policy", policy)
    rego.set_input(json.loads(dumps(data)))
    found = json.loads(str(rego.query("data.main.deny")))
    return sorted(found["expressions"][0])


def test_every_block_is_run() -> None:
    assert len(QUERIES) == 2
    assert len(POLICIES) == 1
    assert {snippet.kind for snippet in SNIPPETS} == {"jq", "rego"}
