"""Whole processes, measured: time, processor, memory; by turns, so that a busy moment hits all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
NO_CHANGES, CHANGES = 0, 2  # of `plan --detailed-exitcode`


@dataclass(frozen=True)
class Run:
    """One process: seconds from start to end, seconds of processor, peak resident memory in MiB."""

    seconds: float
    cpu: float
    memory: float


Task = Callable[[], Run]


def run(command: list[str], *, expect: int = 0) -> Run:
    """Run a process to its end; SystemExit with its output when it exits otherwise than expected."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=TOP, env=environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != expect:
            output.seek(0)
            told = output.read().decode(errors="replace")[-3000:]
            raise SystemExit(f"$ {' '.join(command)}\nexit {process.returncode}, expected {expect}\n{told}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def environment() -> dict[str, str]:
    """What the measured processes see of the environment."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "HOME", "XDG_CACHE_HOME") if key in os.environ}
    return kept | {"PYTHONPATH": str(TOP), "NO_COLOR": "1"}


def kvmspec(*words: str) -> list[str]:
    """The command line of kvmspec with these words."""
    return [sys.executable, "-m", "kvmspec", *words]


def script(name: str, *words: str) -> list[str]:
    """The command line of a script beside this one."""
    return [sys.executable, str(Path(__file__).with_name(name)), *words]


def interleaved(tasks: Mapping[str, Task], repeat: int) -> dict[str, Run]:
    """Medians. Every round runs each task once, every other round in reverse, after one to warm up."""
    runs: dict[str, list[Run]] = {name: [] for name in tasks}
    for number in range(repeat + 1):
        for name in list(tasks)[:: -1 if number % 2 else 1]:
            measured = tasks[name]()
            if number:
                runs[name].append(measured)
    return {name: _median(measured) for name, measured in runs.items()}


def _median(runs: list[Run]) -> Run:
    return Run(
        *(statistics.median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "memory"))
    )
