"""adapters.libvirt.Tuning on a guest that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

import pytest

from kvmspec.adapters.libvirt.tuning import UNLIMITED, Tuning, cpu_map
from kvmspec.core.errors import Absent, LibvirtFailure
from tests.contract.stage import Stage

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

MIB = 2**20
ALL = (
    lambda tuning, name: tuning.pin_vcpu(name, 0, "0"),
    lambda tuning, name: tuning.pin_emulator(name, "0"),
    lambda tuning, name: tuning.pin_iothread(name, 1, "0"),
    lambda tuning, name: tuning.add_iothread(name, 1),
    lambda tuning, name: tuning.remove_iothread(name, 1),
    lambda tuning, name: tuning.set_scheduler(name, {"cpu_shares": 512}),
    lambda tuning, name: tuning.set_memory_limits(name, {"soft_limit": MIB}),
    lambda tuning, name: tuning.set_blkio(name, {"weight": 500}),
    lambda tuning, name: tuning.set_numa(name, {"numa_nodeset": "0"}),
    lambda tuning, name: tuning.set_block_tune(name, "vda", {}),
    lambda tuning, name: tuning.set_balloon_period(name, 5),
)


def has_controller(stage: Stage, controller: str) -> bool:
    """Whether libvirt has that cgroup controller here; without it the limit cannot be tried."""
    found = stage.libvirtd.run(
        ["sh", "-c", "cat /proc/self/cgroup /sys/fs/cgroup/cgroup.controllers"], check=False
    )
    mounted = stage.libvirtd.run(["ls", "/sys/fs/cgroup"], check=False).stdout.split()
    return controller in mounted or controller in found.stdout.split("::")[-1].split()


@pytest.fixture
def tuning(stage: Stage, running: str) -> Iterator[Tuning]:
    """Of the shared guest, whose id stays the same."""
    number = stage.number()
    yield stage.host.tuning
    assert stage.number() == number


# --- pinning
def test_a_vcpu_and_the_emulator_are_pinned(stage: Stage, running: str, tuning: Tuning) -> None:
    tuning.pin_vcpu(running, 1, "0")
    assert "<vcpupin vcpu='1' cpuset='0'/>" in stage.xml()
    tuning.pin_emulator(running, "0")
    assert "<emulatorpin cpuset='0'/>" in stage.xml()
    everywhere = stage.host.conn.getCPUMap()[0]
    tuning.pin_vcpu(running, 1, "")
    tuning.pin_emulator(running, "")
    assert f"<vcpupin vcpu='1' cpuset='{'0' if everywhere == 1 else f'0-{everywhere - 1}'}'/>" in stage.xml()


def test_an_iothread_comes_is_pinned_and_goes(stage: Stage, running: str, tuning: Tuning) -> None:
    tuning.add_iothread(running, 3)
    tuning.pin_iothread(running, 3, "0")
    assert (
        "<iothreads>1</iothreads>" in stage.xml() and "<iothreadpin iothread='3' cpuset='0'/>" in stage.xml()
    )
    with pytest.raises(LibvirtFailure, match="already using iothread_id '3'"):
        tuning.add_iothread(running, 3)
    tuning.remove_iothread(running, 3)
    assert "iothread" not in stage.xml()
    with pytest.raises(LibvirtFailure, match="cannot find IOThread '3'"):
        tuning.remove_iothread(running, 3)


def test_an_iothread_that_a_disk_uses_stays(stage: Stage, running: str, tuning: Tuning) -> None:
    tuning.add_iothread(running, 1)
    file = stage.disk("io.raw")
    stage.host.devices.attach(
        running,
        f"<disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'/><source file='{file}'/>"
        "<target dev='vdh' bus='virtio'/></disk>",
    )
    with pytest.raises(LibvirtFailure, match="being used by disk 'vdh'"):
        tuning.remove_iothread(running, 1)
    stage.host.devices.detach(running, "virtio-disk7", 60, lambda text: None)
    tuning.remove_iothread(running, 1)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda tuning: tuning.pin_vcpu("guest", 9, "0"), "vcpu 9 is out of range"),
        (lambda tuning: tuning.pin_vcpu("guest", 0, "999"), "the host has no CPU 999"),
        (lambda tuning: tuning.pin_iothread("guest", 7, "0"), "iothread 7 not found"),
        (lambda tuning: tuning.set_balloon_period("guest", -1), "must be zero or greater"),
        (lambda tuning: tuning.set_block_tune("guest", "vdz", {}), "disk 'vdz' not found"),
        (lambda tuning: tuning.set_block_tune("guest", "vda", {"group_name": 1}), "unknown: group_name"),
        (
            lambda tuning: tuning.set_block_tune("guest", "vda", {"total_iops_sec": 1, "read_iops_sec": 1}),
            "total and read/write of iops_sec cannot be set at the same time",
        ),
        (lambda tuning: tuning.set_scheduler("guest", {"nonsense": 1}), "does not know"),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(
    running: str, tuning: Tuning, act: Callable[[Tuning], None], words: str
) -> None:
    with pytest.raises(LibvirtFailure, match=words):
        act(tuning)


@pytest.mark.parametrize("act", ALL)
def test_a_guest_that_is_not_there_is_absent(stage: Stage, act: Callable[[Tuning, str], None]) -> None:
    with pytest.raises(Absent, match="nobody"):
        act(stage.host.tuning, "nobody")


# --- limits
def test_shares_and_quota(stage: Stage, running: str, tuning: Tuning) -> None:
    if not has_controller(stage, "cpu"):
        pytest.skip("no cgroup controller `cpu` here")
    tuning.set_scheduler(running, {"cpu_shares": 512, "vcpu_period": 50000, "vcpu_quota": 20000})
    tuning.set_scheduler(running, {"emulator_period": 40000, "emulator_quota": 30000})
    for words in ("<shares>512<", "<period>50000<", "<quota>20000<", "<emulator_quota>30000<"):
        assert words in stage.xml()
    with pytest.raises(LibvirtFailure, match="must be in range"):
        tuning.set_scheduler(running, {"cpu_shares": 1})
    tuning.set_scheduler(running, {"vcpu_quota": -1, "emulator_quota": -1})
    assert "<quota>-1<" in stage.xml()


def test_memory_limits_are_bytes(stage: Stage, running: str, tuning: Tuning) -> None:
    if not has_controller(stage, "memory"):
        pytest.skip("no cgroup controller `memory` here")
    tuning.set_memory_limits(running, {"hard_limit": 4096 * MIB, "soft_limit": 2048 * MIB})
    assert "<hard_limit unit='KiB'>4194304</hard_limit>" in stage.xml()
    assert "<soft_limit unit='KiB'>2097152</soft_limit>" in stage.xml()
    with pytest.raises(LibvirtFailure):
        tuning.set_memory_limits(running, {"hard_limit": MIB})  # it has more than that already
    assert "<hard_limit unit='KiB'>4194304</hard_limit>" in stage.xml()
    tuning.set_memory_limits(running, {"hard_limit": UNLIMITED, "soft_limit": UNLIMITED + MIB})
    assert "_limit" not in stage.xml()


def test_block_weight(stage: Stage, running: str, tuning: Tuning) -> None:
    if not has_controller(stage, "blkio"):
        pytest.skip("no cgroup controller `blkio` here")
    tuning.set_blkio(running, {"weight": 500})
    assert "<weight>500</weight>" in stage.xml()


def test_numa_nodes_stay(stage: Stage, running: str, tuning: Tuning) -> None:
    with pytest.raises(LibvirtFailure, match=r"(?i)numa"):
        tuning.set_numa(running, {"numa_nodeset": "3"})


@pytest.mark.parametrize("target", ["vda", "sda"])
def test_what_is_not_given_is_no_limit(stage: Stage, running: str, tuning: Tuning, target: str) -> None:
    steps = (
        {"total_bytes_sec": 10 * MIB, "total_iops_sec": 100, "size_iops_sec": 4096},
        {"read_bytes_sec": 10 * MIB, "read_bytes_sec_max": 20 * MIB, "read_bytes_sec_max_length": 5},
        {"write_iops_sec": 70},
        {},
    )
    for values in steps:
        tuning.set_block_tune(running, target, values)
        assert limits(stage.xml(), target) == values


def test_the_balloon_period(stage: Stage, running: str, tuning: Tuning) -> None:
    tuning.set_balloon_period(running, 5)
    assert "<stats period='5'/>" in stage.xml()
    tuning.set_balloon_period(running, 0)
    assert "<stats" not in stage.xml()


def limits(xml: str, target: str) -> dict[str, int]:
    """The I/O limits of a disk that the active XML has. A length that outlives its peak means nothing."""
    (disk,) = (
        d
        for d in ET.fromstring(xml).iterfind("devices/disk")
        if d.find(f"target[@dev='{target}']") is not None
    )
    found = {limit.tag: int(limit.text or 0) for limit in disk.iterfind("iotune/*")}
    return {k: v for k, v in found.items() if not k.endswith("_length") or k.removesuffix("_length") in found}


# --- sets of CPUs
@pytest.mark.parametrize(
    ("text", "count", "wanted"),
    [
        ("", 3, "111"),
        ("0", 3, "100"),
        ("0-3,^2", 5, "11010"),
        ("1, 3", 4, "0101"),
        ("^0,0", 2, "10"),
        ("0-0", 1, "1"),
    ],
)
def test_a_set_of_cpus(text: str, count: int, wanted: str) -> None:
    assert cpu_map(text, count) == tuple(digit == "1" for digit in wanted)


@pytest.mark.parametrize("text", ["4", "0-9", "a", "0-", "1,^1", "-1"])
def test_what_is_no_set_of_these_cpus(text: str) -> None:
    with pytest.raises(LibvirtFailure) as caught:
        cpu_map(text, 4)
    assert "0-3" in caught.value.hint
