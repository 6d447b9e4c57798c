"""Fields of memory, NUMA and CPUs on the host. Each is defined, changed and taken away again, and each time there
is nothing left to plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import named_after, there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
FOUR = {"count": 4, "max": 4}
TWO_CELLS = [{"cpus": "0-1", "memory": "32MiB"}, {"cpus": "2-3", "memory": "32MiB"}]
HALVES = {"cpus": FOUR, "numa": TWO_CELLS}
ROOM = {"size": "32MiB", "max": "64MiB", "slots": 4, "ceiling": "2GiB"}
PAGES = [{"size": "2MiB", "cells": "0"}, {"size": "1GiB", "cells": "1"}]
CACHES = [{"level": 1, "size": "10KiB", "line": "8B", "associativity": "direct", "policy": "writeback"}]


def memory(**fields: Any) -> Fields:
    return {"memory": {"size": "32MiB", "max": "64MiB"} | fields}


def cpus(**fields: Any) -> Fields:
    return {"cpus": {"count": 2, "max": 4} | fields}


def devices(*listed: Fields) -> Fields:
    return {"memory": ROOM | {"devices": list(listed)}}


def cells(first: Fields, second: Fields, **more: Any) -> Fields:
    divided = [TWO_CELLS[0] | first, TWO_CELLS[1] | second]
    return {"cpus": FOUR, "numa": {"cells": divided, **more} if more else divided}


NVDIMM = {"model": "nvdimm", "size": "128MiB", "path": "/srv/web.nvdimm"}
VIRTIO_MEM = {"model": "virtio-mem", "size": "256MiB", "block_size": "2MiB"}
WAY = {"initiator": 0, "target": 1}

NUMA: dict[str, tuple[Fields, Fields]] = {
    "cells": (HALVES, {"cpus": FOUR, "numa": [{"cpus": "0-3", "memory": "64MiB"}]}),
    "cells of CPUs and of memory": (
        {"cpus": FOUR, "numa": [{"cpus": "0-3"}, {"memory": "64MiB"}]},
        {"cpus": FOUR, "numa": [{"cpus": "0-2", "memory": "16MiB"}, {"cpus": "3", "memory": "48MiB"}]},
    ),
    "no cells": (HALVES, {"cpus": FOUR, "numa": []}),
    "what each is made of": (
        cells({"access": "shared", "discard": True}, {"access": "private"}),
        cells({"discard": False}, {"access": "shared"}),
    ),
    "distances": (
        cells({"distances": {1: 21}}, {}),
        cells({"distances": {0: 10, 1: 22}}, {"distances": {0: 31}}),
    ),
    "caches": (
        cells({"caches": CACHES}, {}, latencies=[WAY | {"target": 0, "value": 5}]),
        cells(
            {"caches": [CACHES[0] | {"size": "20KiB"}, CACHES[0] | {"level": 2}]},
            {},
            latencies=[WAY | {"value": 9, "type": "read"}],
            bandwidths=[WAY | {"value": "200MiB"}],
        ),
    ),
    "room in cells": (
        {"cpus": FOUR, "numa": TWO_CELLS, "memory": ROOM | {"dimms": [{"size": "128MiB", "node": 1}]}},
        {"cpus": FOUR, "memory": ROOM | {"dimms": ["128MiB"]}, "numa": []},
    ),
    "nodes of each cell": (
        HALVES | memory(numatune={"nodes": "0-1", "cells": {0: {"mode": "preferred", "nodes": "0"}, 1: "1"}}),
        HALVES | memory(numatune={"cells": {1: {"mode": "interleave", "nodes": "0-1"}}}),
    ),
    "one mode for all": (
        HALVES | memory(numatune={"mode": "restrictive", "nodes": "0"}),
        HALVES
        | memory(
            numatune={
                "mode": "restrictive",
                "nodes": "0-1",
                "cells": {0: {"mode": "restrictive", "nodes": "1"}},
            }
        ),
    ),
    "huge pages of each cell": (HALVES | memory(hugepages=PAGES), HALVES | memory(hugepages=PAGES[:1])),
}
MEMORY: dict[str, tuple[Fields, Fields]] = {
    "huge pages": (memory(hugepages=True), memory(hugepages="2MiB")),
    "a source": (
        memory(source="memfd", access="shared", allocation="immediate"),
        memory(source="file", access="private", allocation={"mode": "immediate", "threads": 4}),
    ),
    "threads alone": (memory(allocation={"threads": 2}), memory(allocation={"mode": "ondemand"})),
    "no sharing": (
        memory(nosharepages=True, discard=True),
        memory(nosharepages=False, discard=False, source="anonymous"),
    ),
    "an NVDIMM": (
        devices(NVDIMM | {"label_size": "128KiB", "access": "shared"}),
        devices(NVDIMM | {"readonly": True}),
    ),
    "a persistent one": (
        devices(NVDIMM | {"pmem": True, "alignment": "2MiB"}),
        devices(NVDIMM, NVDIMM | {"path": "/srv/other.nvdimm", "node": 0}),
    ),
    "memory of virtio": (
        devices(VIRTIO_MEM | {"requested": "128MiB"}),
        devices(VIRTIO_MEM | {"requested": "64MiB", "host_nodes": "0", "page_size": "4KiB"}),
    ),
    "nothing of it": (devices(VIRTIO_MEM), devices(VIRTIO_MEM | {"size": "512MiB"})),
    "a file that lasts": (
        devices({"model": "virtio-pmem", "size": "128MiB", "path": "/srv/web.pmem", "access": "shared"}),
        devices({"model": "virtio-pmem", "size": "128MiB", "path": "/srv/other.pmem"}),
    ),
    "of every kind": (
        {"memory": ROOM | {"dimms": ["128MiB"], "devices": [VIRTIO_MEM, NVDIMM]}},
        {"memory": ROOM | {"dimms": ["128MiB", "256MiB"], "devices": [NVDIMM]}},
    ),
    "a DIMM from somewhere": (
        {"memory": ROOM | {"dimms": [{"size": "128MiB", "access": "shared", "host_nodes": "0"}]}},
        {"memory": ROOM | {"dimms": [{"size": "128MiB", "discard": True, "page_size": "4KiB"}]}},
    ),
}
CPUS: dict[str, tuple[Fields, Fields]] = {
    "placement": (cpus(placement="auto"), cpus(cpuset="0")),
    "placement of all": (
        cpus(placement="auto") | memory(numatune={"mode": "preferred", "placement": "auto"}),
        cpus(placement="auto") | memory(numatune="0"),
    ),
    "placement of memory": (
        memory(numatune={"mode": "preferred", "placement": "auto"}),
        memory(numatune={"mode": "preferred", "nodes": "0"}),
    ),
    "which vCPUs are there": (
        cpus(vcpus={0: {"order": 1}, 2: {"order": 2}}),
        cpus(vcpus={0: {}, 1: {"hotpluggable": False}}),
    ),
    "another one": (cpus(vcpus={0: {}, 2: {}}), cpus(count=3, vcpus={0: {}, 2: {}, 3: {}})),
    "schedulers": (
        cpus(schedulers=[{"vcpus": "0-1", "scheduler": "fifo", "priority": 1}], emulator_scheduler="idle"),
        cpus(
            schedulers=[
                {"vcpus": "1,3", "scheduler": "rr", "priority": 2},
                {"vcpus": "2", "scheduler": "batch"},
            ],
            emulator_scheduler={"scheduler": "rr", "priority": 3},
        ),
    ),
    "I/O threads": (
        {"iothreads": {1: {"scheduler": "batch"}, 7: {"thread_pool_min": 2, "thread_pool_max": 8}}},
        {"iothreads": {1: {"pin": "0", "thread_pool_max": 8}, 7: {"thread_pool_max": 4}}},
    ),
    "counted threads": ({"iothreads": 2}, {"iothreads": [{"pin": "0"}, {"scheduler": "idle"}, {}]}),
    "threads by number": ({"iothreads": 2}, {"iothreads": {3: {}, 1: {"pin": "0"}}}),
    "the main loop": (
        {"default_iothread": {"thread_pool_min": 1, "thread_pool_max": 16}},
        {"default_iothread": {"thread_pool_max": 8}},
    ),
    "disks of the host": (
        {"blkio": {"weight": 500, "devices": [{"path": "/dev/sda", "weight": 300, "read": "1MiB"}]}},
        {
            "blkio": {
                "devices": [
                    {"path": "/dev/sdb", "write": "2MiB", "write_iops": 100},
                    {"path": "/dev/sda", "read": "2MiB", "read_iops": 100},
                ]
            }
        },
    ),
}
EVERY = NUMA | MEMORY | CPUS


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, EVERY)


STARTED: dict[str, Fields] = {
    "cells": cells({"access": "shared", "distances": {1: 21}}, {}) | memory(source="memfd"),
    "cells of no whole MiB": {
        "cpus": FOUR,
        "memory": {"size": "66000KiB", "max": "66000KiB"},
        "numa": [{"cpus": "0-1", "memory": "33000KiB"}, {"cpus": "2-3", "memory": "33000KiB"}],
    },
    "memory": memory(source="memfd", access="shared", allocation={"threads": 2}, nosharepages=True),
    "memory of virtio": devices(VIRTIO_MEM | {"requested": "64MiB"}),
    "threads": {"iothreads": {2: {"thread_pool_max": 8}}, "default_iothread": {"thread_pool_max": 16}},
    "vCPUs": cpus(vcpus={0: {}, 2: {}}, schedulers=[{"vcpus": "0", "scheduler": "batch"}]),
}


def test_it_starts_and_nothing_is_pending(scene: Scene) -> None:
    scene.settle(scene.manifest({named_after(case): idle_vm(**fields) for case, fields in STARTED.items()}))
    assert "Pending" not in scene.plan(expect=0)


def test_a_running_guest_gets_it_when_it_starts_anew(scene: Scene) -> None:
    power = {"lifecycle": {"force_off_after": "2s"}, "cpus": FOUR}
    scene.settle(scene.manifest({"web": idle_vm(**power)}))
    number = scene.domain("web").ID()
    told = scene.plan(scene.manifest({"web": idle_vm(**power, numa=TWO_CELLS)}), expect=2)
    assert "CPUs and memory are divided at boot" in told and "--allow restart" in told
    scene.apply(None, "--allow", "restart")
    assert scene.domain("web").ID() != number
    assert "Pending" not in scene.plan(expect=0)
