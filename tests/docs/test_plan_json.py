"""The queries of docs/plan-json.md, run on a golden plan."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kvmspec.report.json import dumps, plan_data
from tests.docs.pages import snippets
from tests.unit.report import plans as p
from tests.unit.report.test_restart import FIXED, restarting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plan-json.md"
QUERIES = [snippet.text for snippet in snippets(PAGE.read_text()) if snippet.kind == "jq"]


@pytest.mark.parametrize(
    ("query", "plan", "expected"),
    [
        (QUERIES[0], restarting(FIXED), '"hv1/vm/db: restarts guest db: the maximum is fixed at boot'),
        (QUERIES[1], p.BIG, '"hv1/volume/vms/scratch"'),
    ],
)
def test_queries(query: str, plan: p.Plan, expected: str, tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    file = tmp_path / "plan.json"
    file.write_text(dumps(plan_data(plan)))
    done = subprocess.run(["jq", query, str(file)], capture_output=True, text=True, check=True)
    assert expected in done.stdout


def test_there_are_two() -> None:
    assert len(QUERIES) == 2
