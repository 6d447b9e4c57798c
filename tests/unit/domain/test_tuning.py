"""CPUs, memory and I/O threads: what a manifest may say, and how it stands in canonical data."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec import resources
from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit, select
from kvmspec.canon.read import read
from kvmspec.core.action import Edit, Tune, from_data, to_data
from kvmspec.core.address import Address
from kvmspec.core.impact import Impact
from kvmspec.core.live import Call
from kvmspec.kinds.domain import fields, live_tuning, tuning
from kvmspec.kinds.domain.cpus_spec import SCHEDULING
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.render import stated
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap


def spec(**values: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB"} | values)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "more than there are": ({"cpus": {"count": 3, "max": 2}}, "`count` is above `max`"),
    "a mode and a model": ({"cpus": {"mode": "maximum", "model": "EPYC"}}, "either `mode` or `model`"),
    "features of nothing": ({"cpus": {"features": {"svm": "disable"}}}, "need a `mode` or a `model`"),
    "a policy that is none": ({"cpus": {"mode": "maximum", "features": {"svm": "off"}}}, "'disable'"),
    "another topology": ({"cpus": {"max": 4, "topology": {"cores": 2}}}, "is to be `max`"),
    "a topology of another count": ({"cpus": {"count": 4, "topology": {"cores": 2}}}, "is to be `max`"),
    "a vCPU there is not": ({"cpus": {"count": 2, "pin": {2: "0"}}}, "the last is `max` - 1"),
    "a pin to nothing": ({"cpus": {"count": 2, "pin": {0: ""}}}, "0 to 3 without 2"),
    "too little time": ({"cpus": {"quota": 999}}, "at least 1000 µs"),
    "no time": ({"cpus": {"global_quota": 0}}, "at least 1000 µs"),
    "too short a period": ({"cpus": {"period": 10}}, "1000"),
    "less than no share": ({"cpus": {"shares": -1}}, "0"),
    "no I/O thread": ({"iothreads": 0}, "1 to 256 I/O threads"),
    "I/O thread 0": ({"iothreads": {0: {}}}, "greater than or equal to 1"),
    "a switch of I/O threads": ({"iothreads": True}, "dict"),
    "limits of each other": (
        {"memory": {"size": "1GiB", "tuning": {"hard_limit": "3GiB", "swap_hard_limit": "2GiB"}}},
        "above `swap_hard_limit`",
    ),
    "no time between": ({"memory": {"size": "1GiB", "stats_period": "0s"}}, "at least 1s"),
    "no node": ({"memory": {"size": "1GiB", "numatune": {"mode": "strict"}}}, "nodes"),
    "DIMMs without slots": ({"memory": {"size": "1GiB", "dimms": ["1GiB"]}}, "than `slots`"),
    "slots without a ceiling": ({"memory": {"size": "1GiB", "slots": 2}}, "go together"),
    "a ceiling without slots": ({"memory": {"size": "1GiB", "ceiling": "2GiB"}}, "go together"),
    "above the ceiling": (
        {"memory": {"size": "1GiB", "slots": 2, "ceiling": "2GiB", "dimms": ["1GiB", "128MiB"]}},
        "above `ceiling`",
    ),
    "a maximum above the ceiling": (
        {"memory": {"size": "1GiB", "max": "4GiB", "slots": 2, "ceiling": "2GiB"}},
        "above `ceiling`",
    ),
    "a weight of nothing": ({"blkio": {"weight": 0}}, "1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_says_why(name: str) -> None:
    values, words = WRONG[name]
    with pytest.raises(ValidationError, match=re.escape(words)):
        spec(**values)


def test_short_forms() -> None:
    assert set(spec(iothreads=2).iothreads) == {1, 2}
    assert spec(iothreads={"1": None, 3: {"pin": 2}}).iothreads[3].pin == "2"
    memory = spec(memory={"size": "1GiB", "slots": 1, "ceiling": "4GiB", "dimms": ["1GiB"]}).memory
    assert memory is not None and memory.dimms[0].size == 2**30 and memory.dimms[0].node == 0


EVERYTHING: dict[str, Any] = {
    "cpus": {
        "count": 1,
        "max": 4,
        "model": "EPYC",
        "features": {"svm": "disable"},
        "topology": {"cores": 4},
        "cpuset": "0-3",
        "pin": {0: 1, 3: "2-3"},
        "emulator_pin": "0",
        "shares": 10,
        "iothread_quota": -1,
    },
    "memory": {
        "size": "1GiB",
        "max": "2GiB",
        "slots": 2,
        "ceiling": "8GiB",
        "dimms": ["1GiB", "1GiB"],
        "hugepages": "2MiB",
        "locked": True,
        "tuning": {"hard_limit": "4GiB"},
        "numatune": {"nodes": "0"},
        "stats_period": "1m",
    },
    "iothreads": {2: {"pin": 0}},
    "blkio": {"weight": 100},
}


def canonical(**values: Any) -> dict[str, Any]:
    xml = stated(Renderer(resources.folder("templates")), "web", spec(**values), (), KeyMap(), frozenset())
    return read(xml)


def test_what_is_stated_is_rendered_and_nothing_else() -> None:
    data = canonical(**EVERYTHING)
    assert data["memory"]["#"] == 2**31 and data["currentMemory"]["#"] == 2**30, "without the DIMMs"
    assert set(data["devices"]["memory"]) == {"1024MiB/0", "1024MiB/0#1"}
    assert data["maxMemory"] == {"@slots": "2", "#": 2**33}
    assert data["cpu"]["numa"]["cell"]["0"]["@cpus"] == "0-3"
    assert data["cputune"]["vcpupin"]["3"]["@cpuset"] == "2-3"
    assert data["memtune"]["hard_limit"]["#"] == 2**32
    assert set(canonical()) == {"name", "currentMemory", "devices"}
    assert "cputune" not in canonical(blkio={"weight": 1}), "no empty elements"
    assert canonical(cpus={"mode": "maximum"})["cpu"] == {"@mode": "maximum"}


# --- canonical data
def test_io_threads_without_a_number_have_the_lowest_ones() -> None:
    read_one = lambda inside: read(f"<domain>{inside}</domain>")["iothreadids"]["iothread"]  # noqa: E731
    assert set(read_one("<iothreads>3</iothreads>")) == {"1", "2", "3"}
    some = "<iothreads>3</iothreads><iothreadids><iothread id='2'/><iothread id='7'/></iothreadids>"
    assert set(read_one(some)) == {"1", "2", "7"}


PLUGGED = """<domain><memory unit='KiB'>524288</memory><currentMemory unit='KiB'>393216</currentMemory><devices>
<memory model='dimm'><target><size unit='KiB'>131072</size><node>0</node></target></memory>
<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>
<memory model='virtio-mem'><target><size unit='KiB'>131072</size><node>1</node></target></memory>
</devices></domain>"""


def test_memory_is_what_a_guest_boots_with() -> None:
    data = read(PLUGGED)
    assert data["memory"]["#"] == 2**27 and data["currentMemory"]["#"] == 2**27
    assert set(data["devices"]["memory"]) == {"128MiB/0", "128MiB/0#1", "virtio-mem/128MiB/1"}


def test_one_of_two_alike_is_found() -> None:
    second = ("devices", "memory", "128MiB/0#1")
    assert "MiB" in select(PLUGGED, second)
    assert set(read(edit(PLUGGED, [Edit("remove", second)]))["devices"]["memory"]) == {
        "128MiB/0",
        "virtio-mem/128MiB/1",
    }


# --- the table
def verdict(path: tuple[str, ...], before: Any, after: Any, **active: Any) -> Impact:
    return fields.lookup(path)[0].rule(before, after, Guest(active)).impact


ACPI = {"acpi": {}}
DIMM = ("devices", "memory", "128MiB/0")


@pytest.mark.parametrize(
    ("path", "before", "after", "active", "impact"),
    [
        (("cputune", "shares"), "1", "2", {}, Impact.LIVE),
        (("cputune", "shares"), "1", None, {}, Impact.RESTART),
        (("cputune", "quota"), "1000", None, {}, Impact.LIVE),
        (("cputune", "vcpupin", "0"), {"@cpuset": "1"}, None, {}, Impact.LIVE),
        (
            ("iothreadids", "iothread", "1"),
            {"@id": "1"},
            None,
            {"devices": {"disk": {"vda": {"driver": {"@iothread": "1"}}, "vdb": {}}}},
            Impact.RESTART,
        ),
        (("iothreadids", "iothread", "2"), {"@id": "2"}, None, {}, Impact.LIVE),
        (("numatune", "memory", "@nodeset"), "0", "1", {}, Impact.RESTART),
        (
            ("numatune", "memory", "@nodeset"),
            "0",
            "1",
            {"numatune": {"memory": {"@mode": "restrictive"}}},
            Impact.LIVE,
        ),
        (DIMM, None, {}, {"features": ACPI}, Impact.RESTART),
        (DIMM, None, {}, {"features": ACPI, "maxMemory": {"@slots": "1"}}, Impact.LIVE),
        (DIMM, None, {}, {"maxMemory": {"@slots": "1"}}, Impact.RESTART),
        (
            ("devices", "memballoon", "stats"),
            None,
            {"@period": "5"},
            {"devices": {"memballoon": {"@model": "none"}}},
            Impact.RESTART,
        ),
    ],
)
def test_what_a_change_costs(path: Any, before: Any, after: Any, active: Any, impact: Impact) -> None:
    assert verdict(path, before, after, **active) is impact


def test_every_call_that_is_made_is_carried_out_and_looked_for() -> None:
    assert set(tuning._CALLS) == set(tuning._PLACES) == {*live_tuning.MAKERS, Call.BLOCK_TUNE}
    rows = {row.call for row in fields.FIELDS}
    assert set(live_tuning.MAKERS) <= rows
    assert {row.canonical[1] for row in fields.FIELDS if row.call is Call.SCHEDULER} == set(SCHEDULING)


def test_an_action_is_read_back() -> None:
    action = Tune(Address("h", "vm", "web"), Call.SCHEDULER, "", (("cpu_shares", 5), ("vcpu_quota", -1)))
    assert from_data(to_data(action)) == action
