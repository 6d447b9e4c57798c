""".pre-commit-hooks.yaml: valid for pre-commit, and each hook's command does what it says."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.unit.ci.machine import TOP, Machine

FILE = TOP / ".pre-commit-hooks.yaml"
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in yaml.safe_load(FILE.read_text())}


def test_pre_commit_takes_it() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_hooks_are_python_and_read_folders() -> None:
    assert set(HOOKS) == {"kvmspec-validate", "kvmspec-fmt"}
    for hook in HOOKS.values():
        assert hook["language"] == "python" and hook["pass_filenames"] is False


@pytest.mark.parametrize(
    ("hook", "text", "code"),
    [
        ("kvmspec-validate", "kvmspec: 1\nproject: shop\n", 0),
        ("kvmspec-validate", "kvmspec: 1\n", 3),
        ("kvmspec-fmt", "project: shop\nkvmspec: 1\n", 0),
        ("kvmspec-fmt", "vms: [\n", 3),
    ],
)
def test_its_command(machine: Machine, hook: str, text: str, code: int) -> None:
    machine.real_kvmspec()
    (machine.folder / "kvmspec.yaml").write_text(text)
    done = machine.bash(f"{HOOKS[hook]['entry']} {shlex.join(HOOKS[hook]['args'])}")
    assert done.returncode == code, done.stderr
    if hook == "kvmspec-fmt" and code == 0:
        assert (machine.folder / "kvmspec.yaml").read_text() == "kvmspec: 1\nproject: shop\n"


def test_pre_commit_runs_them(machine: Machine) -> None:
    """As pre-commit runs them, except that kvmspec is not installed anew: `language: system`."""
    machine.real_kvmspec()
    hooks = [hook | {"language": "system"} for hook in HOOKS.values()]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (machine.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (machine.folder / "kvmspec.yaml").write_text("project: shop\nkvmspec: 1\n")
    command = f"git add . && {shlex.quote(sys.executable)} -m pre_commit run --all-files --color never"
    first = machine.bash(command)
    assert first.returncode == 1 and "files were modified by this hook" in first.stdout, first.stdout
    again = machine.bash(command)
    assert again.returncode == 0, again.stdout
    shutil.rmtree(machine.folder / ".git")
