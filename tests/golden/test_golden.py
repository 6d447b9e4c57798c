"""Every case's plan and XML, compared with what a reviewer accepted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kvmspec.canon import rng
from kvmspec.report.published import plan_schema
from kvmspec.report.saved import read_saved
from kvmspec.report.text import plan_text
from tests.golden.harness import CASES, Case, cases

SCHEMA = Draft202012Validator(plan_schema())
GENERATED = ("expected/*.xml", "edited/*", "plan.txt", "plan.md", "steps.txt", "plan.json", "refused.txt")
SCHEMAS_MISSING = f"libvirt's RELAX NG schemas are not installed in {rng.SCHEMA_DIR}"


def _id(case: Case) -> str:
    return case.folder.name


@pytest.mark.parametrize("case", cases(), ids=_id)
def test_case(case: Case, regenerate: bool) -> None:
    now = case.texts()
    if regenerate:
        _write(case, now)
    there = {
        str(file.relative_to(case.folder)) for pattern in GENERATED for file in case.folder.glob(pattern)
    }
    assert there == set(now), "run pytest tests/golden --regenerate, and read what it wrote"
    for name, text in now.items():
        assert text == (case.folder / name).read_text(), name


def _write(case: Case, texts: dict[str, str]) -> None:
    for pattern in GENERATED:
        for file in case.folder.glob(pattern):
            file.unlink()
    for name, text in texts.items():
        (case.folder / name).parent.mkdir(exist_ok=True)
        (case.folder / name).write_text(text)


@pytest.mark.parametrize("case", cases(), ids=_id)
def test_every_definition_is_valid_for_libvirt(case: Case) -> None:
    if not rng.SCHEMA_DIR.is_dir():
        if os.environ.get("KVMSPEC_REQUIRE_LIBVIRT", "") in ("", "0"):
            pytest.skip(SCHEMAS_MISSING)
        pytest.fail(SCHEMAS_MISSING)
    wrong = {name: errors for name, xml in case.definitions().items() if (errors := rng.errors(xml))}
    assert not wrong


def test_there_are_cases() -> None:
    assert len(cases()) >= 25, CASES


@pytest.mark.parametrize("case", cases(), ids=_id)
def test_a_saved_plan_is_valid_says_the_same_and_is_not_stale(case: Case, tmp_path: Path) -> None:
    text = case.saved()
    if text is None:
        assert (case.folder / "refused.txt").exists()
        return
    SCHEMA.validate(json.loads(text))
    file = tmp_path / "plan.json"
    file.write_text(text)
    plan, basis = read_saved(file)
    assert plan_text(plan) == (case.folder / "plan.txt").read_text()
    assert case.hold_against(plan, basis) == []
    assert [d.permitted for d in plan.differences] == [d.permitted for d in case.plan().differences]
    assert [d.refusals for d in plan.differences if d.refusals] or not plan.refusals
