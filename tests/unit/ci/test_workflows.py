"""The workflows that `kvmspec init --ci` writes: their shape, and their scripts run in bash."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec.starter import WORKFLOWS, starter
from tests.unit.ci.machine import TOP, Machine, expressions

MARKER = "<!-- kvmspec plan: shop -->"
SCHEMAS = {
    "github": ("--builtin-schema", "vendor.github-workflows"),
    "gitlab": ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}


def text_of(ci: str, folder: Path = Path("/nowhere")) -> str:
    (text,) = starter(folder, None, ci).files.values()
    return text


GITHUB: dict[str, Any] = yaml.safe_load(text_of("github"))
GITLAB: dict[str, Any] = yaml.safe_load(text_of("gitlab"))
JOBS: dict[str, Any] = GITHUB["jobs"]


def scripts() -> Iterator[tuple[str, str]]:
    """Every script of the workflows and of the action."""
    for job, spec in JOBS.items():
        for step in spec["steps"]:
            if "run" in step:
                yield f"github {job}: {step['name']}", step["run"]
    for job in ("validate", "plan", "apply"):
        for part in ("script", "after_script"):
            if part in GITLAB[job]:
                yield f"gitlab {job}: {part}", "\n".join(GITLAB[job][part])
    for step in yaml.safe_load((TOP / "action.yml").read_text())["runs"]["steps"]:
        yield f"action: {step['name']}", step["run"]


SCRIPTS = dict(scripts())


def github(job: str, name: str) -> str:
    return SCRIPTS[f"github {job}: {name}"]


@pytest.mark.parametrize("ci", WORKFLOWS)
def test_schema(ci: str, tmp_path: Path) -> None:
    """By the schemas that check-jsonschema carries."""
    file = tmp_path / "workflow.yml"
    file.write_text(text_of(ci))
    command = [sys.executable, "-m", "check_jsonschema", *SCHEMAS[ci], str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_schema_of_the_action() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions"]
    assert subprocess.run([*command, str(TOP / "action.yml")], capture_output=True).returncode == 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck(name: str) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    command = ["shellcheck", "--shell=bash", "--severity=style", "-"]
    done = subprocess.run(command, input=f"set -e\n{SCRIPTS[name]}\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


class TestGithubShape:
    def test_it_has_no_rights_but_those_that_jobs_name(self) -> None:
        assert GITHUB["permissions"] == {}
        assert {name: job["permissions"] for name, job in JOBS.items()} == {
            "validate": {"contents": "read"},
            "plan": {"contents": "read", "pull-requests": "write"},
            "apply": {"actions": "read", "contents": "read", "pull-requests": "read"},
        }

    def test_forks_get_nothing(self) -> None:
        assert "pull_request_target" not in GITHUB[True]  # YAML 1.1 reads `on` as true
        own = "github.event.pull_request.head.repo.full_name == github.repository"
        assert own in JOBS["validate"]["if"] and JOBS["plan"]["needs"] == "validate"
        assert JOBS["apply"]["if"] == "github.event_name == 'push'"

    def test_actions_are_pinned(self) -> None:
        uses = [step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step]
        assert len(uses) == 5
        assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in uses)

    def test_no_script_has_anything_pasted_in(self) -> None:
        assert not [name for name, script in SCRIPTS.items() if expressions(script)]

    def test_one_apply_at_a_time_and_none_cut_off(self) -> None:
        assert JOBS["apply"]["concurrency"] == {"group": "kvmspec-apply", "cancel-in-progress": False}
        assert JOBS["apply"]["environment"] == "kvmspec"
        assert JOBS["plan"]["concurrency"]["cancel-in-progress"] is True

    def test_the_plan_kept_is_the_plan_fetched(self) -> None:
        keep, fetch = JOBS["plan"]["steps"][-1]["with"], JOBS["apply"]["steps"][-2]["with"]
        assert keep["name"] == "kvmspec-plan-${{ steps.plan.outputs.tree }}"
        assert fetch["name"] == "${{ steps.reviewed.outputs.name }}"
        assert fetch["run-id"] == "${{ steps.reviewed.outputs.run }}"
        assert Path(keep["path"]).name in github("apply", "Apply")

    def test_folder_and_branch(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/master\n")
        made = starter(tmp_path / "my infra", None, "github").files
        assert list(made) == [tmp_path / ".github" / "workflows" / "kvmspec.yml"]
        workflow = yaml.safe_load(made[tmp_path / ".github" / "workflows" / "kvmspec.yml"])
        assert workflow["defaults"]["run"]["working-directory"] == "my infra"
        assert workflow[True]["push"]["branches"] == ["master"]


class TestGithubPlan:
    @pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 0), (4, 4), (5, 5)])
    def test_plan(self, machine: Machine, code: int, ends: int) -> None:
        machine.says(f"{MARKER}\nthe plan\n", code)
        done = machine.bash(github("plan", "Plan"), LABELS="bug,allow-restart,allow-data-loss")
        assert done.returncode == ends
        saved = f"{machine.env['RUNNER_TEMP']}/plan.kvmplan.json"
        assert machine.calls("kvmspec") == [
            f"plan . --allow restart --allow data-loss --detailed-exitcode --format markdown --out {saved}"
        ]
        assert machine.outputs == {"tree": machine.tree}
        assert "the plan" in machine.read("summary")

    @pytest.mark.parametrize("labels", ["", "disallow-restart", "allow-restart-later", "$(touch x)"])
    def test_other_labels_allow_nothing(self, machine: Machine, labels: str) -> None:
        machine.says(f"{MARKER}\n")
        machine.bash(github("plan", "Plan"), LABELS=labels)
        assert "--allow" not in machine.calls("kvmspec")[0]
        assert not (machine.folder / "x").exists()

    def test_the_comment_is_that_of_the_action(self) -> None:
        """Whose tests are in test_action.py."""
        action = SCRIPTS["action: Comment"].replace("kvmspec.md", "plan.md")
        assert re.sub(r"\s+", " ", github("plan", "Comment")) == re.sub(r"\s+", " ", action)


def artifact(**other: Any) -> dict[str, Any]:
    run = {"id": 11, "head_sha": "cafe", "repository_id": 1, "head_repository_id": 1} | other.pop("run", {})
    return {"expired": False, "created_at": "2025-01-01T00:00:00Z", "workflow_run": run} | other


PULL = {"merged_at": "2025-01-01T00:00:00Z", "merge_commit_sha": "beef", "head": {"sha": "cafe"}}


class TestGithubApply:
    FIND = github("apply", "Find the plan that was reviewed")

    def find(self, machine: Machine, pulls: list[Any], artifacts: list[Any]) -> Any:
        machine.answer("pulls.json", pulls)
        machine.answer("artifacts.json", {"artifacts": artifacts})
        return machine.bash("sleep() { :; }\n" + self.FIND, GITHUB_SHA="beef")

    def test_the_newest_plan_of_these_files(self, machine: Machine) -> None:
        newer = artifact(created_at="2025-01-02T00:00:00Z", run={"id": 12})
        done = self.find(machine, [PULL], [artifact(), newer])
        assert done.returncode == 0, done.stderr
        assert machine.outputs == {"name": f"kvmspec-plan-{machine.tree}", "run": "12"}
        assert machine.calls("gh")[-1].find(f"name=kvmspec-plan-{machine.tree}") > 0

    @pytest.mark.parametrize(
        "wrong",
        [
            artifact(run={"head_repository_id": 2}),
            artifact(run={"head_sha": "dead"}),
            artifact(expired=True),
        ],
        ids=["a fork's", "of another commit", "expired"],
    )
    def test_a_plan_that_does_not_count(self, machine: Machine, wrong: dict[str, Any]) -> None:
        done = self.find(machine, [PULL], [wrong])
        assert done.returncode == 1 and "branch was behind" in done.stdout and machine.outputs == {}

    @pytest.mark.parametrize(
        "pulls",
        [[], [PULL | {"merged_at": None}], [PULL | {"merge_commit_sha": "f00d"}]],
        ids=["pushed past review", "open", "merged elsewhere"],
    )
    def test_what_nobody_reviewed(self, machine: Machine, pulls: list[Any]) -> None:
        done = self.find(machine, pulls, [artifact()])
        assert done.returncode == 1 and "::error" in done.stdout and "not the merge" in done.stdout
        assert len(machine.calls("gh")) == 3, "asked three times"

    def test_apply(self, machine: Machine) -> None:
        machine.says("the plan\n")
        assert machine.bash(github("apply", "Apply")).returncode == 0
        plan = f"{machine.env['RUNNER_TEMP']}/reviewed/plan.kvmplan.json"
        assert machine.calls("kvmspec") == [f"show {plan} --format markdown", f"apply {plan} --yes --file ."]

    def test_a_refused_plan_fails_the_job(self, machine: Machine) -> None:
        machine.says("", 4)
        assert machine.bash(github("apply", "Apply")).returncode == 4

    def test_plan_and_apply_for_real(self, machine: Machine) -> None:
        machine.real_kvmspec()
        net = "networks:\n  front: {mode: isolated, subnet: 10.9.0.0/24}\n"
        (machine.folder / "kvmspec.yaml").write_text("kvmspec: 1\nproject: shop\n" + net)
        planned = machine.bash(github("plan", "Plan"), LABELS="")
        assert planned.returncode == 0, planned.stderr
        saved = Path(machine.env["RUNNER_TEMP"]) / "plan.kvmplan.json"
        reviewed = saved.parent / "reviewed" / saved.name
        reviewed.parent.mkdir()
        shutil.copy(saved, reviewed)
        done = machine.bash(github("apply", "Apply"))
        assert done.returncode == 0, done.stdout + done.stderr
        (machine.folder / "kvmspec.yaml").write_text("kvmspec: 1\nproject: shop\n" + net.replace("9", "8"))
        assert machine.bash(github("apply", "Apply")).returncode == 4, "a manifest that nobody reviewed"


GITLAB_ENV = {
    "FOLDER": ".", "CI_API_V4_URL": "https://gitlab.test/api/v4", "CI_PROJECT_ID": "1",
    "KVMSPEC_TOKEN": "glpat-secret", "CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_SHA": "beef", "CI_COMMIT_BRANCH": "main",
}  # fmt: skip


class TestGitlab:
    def run(self, machine: Machine, script: str, **env: str) -> Any:
        done = machine.bash(
            SCRIPTS[f"gitlab {script}"], CI_PROJECT_DIR=str(machine.folder), **(GITLAB_ENV | env)
        )
        assert "glpat-secret" not in "\n".join(machine.calls("curl")), "the token is in no arguments"
        return done

    def test_merge_requests_of_the_project_only(self) -> None:
        assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in GITLAB["workflow"]["rules"][0]["if"]
        assert GITLAB["apply"]["resource_group"] == "kvmspec" and GITLAB["apply"]["interruptible"] is False

    @pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 0), (4, 4)])
    def test_plan(self, machine: Machine, code: int, ends: int) -> None:
        machine.says(f"{MARKER}\nthe plan\n", code)
        done = self.run(machine, "plan: script", CI_MERGE_REQUEST_LABELS="allow-restart")
        assert done.returncode == ends and "the plan" in done.stdout
        assert "--allow restart --detailed-exitcode" in machine.calls("kvmspec")[0]
        assert (machine.folder / "plan.tree").read_text().strip() == machine.tree
        assert set(GITLAB["plan"]["artifacts"]["paths"]) == {"plan.kvmplan.json", "plan.tree"}

    @pytest.mark.parametrize(
        ("notes", "call"),
        [
            ([], "--request POST"),
            ([{"id": 3, "author": {"id": 5}, "body": f"{MARKER}\nold"}], "--request PUT"),
            ([{"id": 3, "author": {"id": 6}, "body": MARKER}], "--request POST"),
        ],
        ids=["none yet", "ours", "somebody else's"],
    )
    def test_one_note_is_kept_up_to_date(self, machine: Machine, notes: list[Any], call: str) -> None:
        (machine.folder / "plan.md").write_text(f"{MARKER}\nnew plan\n")
        machine.answer("user", {"id": 5})
        machine.answer("projects_1_merge_requests_7_notes", notes)
        done = self.run(machine, "plan: after_script")
        assert done.returncode == 0, done.stderr
        assert call in machine.calls("curl")[-1] and "new plan" in machine.read("comment")

    def history(self, machine: Machine, *, tree: str | None = None, **merge_request: Any) -> None:
        """A merged request with two pipelines, the newer without a plan."""
        request = {
            "iid": 7,
            "state": "merged",
            "target_branch": "main",
            "source_project_id": 1,
        } | merge_request
        machine.answer("projects_1_repository_commits_beef_merge_requests", [request])
        machine.answer("projects_1_merge_requests_7_pipelines", [{"id": 22}, {"id": 21}])
        machine.answer("projects_1_pipelines_22_jobs", [{"id": 220, "name": "plan", "status": "failed"}])
        machine.answer("projects_1_pipelines_21_jobs", [{"id": 210, "name": "plan", "status": "success"}])
        machine.answer("projects_1_jobs_210_artifacts_plan.tree", (tree or machine.tree) + "\n")
        machine.answer("projects_1_jobs_210_artifacts_plan.kvmplan.json", '{"saved": true}')

    def test_apply(self, machine: Machine) -> None:
        self.history(machine)
        done = self.run(machine, "apply: script")
        assert done.returncode == 0, done.stderr
        plan = machine.folder / "reviewed.kvmplan.json"
        assert machine.calls("kvmspec") == [f"show {plan}", f"apply {plan} --yes --file ."]
        assert plan.read_text() == '{"saved": true}' and plan.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        "wrong", [{"tree": "0" * 40}, {"state": "opened"}, {"source_project_id": 2}, {"target_branch": "other"}], ids=str
    )  # fmt: skip
    def test_what_nobody_reviewed(self, machine: Machine, wrong: dict[str, Any]) -> None:
        self.history(machine, **wrong)
        done = self.run(machine, "apply: script")
        assert done.returncode == 1 and "Nothing was applied" in done.stderr
        assert machine.calls("kvmspec") == []

    def test_an_api_that_fails_is_no_review(self, machine: Machine) -> None:
        done = self.run(machine, "apply: script")
        assert done.returncode != 0 and machine.calls("kvmspec") == []
