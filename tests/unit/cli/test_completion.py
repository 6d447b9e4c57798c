"""`kvmspec completion`: the scripts, driven in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kvmspec.cli.main import names, run
from kvmspec.cli.shells import SCRIPTS

Captured = pytest.CaptureFixture[str]


def need(program: str) -> str:
    """The program, or a skip: scripts/test installs them."""
    if found := shutil.which(program):
        return found
    return pytest.skip(f"{program} is not installed")


@pytest.fixture
def script(tmp_path: Path, capsys: Captured) -> Callable[[str], Path]:
    """script(shell): a file with its script, beside a file and a folder to complete."""

    def make(shell: str) -> Path:
        assert run(["completion", shell]) == 0
        (tmp_path / "site one.yaml").touch()
        (tmp_path / "sites").mkdir()
        file = tmp_path / f"_kvmspec.{shell}"
        file.write_text(capsys.readouterr().out)
        return file

    return make


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_command_and_option_is_there(shell: str, capsys: Captured) -> None:
    run(["completion", shell])
    text = capsys.readouterr().out
    assert all(name in text for full in names() for name in full.split())
    assert all(word in text for word in ("detailed-exitcode", "data-loss", "text json", "bash zsh fish"))


def test_another_shell(capsys: Captured) -> None:
    assert run(["completion", "tcsh"]) == 64
    assert "known: bash, zsh, fish" in capsys.readouterr().err


BASH = [
    ("kvmspec pl", ["plan"]),
    ("kvmspec --debug fm", ["fmt"]),
    ("kvmspec plan --det", ["--detailed-exitcode"]),
    ("kvmspec apply --format ", ["text", "json"]),
    ("kvmspec plan --format=js", ["json"]),
    ("kvmspec apply --allow re", ["restart", "replace"]),
    ("kvmspec apply --allow restart,da", ["restart,data-loss"]),
    ("kvmspec plan si", ["site one.yaml", "sites"]),
    ("kvmspec render -o ", ["sites"]),
    ("kvmspec plan --connect q", []),
    ("kvmspec completion z", ["zsh"]),
    ("kvmspec im", ["import", "image"]),
    ("kvmspec image p", ["pull", "prune"]),
    ("kvmspec --debug image pull --off", ["--offline"]),
    ("kvmspec image pull si", ["site one.yaml", "sites"]),
    ("kvmspec image list --format ", ["text", "json"]),
    ("kvmspec image nonsense ", []),
    ("kvmspec nonsense ", []),
]


@pytest.mark.parametrize(("line", "wanted"), BASH, ids=[line for line, _ in BASH])
def test_bash(script: Callable[[str], Path], line: str, wanted: list[str]) -> None:
    """The function, called as bash calls it."""
    file = script("bash")
    words = line.replace("=", " = ").split(" ")
    code = (
        'compopt() { :; }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kvmspec; '
        '((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = [need("bash"), "-uc", code, "bash", str(file), *words]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("kvmspec pl", {"plan"}),
        ("kvmspec plan --det", {"--detailed-exitcode"}),
        ("kvmspec apply --format ", {"json", "text"}),
        ("kvmspec plan si", {"site one.yaml", "sites/"}),
        ("kvmspec apply --allow restart,da", {"restart,data-loss"}),
        ("kvmspec render -o ", {"sites/"}),
        ("kvmspec completion f", {"fish"}),
        ("kvmspec im", {"image", "import"}),
        ("kvmspec image p", {"pull", "prune"}),
        ("kvmspec image prune --al", {"--all"}),
        ("kvmspec image pull si", {"site one.yaml", "sites/"}),
    ],
)
def test_fish(script: Callable[[str], Path], line: str, wanted: set[str]) -> None:
    file = script("fish")
    code = f"source {file.name}; complete -C {line!r}"
    command = [need("fish"), "--no-config", "-c", code]
    environment = os.environ | {"HOME": str(file.parent)}
    done = subprocess.run(command, cwd=file.parent, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("kvmspec fm\t--che\tsit\t", ["fmt", "--check"]),
        ("kvmspec plan --det\t--form\tj\t", ["plan", "--detailed-exitcode", "json"]),
        ("kvmspec completion z\t", ["completion", "zsh"]),
        ("kvmspec ima\tpru\t--al\tsit\t", ["image", "prune", "--all"]),
    ],
)
def test_typing_tab(script: Callable[[str], Path], shell: str, keys: str, wanted: list[str]) -> None:
    """At a terminal: what is typed with TABs runs with whole words."""
    file = script(shell)
    start = {
        "bash": [need(shell), "--norc", "--noprofile", "-i"],
        "zsh": [need(shell), "-f", "-i"],
    }[shell]
    load = {"bash": "", "zsh": "autoload -U compinit; compinit -u -D; "}[shell]
    setup = f"PS1=; PS2=; {load}source ./{file.name}; kvmspec() {{ printf '<%s>' \"$@\"; echo END; }}; echo REA''DY\n"
    screen = typed(start, file.parent, [(setup, "READY"), (keys + "\n", "END")])
    assert all(f"<{word}>" in screen or f"={word}>" in screen for word in wanted), screen


def typed(command: list[str], folder: Path, dialogue: list[tuple[str, str]]) -> str:
    """Run at a terminal; type each text and wait for what it shall bring. All of the screen."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(TERM="dumb", HOME=str(folder), INPUTRC="/dev/null")
        os.execv(command[0], command)
    screen = ""
    try:
        for text, awaited in dialogue:
            os.write(terminal, text.encode())
            seen, ends = "", time.monotonic() + 20
            while awaited not in seen and time.monotonic() < ends:
                if select.select([terminal], [], [], 0.1)[0]:
                    seen += os.read(terminal, 4096).decode(errors="replace")
            screen += seen
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    return screen
