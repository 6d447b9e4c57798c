"""action.yml: its steps, run in bash with a noted `gh`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.ci.machine import TOP, Machine, expressions

ACTION: dict[str, Any] = yaml.safe_load((TOP / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
MARKER = "<!-- kvmspec plan: shop -->"


def step(machine: Machine, name: str, **env: str) -> Any:
    given = dict.fromkeys(STEPS[name]["env"], "") | env
    return machine.bash(STEPS[name]["run"], **given)


def test_it_is_a_composite_action_whose_parts_fit() -> None:
    assert ACTION["runs"]["using"] == "composite"
    used = set(re.findall(r"inputs\.([a-z-]+)", (TOP / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])
    assert {output["value"] for output in ACTION["outputs"].values()} == {
        f"${{{{ steps.run.outputs.{name} }}}}" for name in ACTION["outputs"]
    }
    assert STEPS["Run kvmspec"]["id"] == "run"


@pytest.mark.parametrize("name", STEPS)
def test_nothing_is_pasted_into_a_script(name: str) -> None:
    assert not expressions(STEPS[name]["run"])
    assert STEPS[name]["shell"] == "bash"


@pytest.mark.parametrize(
    ("code", "changes", "ends"), [(0, "false", 0), (2, "true", 0), (4, "", 4), (5, "", 5), (3, "", 3)]
)
def test_plan(machine: Machine, code: int, changes: str, ends: int) -> None:
    machine.says(f"{MARKER}\nthe plan\n", code)
    assert (
        step(machine, "Run kvmspec", COMMAND="plan", MANIFEST="infra", ALLOW="restart,delete").returncode == 0
    )
    saved = f"{machine.env['RUNNER_TEMP']}/kvmspec.kvmplan.json"
    assert machine.outputs == {"exit-code": str(code), "changes": changes, "plan-file": saved}
    assert machine.calls("kvmspec") == [
        f"plan --file infra --allow restart,delete --detailed-exitcode --format markdown --out {saved}"
    ]
    assert "the plan" in machine.read("summary")
    assert step(machine, "Result", COMMAND="plan", CODE=str(code)).returncode == ends


@pytest.mark.parametrize("text", ["$(touch pwned)", "a b; touch pwned", "'`touch pwned`"])
def test_inputs_are_words_and_no_commands(machine: Machine, text: str) -> None:
    machine.says(f"{MARKER}\n")
    step(machine, "Run kvmspec", COMMAND="plan", MANIFEST=text, ALLOW=text, PLAN_FILE="p")
    assert not list(machine.folder.glob("pwned"))
    assert machine.calls("kvmspec")[0].startswith(f"plan --file {text} --allow {text} --detailed")


def test_apply_takes_a_plan_that_was_reviewed(machine: Machine) -> None:
    machine.says("the plan\n")
    assert (
        step(machine, "Run kvmspec", COMMAND="apply", MANIFEST="site", PLAN_FILE="p.kvmplan.json").returncode
        == 0
    )
    assert machine.calls("kvmspec") == [
        "show --format markdown -- p.kvmplan.json",
        "apply --yes --file site -- p.kvmplan.json",
    ]
    assert machine.outputs["exit-code"] == "0"


def test_apply_without_a_plan_applies_nothing(machine: Machine) -> None:
    done = step(machine, "Run kvmspec", COMMAND="apply", MANIFEST=".")
    assert machine.calls("kvmspec") == [] and "::error::" in done.stdout
    assert step(machine, "Result", COMMAND="apply", CODE=machine.outputs["exit-code"]).returncode == 64


def test_a_refused_apply_fails(machine: Machine) -> None:
    machine.says("", 4)
    step(machine, "Run kvmspec", COMMAND="apply", PLAN_FILE="p")
    assert step(machine, "Result", COMMAND="apply", CODE=machine.outputs["exit-code"]).returncode == 4


def test_another_command(machine: Machine) -> None:
    step(machine, "Run kvmspec", COMMAND="destroy")
    assert machine.calls("kvmspec") == [] and machine.outputs["exit-code"] == "64"


@pytest.mark.parametrize(
    ("comments", "call"),
    [
        ([], "--method POST repos/shop/site/issues/7/comments"),
        ([{"id": 1, "user": {"type": "User"}, "body": MARKER}], "--method POST repos/shop/site/issues/7/comments"),
        ([{"id": 2, "user": {"type": "Bot"}, "body": f"{MARKER}\r\nold"}, {"id": 3, "user": {"type": "Bot"}, "body": MARKER}],
         "--method PATCH repos/shop/site/issues/comments/2"),
        ([{"id": 4, "user": {"type": "Bot"}, "body": "<!-- kvmspec plan: other -->"}],
         "--method POST repos/shop/site/issues/7/comments"),
    ],
    ids=["none yet", "somebody else's", "the first of ours", "of another project"],
)  # fmt: skip
def test_one_comment_is_kept_up_to_date(machine: Machine, comments: list[Any], call: str) -> None:
    (Path(machine.env["RUNNER_TEMP"]) / "kvmspec.md").write_text(f"{MARKER}\nnew plan\n")
    machine.answer("comments.json", comments)
    done = step(machine, "Comment", PULL="7", GH_TOKEN="t")
    assert done.returncode == 0, done.stderr
    assert call in machine.calls("gh")[-1]
    assert "new plan" in machine.read("comment")


@pytest.mark.parametrize(("text", "code"), [(None, 0), ("", 0), ("no marker\n", 1)])
def test_nothing_to_comment(machine: Machine, text: str | None, code: int) -> None:
    if text is not None:
        (Path(machine.env["RUNNER_TEMP"]) / "kvmspec.md").write_text(text)
    assert step(machine, "Comment", PULL="7").returncode == code
    assert machine.calls("gh") == []


@pytest.mark.parametrize(("more", "code"), [("", "0"), ("vmz: {}\n", "3")])
def test_validate_for_real(machine: Machine, more: str, code: str) -> None:
    machine.real_kvmspec()
    (machine.folder / "kvmspec.yaml").write_text("kvmspec: 1\nproject: shop\n" + more)
    script = STEPS["Run kvmspec"]["run"]
    machine.bash(script, COMMAND="validate", MANIFEST=".", PLAN_FILE="", ALLOW="")
    assert machine.outputs["exit-code"] == code


def test_plan_and_apply_for_real(machine: Machine) -> None:
    machine.real_kvmspec()
    (machine.folder / "kvmspec.yaml").write_text(
        "kvmspec: 1\nproject: shop\nnetworks:\n  front: {mode: isolated, subnet: 10.9.0.0/24}\n"
    )
    step(machine, "Run kvmspec", COMMAND="plan", MANIFEST=".")
    assert machine.outputs["exit-code"] == "2" and machine.outputs["changes"] == "true"
    assert machine.read("summary").startswith(MARKER)
    saved = machine.outputs["plan-file"]
    assert Path(saved).stat().st_mode & 0o777 == 0o600
    step(machine, "Run kvmspec", COMMAND="validate", MANIFEST=".")
    assert machine.outputs["exit-code"] == "0"
    done = step(machine, "Run kvmspec", COMMAND="apply", MANIFEST=".", PLAN_FILE=saved)
    assert machine.outputs["exit-code"] == "0", done.stdout + done.stderr
    assert "network/front" in done.stdout
