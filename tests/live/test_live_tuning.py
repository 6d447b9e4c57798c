"""What a running guest may have of its host changes live: each row of the field table that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

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


CPUS: dict[str, Any] = {"count": 1, "max": 2}
RESTARTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a CPU by name": (put("cpus", model="Nehalem"), "fixed at boot"),
    "another": (put("cpus", model="Westmere", features={"aes": "disable"}), "fixed at boot"),
    "another feature": (put("cpus", features={"aes": "require"}), "fixed at boot"),
    "a mode instead, and a feature": (
        put("cpus", model=None, mode="maximum", features={"svm": "disable"}),
        "fixed at boot",
    ),
    "sockets, cores and threads": (
        put("cpus", features=None, topology={"cores": 2}),
        "arranged at boot",
    ),
    "others": (put("cpus", max=4, topology={"cores": 2, "threads": 2}), "arranged at boot"),
    "no topology": (put("cpus", topology=None), "arranged at boot"),
    "no mode": (put("cpus", mode=None), "fixed at boot"),
    "a set of CPUs": (put("cpus", cpuset="1"), "placed at boot"),
    "another set": (put("cpus", cpuset="0-1"), "placed at boot"),
    "no set": (put("cpus", cpuset=None), "placed at boot"),
    "nodes": (put("memory", numatune={"mode": "preferred", "nodes": 0}), "when it is allocated"),
    "another mode": (put("memory", numatune={"mode": "restrictive", "nodes": 0}), "when it is allocated"),
    "no nodes": (put("memory", numatune=None), "when it is allocated"),
    "no shares": (put("cpus", shares=None), "at the next boot"),
    "no weight": (lambda vm: vm.pop("blkio"), "at the next boot"),
}


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_what_is_fixed_at_boot(scene: Scene, state: str) -> None:
    forced = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    web = idle_vm(state=state, lifecycle=forced, blkio={"weight": 500})
    web["cpus"] = web["cpus"] | {"shares": 2048}
    change_at_boot(scene, web, RESTARTS)


def change_at_boot(scene: Scene, web: dict[str, Any], rows: Mapping[str, Any]) -> None:
    """Every change of a running VM asks for a restart, with its reason, and of a stopped one for nothing."""
    state, manifest = web["state"], scene.manifest({"web": web})
    scene.settle(manifest)
    for name, (change, reason) in rows.items():
        before = scene.xml("web")
        change(web)
        told = scene.plan(manifest, expect=2)
        assert ("Needs: --allow" in told and reason in told) == (state == "running"), (name, told)
        answer = scene.forks.apply(scene.path, scene.host.uri, allow=["restart"])
        assert answer["code"] == 0 and not answer["refused"] and not answer["failed"], (name, answer)
        assert scene.xml("web") != before, name
        scene.plan(expect=0)


def test_a_machine_with_all_of_it_is_made_as_it_is_compared(scene: Scene) -> None:
    web = idle_vm(
        state="stopped",
        cpus={
            "max": 4,
            "model": "Nehalem",
            "features": {"svm": "disable"},
            "cpuset": "0-1",
            "topology": {"sockets": 2, "cores": 2},
            "pin": {0: 0, 3: "0-1"},
            "emulator_pin": "1",
            "shares": 1000,
            "period": 50_000,
            "quota": 20_000,
            "global_quota": -1,
        },
        memory={
            "size": "32MiB",
            "stats_period": "1m",
            "numatune": {"nodes": "0"},
            "tuning": {"hard_limit": "1GiB"},
        },
        iothreads={3: {"pin": 1}, 1: {}},
        blkio={"weight": 200},
    )
    scene.settle(scene.manifest({"web": web}))
    scene.settle(scene.manifest({"web": web | {"preset": "bare"}}))
    scene.wipe()
    scene.settle(scene.manifest({"web": web | {"preset": "bare"}}))


def test_threads_that_others_made_stay_and_ours_go(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(state="stopped")})
    scene.settle(manifest)
    scene.edit("web", ("</vcpu>", "</vcpu><iothreads>2</iothreads>"))  # libvirt numbers them 1 and 2
    web = manifest["vms"]["web"]
    for stated, there in (([1], "12"), ([1, 5], "125"), ([5], "25"), ([], "2"), ([2], "2")):
        web["iothreads"] = {number: {} for number in stated}
        scene.settle(manifest)
        tree = scene.tree("web")
        assert tree.findtext("iothreads") == str(len(there))
        numbers = [thread.get("id") for thread in tree.iterfind("iothreadids/iothread")]
        assert sorted(filter(None, numbers)) == list(there) or (not numbers and there == "12"), stated


def tuned(scene: Scene) -> list[str]:
    tree = scene.tree("web", active=True)
    found = (tree.find(path) for path in ("memtune", "iothreads", "devices/memballoon"))
    return ["" if element is None else ElementTree.tostring(element, "unicode") for element in found]


@pytest.mark.live
def test_a_call_that_fails_half_way_is_taken_back(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    before, active = scene.xml("web"), tuned(scene)
    web = manifest["vms"]["web"]
    web["memory"] |= {"stats_period": "5s", "tuning": {"hard_limit": "8MiB", "soft_limit": "4MiB"}}
    web["iothreads"] = 1
    failed = scene.apply(manifest, expect=1)
    assert "memory limits of vm/web" in failed.stdout + failed.stderr
    assert scene.xml("web") == before and tuned(scene) == active
    web["memory"]["tuning"] = {"hard_limit": "4GiB"}
    scene.settle(manifest)
    scene.domain("web").destroy()


# Where there is room for DIMMs, Linux sets 64 MiB aside (swiotlb): with 128 MiB it does not boot.
MEMORY = {"size": "256MiB", "max": "256MiB", "slots": 3, "ceiling": "1GiB"}
DIMMS = values("devices/memory/target/size", "@")


def totals(tree: ElementTree.Element) -> Any:
    return DIMMS(tree), tree.findtext("memory")


DIMM_ROWS: dict[str, Row] = {
    "a DIMM comes": Row(put("memory", dimms=["128MiB"]), totals),
    "another alike, and the balloon": Row(put("memory", size="240MiB", dimms=["128MiB", "128MiB"]), totals),
    "a larger one": Row(put("memory", dimms=["128MiB", "128MiB", {"size": "256MiB", "node": 0}]), totals),
    "one goes": Row(put("memory", dimms=["128MiB", "256MiB"]), totals),
    "another goes, another comes": Row(put("memory", size="256MiB", dimms=["128MiB", "128MiB"]), totals),
    "all go": Row(put("memory", dimms=None), totals),
    "and one comes": Row(put("memory", dimms=["128MiB"]), totals),
}


@pytest.mark.live
def test_dimms_come_and_go_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest, memory=MEMORY)
    prove(scene, manifest, DIMM_ROWS)
    assert scene.tree("web", active=True).findtext("currentMemory") == str(384 * 1024)


ROOM: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "room for DIMMs": (put("memory", slots=2, ceiling="1GiB"), "fixed at boot"),
    "a larger ceiling": (put("memory", ceiling="2GiB"), "fixed at boot"),
    "more slots": (put("memory", slots=4), "fixed at boot"),
    "another maximum": (put("memory", max="128MiB"), "fixed at boot"),
    "more vCPUs": (put("cpus", max=4), "fixed at boot"),
    "a DIMM with room for more": (put("memory", slots=8, dimms=["128MiB"]), "fixed at boot"),
    "it goes, and room for more": (put("memory", slots=9, dimms=None), "fixed at boot"),
}


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_room_for_dimms(scene: Scene, state: str) -> None:
    forced = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    change_at_boot(scene, idle_vm(state=state, lifecycle=forced), ROOM)


def test_dimms_of_a_stopped_vm_and_a_new_one(scene: Scene) -> None:
    memory = {"size": "128MiB", "slots": 3, "ceiling": "1GiB", "dimms": ["128MiB", "128MiB"]}
    manifest = scene.manifest({"web": idle_vm(state="stopped", memory=memory)})
    scene.settle(manifest)
    assert scene.tree("web").findtext("memory") == str(384 * 1024)
    for dimms in (["128MiB"], [], ["128MiB", "128MiB"], [], ["256MiB", "128MiB"]):
        memory["dimms"] = dimms
        scene.settle(manifest)
    assert scene.tree("web").findtext("currentMemory") == str(512 * 1024)
    memory["dimms"] = ["128MiB"]
    memory["size"] = "256MiB"
    scene.settle(manifest)
    assert scene.tree("web").findtext("currentMemory") == str(384 * 1024)


def test_huge_and_locked_pages(scene: Scene) -> None:
    web = idle_vm(state="stopped")
    manifest = scene.manifest({"web": web})
    scene.settle(manifest)
    for fields in ({"hugepages": "2MiB"}, {"hugepages": "1GiB"}, {"hugepages": True}, {"locked": True}, {}):
        web["memory"] = {"size": "32MiB", "max": "64MiB"} | fields
        scene.settle(manifest)
        backing = scene.tree("web").find("memoryBacking")
        assert [element.tag for element in backing if fields] == list(fields) if backing else not fields
