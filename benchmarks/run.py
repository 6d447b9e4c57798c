"""Every figure of docs/benchmarks.md, as Markdown tables on stdout; what is being measured on stderr.

    sudo python benchmarks/run.py [--sizes 200,1000,5000] [--repeat 7] [--running 50] [--disks] [--only …]

Starts a private libvirtd (root; tests/support), lets kvmspec create VMs on it, and measures whole processes
by turns. Then the same on libvirt's test driver, which can have thousands of running VMs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

import fleet  # noqa: E402 - needs the path above, as the next ones do
import hosts  # noqa: E402
from process import CHANGES, NO_CHANGES, Run, Task, interleaved, kvmspec, run, script  # noqa: E402

from kvmspec.cli.main import names  # noqa: E402
from tests.support.hosts import why_no_libvirtd  # noqa: E402
from tests.support.private_libvirt import PrivateLibvirt  # noqa: E402

NOOP_AIMS = {200: 2.5, 1000: 2.0, 5000: 1.5}
RUNNING_AIM, GROWTH_AIM, CHANGED_AIM, APPLY_AIM = 3.0, 5.0, 2.0, 2.0
HELP_AIM, MEMORY_AIM = 0.15, 350  # seconds, MB
LARGE, LARGE_ROUNDS = 2000, 3  # from so many VMs on a round takes long: so many at the most
CHANGED_UP_TO, FIRST, DEFINED = 1000, 1000, 200  # VMs


@dataclass
class Noop:
    """A plan that finds nothing to do, and its floor."""

    where: str
    vms: str
    size: int
    floor: Run
    plan: Run
    aim: float | None

    def line(self) -> str:
        aim = f"≤ {self.aim:g} ×" if self.aim else "–"
        floor, plan = self.floor.seconds, self.plan.seconds
        return (
            f"| {self.where} | {self.size} | {self.vms} | {floor:.2f} s | {plan:.2f} s "
            f"| {plan / floor:.2f} × | {aim} | {self.plan.cpu / self.floor.cpu:.2f} × "
            f"| {self.plan.memory * 2**20 / 1e6:.0f} MB |"
        )


@dataclass
class Figures:
    """What was measured: the table of no-op plans, and lines about everything else."""

    repeat: int
    noops: list[Noop] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def rounds(self, size: int) -> int:
        return min(self.repeat, LARGE_ROUNDS) if size >= LARGE else self.repeat

    def plans(self, made: hosts.Fleet, where: str, vms: str, aim: float | None, *, changed: bool) -> None:
        """Measure the floor, the no-op plan and, with `changed`, the plan in which every VM has changed."""
        tell(f"{where}: {made.size} VMs, {vms}")
        words = ("--detailed-exitcode", "--connect", made.uri)
        tasks: dict[str, Task] = {
            "floor": lambda: run(script("floor.py", made.same, made.uri)),
            "noop": lambda: run(kvmspec("plan", made.same, *words), expect=NO_CHANGES),
        }
        if changed:
            tasks["changed"] = lambda: run(kvmspec("plan", made.other, *words), expect=CHANGES)
        medians = interleaved(tasks, self.rounds(made.size))
        self.noops.append(Noop(where, vms, made.size, medians["floor"], medians["noop"], aim))
        if changed:
            self.compared(
                f"plan, all {made.size} VMs changed ({where})",
                medians["changed"].seconds,
                medians["noop"].seconds,
                "its no-op",
                CHANGED_AIM,
            )

    def compared(self, what: str, seconds: float, base: float, name: str, aim: float | None) -> None:
        shown = f"≤ {aim:g} ×" if aim else "–"
        self.others.append(
            f"| {what} | {seconds:.2f} s | {base:.2f} s, {name} | {seconds / base:.2f} × | {shown} |"
        )

    def growth(self) -> None:
        """How much longer the no-op plan takes for five times the VMs."""
        for small in self.noops:
            for large in self.noops:
                same = (small.where, small.vms, 5 * small.size) == (large.where, large.vms, large.size)
                if same and large.size >= LARGE:
                    what = f"growth from {small.size} to {large.size} VMs, {small.vms} ({small.where})"
                    before = f"{small.size} VMs"
                    self.compared(what, large.plan.seconds, small.plan.seconds, before, GROWTH_AIM)

    def report(self) -> str:
        return "\n".join(
            [
                "| host | VMs | | floor | no-op plan | ratio | aim | CPU ratio | peak memory |",
                "|---|--:|---|--:|--:|--:|--:|--:|--:|",
                *(noop.line() for noop in self.noops),
                "",
                "| what | time | against | ratio | aim |",
                "|---|--:|--:|--:|--:|",
                *self.others,
            ]
        )


def real(figures: Figures, sizes: list[int], running: int, *, disks: bool) -> None:
    """Everything that a real libvirtd is needed for."""
    with PrivateLibvirt() as host:
        with hosts.stopped(host, 1):
            tell("libvirtd has looked at its QEMU")  # for seconds, before it starts a first guest
        for size in sizes:
            with hosts.stopped(host, size) as made:
                figures.plans(made, "libvirtd", "stopped", NOOP_AIMS.get(size), changed=size <= CHANGED_UP_TO)
        for size in sizes if disks else ():
            if size < LARGE:
                with hosts.stopped(host, size, disks=True) as made:
                    figures.plans(made, "libvirtd", "stopped, a disk each", None, changed=False)
        if running:
            with hosts.paused(host, running) as made:
                aim = RUNNING_AIM if running >= min(NOOP_AIMS) else None  # fewer are mostly imports
                figures.plans(made, "libvirtd", "running, paused", aim, changed=False)
        first_plan(figures, host)
        definitions(figures, host)


def first_plan(figures: Figures, host: PrivateLibvirt) -> None:
    """A plan that creates everything, on a host where nothing is yet."""
    tell(f"first plan of {FIRST} VMs")
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "kvmspec.yaml")
        file.write_text(fleet.manifest(FIRST))
        command = kvmspec("plan", str(file), "--detailed-exitcode", "--connect", host.uri)
        taken = interleaved({"first": lambda: run(command, expect=CHANGES)}, figures.repeat)["first"]
    what = f"first plan of {FIRST} VMs, nothing there yet"
    figures.others.append(f"| {what} | {taken.seconds:.2f} s | – | – | – |")


def definitions(figures: Figures, host: PrivateLibvirt) -> None:
    """An apply that defines VMs, against loops that define the same XML and do nothing else."""
    tell(f"apply of {DEFINED} definitions")
    with tempfile.TemporaryDirectory() as place:
        manifest, network, xml = Path(place, "kvmspec.yaml"), Path(place, "network.yaml"), Path(place, "xml")
        manifest.write_text(fleet.manifest(DEFINED))
        network.write_text(fleet.manifest(0))
        run(kvmspec("apply", str(network), "--yes", "--connect", host.uri))
        run(kvmspec("render", str(manifest), "-o", str(xml)))
        loop = script("bare_apply.py", host.uri, str(xml / "vm"))
        apply = kvmspec("apply", str(manifest), "--yes", "--connect", host.uri)
        medians = interleaved(
            {
                "apply": lambda: and_forget(apply, host),
                "validated": lambda: and_forget([*loop, "validated"], host),
                "bare": lambda: and_forget(loop, host),
            },
            min(figures.repeat, 5),
        )
        hosts.clear(host)
    taken = medians["apply"].seconds
    what = f"apply of {DEFINED} definitions"
    figures.compared(what, taken, medians["validated"].seconds, "a loop that validates, too", APPLY_AIM)
    figures.compared(what, taken, medians["bare"].seconds, "a loop that does not validate", None)


def and_forget(command: list[str], host: PrivateLibvirt) -> Run:
    """Run it, then take the VMs away again."""
    taken = run(command)
    connection = host.connect()
    for domain in connection.listAllDomains():
        domain.undefine()
    connection.close()
    return taken


def test_driver(figures: Figures, sizes: list[int]) -> None:
    """The same plans with libvirt's test driver as the host."""
    for size in sizes:
        for running in (False, True):
            with hosts.on_test_driver(size, running=running) as made:
                aim = RUNNING_AIM if running else NOOP_AIMS.get(size)
                changed = not running and size == CHANGED_UP_TO
                figures.plans(made, "test driver", "running" if running else "stopped", aim, changed=changed)


def usages(figures: Figures) -> None:
    """`--help` of every command; the slowest counts."""
    tell("--help")
    tasks: dict[str, Task] = {
        f"kvmspec {name} --help".replace("  ", " "): lambda name=name: run(kvmspec(*name.split(), "--help"))
        for name in ("", *names())
    }
    medians = interleaved(tasks, figures.repeat)
    name, slowest = max(medians.items(), key=lambda item: item[1].seconds)
    figures.others.append(
        f"| any `--help` (slowest: `{name}`) | {slowest.seconds:.3f} s | – | – | ≤ {HELP_AIM:g} s |"
    )


def tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sizes",
        metavar="N,N…",
        default=[200, 1000, 5000],
        type=lambda text: [int(size) for size in text.split(",")],
        help="how many VMs (200,1000,5000)",
    )
    parser.add_argument("--repeat", metavar="N", type=int, default=7, help="rounds; 3 for large sizes (7)")
    parser.add_argument("--running", metavar="N", type=int, default=50, help="paused guests of QEMU (50)")
    parser.add_argument("--disks", action="store_true", help="also with a disk for each VM")
    parser.add_argument("--only", choices=("libvirtd", "test-driver", "help"), help="a part of it")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    figures = Figures(options.repeat)
    if options.only in (None, "libvirtd"):
        if reason := why_no_libvirtd():
            raise SystemExit(f"cannot start a private libvirtd: {reason}")
        real(figures, options.sizes, options.running, disks=options.disks)
    if options.only in (None, "test-driver"):
        test_driver(figures, options.sizes)
    if options.only in (None, "help"):
        usages(figures)
    figures.growth()
    print(figures.report())
    tell("done")


if __name__ == "__main__":
    main()
