"""NUMA cells, memory devices and what threads may have of the host: what a manifest may say, and what it becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.canon.read import read
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import fields
from kvmspec.kinds.domain.fit import absences
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from tests.unit.domain.test_tuning import canonical, spec

TWO = [{"cpus": "0-1", "memory": "512MiB"}, {"cpus": "2-3", "memory": "512MiB"}]
FOUR = {"count": 4}
NVDIMM = {"model": "nvdimm", "size": "128MiB", "path": "/srv/nv"}


def divided(first: dict[str, Any], second: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"cpus": FOUR, "numa": {"cells": [TWO[0] | first, TWO[1] | second], **more}}


def plugged(**device: Any) -> dict[str, Any]:
    return {"memory": {"size": "1GiB", "slots": 1, "ceiling": "4GiB", "devices": [device]}}


def tuned(**cpus: Any) -> dict[str, Any]:
    return {"cpus": {"count": 2, "max": 4} | cpus}


def numatune(**said: Any) -> dict[str, Any]:
    return {"memory": {"size": "1GiB", "numatune": said}}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a cell of nothing": ({"numa": [{}]}, "a cell has `cpus`, `memory`, or both"),
    "a vCPU twice": (divided({"cpus": "0-2"}, {}), "two cells have the same vCPU"),
    "a vCPU in none": (divided({"cpus": "0"}, {}), "leaves out a vCPU"),
    "a vCPU there is not": (divided({}, {"cpus": "2-4"}), "names a vCPU that there is not"),
    "more memory than there is": (divided({"memory": "1GiB"}, {}), "is to be `memory.max`"),
    "a distance to no cell": (divided({"distances": {2: 20}}, {}), "a cell is named that there is not"),
    "a distance that is none": (divided({"distances": {1: 9}}, {}), "greater than or equal to 10"),
    "a way to no cell": (
        divided({}, {}, latencies=[{"initiator": 0, "target": 2, "value": 1}]),
        "a cell is named that there is not",
    ),
    "caches in another order": (
        divided({"caches": [{"level": n, "size": "1MiB", "line": "64B"} for n in (2, 1)]}, {}),
        "in the order of their levels",
    ),
    "nodes of no cell": (
        divided({}, {}) | numatune(cells={2: "0"}),
        "names a `numa` cell that there is not",
    ),
    "a DIMM of no cell": (
        divided({}, {})
        | {"memory": {"size": "1GiB", "slots": 1, "ceiling": "4GiB", "dimms": [{"size": "1GiB", "node": 2}]}},
        "names a `numa` cell that there is not",
    ),
    "nodes twice": (numatune(nodes="0", placement="auto"), "either `nodes`, or `placement: auto`"),
    "cells of nodes that numad chooses": (numatune(placement="auto", cells={0: "0"}), "without `cells`"),
    "one mode of its own": (
        numatune(nodes="0", cells={0: {"mode": "restrictive", "nodes": "0"}}),
        "`restrictive` is the mode of all",
    ),
    "no allocation": ({"memory": {"size": "1GiB", "allocation": {}}}, "a `mode`, `threads`, or both"),
    "memory that nothing keeps": (plugged(model="nvdimm", size="1GiB"), "`path` is needed"),
    "a file of memory": (plugged(model="sgx-epc", size="1GiB", path="/srv/a"), "the others have none"),
    "blocks of an NVDIMM": (plugged(**NVDIMM, block_size="2MiB"), "are of `model: virtio-mem`"),
    "a label of another": (
        plugged(model="virtio-pmem", size="1GiB", path="/srv/a", label_size="128KiB"),
        "are of `model: nvdimm`",
    ),
    "pages of a file": (plugged(**NVDIMM, page_size="2MiB"), "memory that no `path` keeps"),
    "what is thrown away and lasts": (plugged(**NVDIMM, discard=True), "no `discard` of an `nvdimm`"),
    "no blocks": (plugged(model="virtio-mem", size="1GiB"), "needs a `block_size`"),
    "devices without room": ({"memory": {"size": "1GiB", "devices": [NVDIMM]}}, "than `slots`"),
    "a scheduler without priority": (tuned(emulator_scheduler="fifo"), "these need one"),
    "a priority of another": (
        tuned(emulator_scheduler={"scheduler": "idle", "priority": 1}),
        "`priority` goes with",
    ),
    "a vCPU scheduled twice": (
        tuned(schedulers=[{"vcpus": "0-1", "scheduler": "idle"}, {"vcpus": "1", "scheduler": "batch"}]),
        "name the same vCPU",
    ),
    "one scheduled that is not": (
        tuned(schedulers=[{"vcpus": "4", "scheduler": "idle"}]),
        "beyond `max` - 1",
    ),
    "a tune of nothing": (tuned(cachetune=[{"vcpus": "0"}]), "`caches`, `monitors`, or both"),
    "too few are there": (tuned(vcpus={0: {}}), "there are to be `count` of them"),
    "the first is not": (tuned(vcpus={1: {}, 2: {}}), "is always there"),
    "the first can go": (tuned(vcpus={0: {"hotpluggable": True}, 2: {}}), "not `hotpluggable`"),
    "two placements": (tuned(placement="auto", cpuset="0"), "either `cpuset`, or `placement: auto`"),
    "a pool that shrinks": (
        {"iothreads": [{"thread_pool_min": 2, "thread_pool_max": 1}]},
        "is above `thread_pool_max`",
    ),
    "a disk of the host twice": (
        {"blkio": {"devices": [{"path": "/dev/a", "weight": 1}, {"path": "/dev/a", "read": "1MiB"}]}},
        "have the same `path`",
    ),
    "nothing of a disk": ({"blkio": {"devices": [{"path": "/dev/a"}]}}, "state a `weight`, or a limit"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_says_why(name: str) -> None:
    values, words = WRONG[name]
    with pytest.raises(ValidationError, match=re.escape(words)):
        spec(**values)


def test_distances_are_completed_as_libvirt_does_it() -> None:
    three = [{"memory": "1GiB"}] * 2 + [{"cpus": "0", "memory": "1GiB"}]
    told = [three[0] | {"distances": {1: 21}}, three[1] | {"distances": {0: 30}}, three[2]]
    numa = VmSpec.model_validate({"memory": "3GiB", "cpus": 1, "numa": told}).numa
    assert numa is not None
    assert numa.distances == {0: {0: 10, 1: 21}, 1: {0: 30, 1: 10}}, "and none of the third"


def test_i_o_threads_are_counted_or_numbered() -> None:
    counted, listed, numbered = (
        spec(iothreads=value).iothreads for value in (2, [{}, {"pin": "0"}], {1: {}, 2: None})
    )
    assert [*counted] == [*listed] == [*numbered] == [1, 2]
    assert listed[2].pin == "0"
    assert "iothreadids" in canonical(iothreads=2), "libvirt numbers them"
    assert canonical(iothreads=2)["iothreadids"] == canonical(iothreads={1: {}, 2: {}})["iothreadids"]
    assert "iothreads" in canonical(iothreads=2) and "iothreads" not in canonical(iothreads={1: {}, 2: {}})


def test_vcpus_that_are_not_named_are_off() -> None:
    vcpus = canonical(**tuned(vcpus={0: {}, 2: {"order": 2}}))["vcpus"]["vcpu"]
    states = {name: (vcpu["@enabled"], vcpu["@hotpluggable"]) for name, vcpu in vcpus.items()}
    off = ("no", "yes")
    assert states == {"0": ("yes", "no"), "1": off, "2": ("yes", "yes"), "3": off}


def test_what_is_current_counts_all_devices_unless_it_is_held_back() -> None:
    room = {"size": "1GiB", "slots": 2, "ceiling": "4GiB", "dimms": ["1GiB"], "devices": [NVDIMM]}
    whole, held = (spec(memory=room | more).memory for more in ({}, {"max": "1GiB"}))
    assert whole is not None and held is not None
    assert (whole.current - held.current, whole.plugged) == (128 << 20, (1024 + 128) << 20)
    for more in ({}, {"max": "1GiB"}):
        data = canonical(memory=room | more)
        assert data["memory"]["#"] == data["currentMemory"]["#"] == 1 << 30


def test_threads_that_are_scheduled_together_are_told_apart() -> None:
    tune = "<cputune><vcpusched vcpus='0-1,3' scheduler='rr' priority='2'/></cputune>"
    assert {*read(f"<domain>{tune}</domain>")["cputune"]["vcpusched"]} == {"0", "1", "3"}


@pytest.mark.parametrize(
    ("numa", "there", "gone"),
    [
        (TWO[:1], {"0", "1"}, [("cpu", "numa", "cell", "1")]),
        (TWO, {"0", "1"}, []),
        ([], {"0", "1"}, [("cpu", "numa")]),
    ],
)
def test_cells_that_are_not_stated_go(numa: Any, there: set[str], gone: Any) -> None:
    stated = VmSpec.model_validate({"memory": "512MiB" if len(numa) == 1 else "1GiB", "numa": numa})
    live = {"cpu": {"numa": {"cell": {name: {} for name in there}}}}
    assert absences(stated, KeyMap(), live) == gone


def test_with_room_for_dimms_the_first_cell_stays() -> None:
    stated = spec(memory={"size": "1GiB", "slots": 1, "ceiling": "2GiB"}, numa=[])
    live = {"cpu": {"numa": {"cell": {"0": {}, "1": {}}}}}
    assert absences(stated, KeyMap(), live) == [("cpu", "numa", "cell", "1")]


@pytest.mark.parametrize(
    ("path", "before", "after", "shown"),
    [
        (("cpu", "numa", "cell", "1"), None, {"@cpus": "2-3", "@memory": "1024"}, "2-3 with 1MiB"),
        (("numatune", "memnode", "0"), {"@mode": "strict", "@nodeset": "0"}, None, None),
        (("devices", "memory", "nvdimm/1MiB/0"), None, {"@model": "nvdimm"}, "0B"),
        (("cputune", "vcpusched", "0"), None, {"@scheduler": "rr", "@priority": "2"}, "rr 2"),
    ],
)
def test_a_change_asks_for_a_boot_and_is_told_in_words(
    path: Any, before: Any, after: Any, shown: Any
) -> None:
    row, _ = fields.lookup(path)
    assert row.rule(before, after, Guest({"features": {"acpi": {}}})).impact is Impact.RESTART
    assert (row.show(after) if after else None) == shown


def test_devices_are_called_what_they_are() -> None:
    for path, name in (("nvdimm/1MiB/0", "memory.devices.nvdimm/1MiB/0"), ("1MiB/0", "memory.dimms.1MiB/0")):
        whole = ("devices", "memory", path)
        row, unit = fields.lookup(whole)
        assert fields.manifest_path(row, unit, KeyMap()) == name
