"""What only a process of its own shows: terminals, signals, pipes, start-up time."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "tests.unit.cli.fake"]


def at_terminal(answer: str, *arguments: str) -> tuple[int, str]:
    """Run at a terminal, type `answer`; exit code and everything on the screen."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(COMMAND[0], [*COMMAND, *arguments])
    screen, typed = b"", False
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        screen += chunk
        if not typed and b"go on: " in screen:
            os.write(terminal, answer.encode())
            typed = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), screen.decode()


@pytest.mark.parametrize(
    ("scenario", "command", "answer", "code"),
    [
        ("create", "apply", "yes\n", 0),
        ("create", "apply", "no\n", 4),
        ("create", "apply", "y\n", 4),
        ("create", "apply", "\x04", 4),
        ("create", "apply", "\x03", 130),
        ("delete", "apply", "yes\n", 0),
        ("loss", "apply", "yes\n", 4),
        ("loss", "apply", "shop\n", 0),
        ("delete", "destroy", "yes\n", 0),
        ("fails", "apply", "yes\n", 1),
    ],
)
def test_prompt(scenario: str, command: str, answer: str, code: int) -> None:
    assert at_terminal(answer, scenario, command)[0] == code


def test_the_question_says_what_yes_allows() -> None:
    screen = at_terminal("yes\n", "delete", "apply")[1]
    assert "This also allows: restart, delete. Type yes to go on: " in screen
    assert "project's name (shop)" in at_terminal("shop\n", "loss", "apply")[1]


def test_colour_is_for_terminals() -> None:
    assert "\x1b[32m+\x1b[0m" in at_terminal("", "create", "plan")[1]
    assert "\x1b" not in at_terminal("", "create", "plan", "--no-color")[1]
    piped = subprocess.run([*COMMAND, "create", "plan"], cwd=ROOT, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_action_finish(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "slow", "apply", "--yes"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr and process.stdout
        assert process.stderr.readline() == "acting\n"
        process.send_signal(number)
        time.sleep(0.2)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted: finishing" in err and "Still finishing" in err
    assert "Not started:\n  pool/vms  start\n" in out
    assert "Apply interrupted: 1 created. Run apply again to finish." in out


def test_a_reader_that_goes_away_changes_nothing() -> None:
    line = f"{' '.join(COMMAND)} create apply --yes | true; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "hv1  vm/web  start … done (0.4s)\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_poor_encoding_is_no_error(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ran = subprocess.run(
        [*COMMAND, "restart", "plan"], cwd=ROOT, capture_output=True, env=environment, check=True
    )
    assert b"host-model -> host-passthrough" in ran.stdout


def test_a_full_disk_is_said_so() -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, "create", "plan"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["", "plan", "apply", "graph", "explain"])
def test_help_imports_nothing_heavy(command: str) -> None:
    heavy = {"rich", "pydantic", "yaml", "jinja2", "libvirt", "deepdiff", "lxml"}
    code = (
        "import sys\nfrom kvmspec.cli.main import run\n"
        f"run([*{command.split()!r}, '--help'])\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_explain_reads_a_file_and_no_model() -> None:
    code = (
        "import sys\nfrom kvmspec.cli.main import run\nrun(['explain', 'vms.memory.size'])\n"
        "print(sorted({'kvmspec.manifest.model', 'libvirt', 'yaml', 'jinja2'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
