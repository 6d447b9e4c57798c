"""The stages of one plan without changes, in milliseconds: where the time goes.

    sudo python benchmarks/stages.py [--sizes 200,1000] [--repeat 5] [--test-driver]

Each round is a process of its own (one_plan.py), so that imports, the first template and the first schema
are in it. It calls the pipeline's own steps one by one; nothing in kvmspec is instrumented.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hosts
from process import environment, script

from tests.support.private_libvirt import PrivateLibvirt


def fleets(sizes: list[int], *, on_test_driver: bool) -> Iterator[hosts.Fleet]:
    """A host with so many stopped VMs, for each size."""
    if on_test_driver:
        for size in sizes:
            with hosts.on_test_driver(size, running=False) as made:
                yield made
        return
    with PrivateLibvirt() as host:
        for size in sizes:
            with hosts.stopped(host, size) as made:
                yield made


def stages(made: hosts.Fleet, repeat: int) -> dict[str, float]:
    """The median milliseconds of each stage."""
    found: dict[str, list[float]] = {}
    for number in range(repeat + 1):
        before = begun = time.time()
        told = subprocess.run(
            script("one_plan.py", made.same, made.uri), stdout=subprocess.PIPE, check=True, env=environment()
        )
        for stage, end in (json.loads(told.stdout) | {"exit": time.time()}).items():
            if number:  # the first one fills caches
                found.setdefault(stage, []).append((end - before) * 1000)
            before = end
        if number:
            found.setdefault("all of it", []).append((before - begun) * 1000)
    return {stage: statistics.median(times) for stage, times in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sizes",
        metavar="N,N…",
        default=[200, 1000],
        type=lambda text: [int(size) for size in text.split(",")],
        help="how many VMs (200,1000)",
    )
    parser.add_argument("--repeat", metavar="N", type=int, default=5, help="rounds (5)")
    parser.add_argument("--test-driver", action="store_true", help="on libvirt's test driver")
    options = parser.parse_args()
    columns = {
        made.size: stages(made, options.repeat)
        for made in fleets(options.sizes, on_test_driver=options.test_driver)
    }
    print("| stage | " + " | ".join(f"{size} VMs" for size in columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for stage in next(iter(columns.values())):
        print(f"| {stage} | " + " | ".join(f"{column[stage]:.0f} ms" for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
