"""How long a plan without changes takes, as a ratio to the floor that no plan can go below.

    python benchmarks/noop_plan.py [--sizes 200,1000] [--repeat 7] [--no-disks]

Starts a private libvirtd (root; tests/support), lets kvmspec create N stopped VMs on it, and measures whole
processes, interleaved: the floor (benchmarks/floor.py), `plan` with nothing to do, `plan` with another
description for every VM, `--help`. Prints medians, ratios and the aims; docs/benchmarks.md explains them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

from tests.support.hosts import empty, why_no_libvirtd  # noqa: E402 - needs the path above
from tests.support.private_libvirt import PrivateLibvirt  # noqa: E402

FLOOR = Path(__file__).with_name("floor.py")
AIMS = {200: 2.5, 1000: 2.0, 5000: 1.5}
CHANGED_AIM, HELP_AIM = 2.0, 0.15
NO_CHANGES, CHANGES = 0, 2

HEAD = """\
kvmspec: 1
project: fleet
defaults:
  vms: {accel: tcg, state: stopped}
networks:
  front:
    mode: nat
    subnet: 10.77.0.0/16
    domain: fleet.test
    dhcp: {start: 10.77.1.0, end: 10.77.200.0}
"""
POOL = """\
pools:
  vms: {{type: dir, path: {folder}}}
"""
PROFILES = """\
profiles:
  base:
    machine: q35
    cpus: {count: 1, max: 4}
    memory: {size: 512MiB, max: 2GiB}
    features: {acpi: true, apic: true}
    guest_agent: true
    networks: [front]
  big: {extends: base, cpus: {count: 4, max: 8}, memory: {size: 4GiB, max: 8GiB}}
vms:
"""


@dataclass(frozen=True)
class Run:
    """One process: seconds from start to end, seconds of processor, peak resident memory in MiB."""

    seconds: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Row:
    """The medians of one size."""

    size: int
    disks: bool
    floor: Run
    noop: Run
    changed: Run

    @property
    def ratio(self) -> float:
        return self.noop.seconds / self.floor.seconds

    @property
    def cpu_ratio(self) -> float:
        """What is left of the ratio where the machine has other things to do."""
        return self.noop.cpu / self.floor.cpu

    @property
    def changed_ratio(self) -> float:
        return self.changed.seconds / self.noop.seconds


def manifest(size: int, folder: Path | None, words: str) -> str:
    """A manifest of `size` VMs; with a folder, each has a disk of its own in the pool there."""
    disks = "    disks: [{name: root, size: 20GiB}]\n" if folder else ""
    return (
        HEAD
        + (POOL.format(folder=folder) if folder else "")
        + PROFILES
        + "".join(_vm(number, words, disks) for number in range(1, size + 1))
    )


def _vm(number: int, words: str, disks: str) -> str:
    return (
        f"  node-{number:04}:\n"
        f"    profile: {'big' if number % 5 == 0 else 'base'}\n"
        f"    title: Node {number}\n"
        f"    description: {words} {number}, rack {number % 40}\n"
        f"    autostart: {'true' if number % 10 == 0 else 'false'}\n"
        f"{disks}"
    )


def run(command: list[str], *, expect: int = 0) -> Run:
    """Run a process to its end; SystemExit with its output when it exits otherwise than expected."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=TOP, env=_environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != expect:
            output.seek(0)
            told = output.read().decode(errors="replace")[-3000:]
            raise SystemExit(f"$ {' '.join(command)}\nexit {process.returncode}, expected {expect}\n{told}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _environment() -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "HOME", "XDG_CACHE_HOME") if key in os.environ}
    return kept | {"PYTHONPATH": str(TOP), "NO_COLOR": "1"}


def kvmspec(*words: str) -> list[str]:
    return [sys.executable, "-m", "kvmspec", *words]


def median(runs: list[Run]) -> Run:
    return Run(
        *(statistics.median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "memory"))
    )


def interleaved(tasks: dict[str, Callable[[], Run]], repeat: int) -> dict[str, Run]:
    """Medians; every round runs each task once, every other round in reverse, after one round to warm up."""
    runs: dict[str, list[Run]] = {name: [] for name in tasks}
    for number in range(repeat + 1):
        order = list(tasks)[:: -1 if number % 2 else 1]
        for name in order:
            measured = tasks[name]()
            if number:
                runs[name].append(measured)
    return {name: median(measured) for name, measured in runs.items()}


@contextmanager
def fleet(host: PrivateLibvirt, size: int, disks: bool) -> Iterator[tuple[str, str]]:
    """`size` VMs on the host; gives the manifest that matches and one where every VM has changed."""
    folder = host.images / "vms" if disks else None
    with tempfile.TemporaryDirectory(prefix="noop-plan-") as place:
        same, other = Path(place, "same.yaml"), Path(place, "other.yaml")
        same.write_text(manifest(size, folder, "serves number"))
        other.write_text(manifest(size, folder, "is the replica of"))
        made = run(kvmspec("apply", str(same), "--yes", "--connect", host.uri))
        print(
            f"{size} VMs{' with a disk each' if disks else ''}: created in {made.seconds:.1f} s", flush=True
        )
        try:
            yield str(same), str(other)
        finally:
            connection = host.connect()
            empty(connection)
            connection.close()
            for file in folder.iterdir() if folder else ():
                file.unlink()


def measure(host: PrivateLibvirt, size: int, disks: bool, repeat: int) -> Row:
    plan = ("--detailed-exitcode", "--connect", host.uri)
    with fleet(host, size, disks) as (same, other):
        medians = interleaved(
            {
                "floor": lambda: run([sys.executable, str(FLOOR), same, host.uri]),
                "noop": lambda: run(kvmspec("plan", same, *plan), expect=NO_CHANGES),
                "changed": lambda: run(kvmspec("plan", other, *plan), expect=CHANGES),
            },
            repeat,
        )
    return Row(size, disks, medians["floor"], medians["noop"], medians["changed"])


def report(rows: list[Row], usage: Run) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| VMs | disk each | floor | no-op plan | ratio | aim | CPU ratio "
        "| all changed | to no-op | aim | peak memory |",
        "|--:|:-:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        aim = f"≤ {AIMS[row.size]:g} ×" if row.size in AIMS and not row.disks else "–"
        lines.append(
            f"| {row.size} | {'yes' if row.disks else 'no'} | {row.floor.seconds:.2f} s "
            f"| {row.noop.seconds:.2f} s | {row.ratio:.2f} × | {aim} | {row.cpu_ratio:.2f} × "
            f"| {row.changed.seconds:.2f} s | {row.changed_ratio:.2f} × "
            f"| ≤ {CHANGED_AIM:g} × | {row.noop.memory:.0f} MiB |"
        )
    lines += ["", f"`kvmspec --help`: {usage.seconds:.3f} s (aim ≤ {HELP_AIM:g} s)"]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sizes",
        metavar="N,N…",
        default=[200, 1000],
        type=lambda text: [int(size) for size in text.split(",")],
        help="how many VMs (200,1000)",
    )
    parser.add_argument("--repeat", metavar="N", type=int, default=7, help="measured rounds (7)")
    parser.add_argument("--no-disks", action="store_true", help="leave out the rows with a disk each")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if reason := why_no_libvirtd():
        raise SystemExit(f"cannot start a private libvirtd: {reason}")
    variants = (False,) if options.no_disks else (False, True)
    usage = interleaved({"help": lambda: run(kvmspec("--help"))}, options.repeat)["help"]
    rows = []
    with PrivateLibvirt() as host:
        for size in options.sizes:
            for disks in variants:
                rows.append(measure(host, size, disks, options.repeat))
    print(f"\n{report(rows, usage)}")


if __name__ == "__main__":
    main()
