"""What a running guest may have of its host changes live: each row of the field table that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.live.matrix import Row, booted, prove, values
from tests.live.scene import Scene, idle_vm
from tests.support.guest import TinyGuest

pytestmark = pytest.mark.libvirtd

NO_CALL = "no call takes it away: the guest has what it would have without"


def put(field: str, **fields: Any) -> Callable[[dict[str, Any]], Any]:
    """Fields of `cpus` or `memory`; None takes one away."""

    def change(vm: dict[str, Any]) -> None:
        changed = vm.get(field, {}) | fields
        vm[field] = {name: value for name, value in changed.items() if value is not None}

    return change


def threads(value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda vm: vm.pop("iothreads") if value is None else vm.update(iothreads=value)


def tune(element: str) -> Callable[[Any], Any]:
    return values(f"cputune/{element}", "@")


PINS = values("cputune/vcpupin", "vcpu", "cpuset")
EMULATOR = values("cputune/emulatorpin", "cpuset")
THREADS = values("iothreads", "@")
THREAD_PINS = values("cputune/iothreadpin", "iothread", "cpuset")
PERIOD = values("devices/memballoon/stats", "period")

ROWS: dict[str, Row] = {
    "a vCPU is pinned": Row(put("cpus", pin={0: "1"}), PINS),
    "to other CPUs, and one that is off": Row(put("cpus", pin={0: "0,1", 1: 0}), PINS),
    "a vCPU comes that is pinned": Row(put("cpus", count=2), values("vcpu", "current")),
    "one is not pinned any more": Row(put("cpus", pin={0: "1"}), PINS, NO_CALL),
    "none is": Row(put("cpus", pin=None), PINS, NO_CALL),
    "the emulator is pinned": Row(put("cpus", emulator_pin="1"), EMULATOR),
    "the emulator is not pinned any more": Row(put("cpus", emulator_pin=None), EMULATOR, NO_CALL),
    "I/O threads come": Row(threads(2), THREADS),
    "a third, and pins": Row(threads({1: {"pin": "1"}, 2: None, 7: {"pin": "0"}}), THREAD_PINS),
    "another pin": Row(threads({1: {"pin": "0"}, 2: {}, 7: {"pin": "0"}}), THREAD_PINS),
    "a thread goes, and its pin": Row(threads({1: {"pin": "0"}, 2: {}}), THREADS),
    "one stays": Row(threads(1), THREADS),
    "shares": Row(put("cpus", shares=2048), tune("shares")),
    "other shares, and a quota": Row(put("cpus", shares=512, quota=50_000, period=100_000), tune("quota")),
    "other quotas": Row(
        put("cpus", global_period=50_000, global_quota=40_000, emulator_period=20_000, emulator_quota=10_000),
        tune("emulator_quota"),
    ),
    "quotas of I/O threads": Row(
        put("cpus", iothread_period=20_000, iothread_quota=-1), tune("iothread_quota")
    ),
    "no quota any more": Row(put("cpus", quota=None, period=None, global_quota=None), tune("quota"), NO_CALL),
    "limits of memory": Row(
        put("memory", tuning={"hard_limit": "2GiB", "soft_limit": "1GiB", "swap_hard_limit": "3GiB"}),
        values("memtune/*", "@"),
    ),
    "higher ones": Row(
        put("memory", tuning={"hard_limit": "4GiB", "soft_limit": "1GiB", "swap_hard_limit": "5GiB"}),
        values("memtune/*", "@"),
    ),
    "one limit goes": Row(put("memory", tuning={"soft_limit": "1GiB"}), values("memtune/*", "@")),
    "the balloon tells": Row(put("memory", stats_period="5s"), PERIOD),
    "more often": Row(put("memory", stats_period="2s"), PERIOD),
    "no more": Row(put("memory", stats_period=None), PERIOD),
    "a weight of disk I/O": Row(put("blkio", weight=500), values("blkiotune/weight", "@")),
    "another weight": Row(put("blkio", weight=300), values("blkiotune/weight", "@")),
}


@pytest.mark.live
def test_tuning_changes_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    prove(scene, manifest, ROWS)
