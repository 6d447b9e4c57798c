"""Changes that only a boot makes true: put off, pending, performed; one VM of a group after another."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from tests.live.scene import Manifest, Scene, guest_vm, idle_vm
from tests.support.guest import TinyGuest, domain_id, wait_for_lease

pytestmark = pytest.mark.libvirtd
FORCED = {"force_off_after": "1s"}
MAC = "52:54:00:81:00:09"


def shop(scene: Scene, **fields: Any) -> Manifest:
    """One VM with what the changes below are about."""
    vm = idle_vm(
        disks=[{"name": "a", "size": "1MiB", "format": "raw"}, {"name": "b", "size": "1MiB", "bus": "sata"}],
        networks=[{"network": "front", "mac": MAC}],
        graphics=[{"type": "vnc", "listen": "127.0.0.1", "password": "abcdefgh"}],
        features={"pae": True},
        lifecycle=FORCED,
    )
    return scene.manifest({"db": vm | fields})


def set_vm(**fields: Any) -> Any:
    return lambda vm: vm.update(fields)


PUT_OFF: dict[str, tuple[Any, str]] = {
    "a CPU model": (set_vm(cpus={"count": 1, "max": 2, "mode": "host-model"}), "cpus.mode"),
    "a ceiling": (set_vm(cpus={"count": 1, "max": 4, "mode": "host-model"}), "cpus.max"),
    "vCPUs above the ceiling": (set_vm(cpus={"count": 6, "max": 6, "mode": "host-model"}), "cpus.count"),
    "a feature less": (set_vm(features={"pae": False}), "features.pae"),
    "a feature more": (set_vm(features={"pae": True, "apic": False}), "features.apic"),
    "a boot order": (set_vm(boot=["network", "disk"]), "boot.devices"),
    "no boot order": (lambda vm: vm.pop("boot"), "boot.devices"),
    "no CPU model": (set_vm(cpus={"count": 6, "max": 6}), "cpus.mode"),
    "a cache mode": (lambda vm: vm["disks"][0].update(cache="unsafe"), "disks.a.cache"),
    "a SATA disk more": (
        lambda vm: vm["disks"].append({"name": "c", "size": "1MiB", "bus": "sata"}),
        "disks.c",
    ),
    "a SATA disk less": (lambda vm: vm["disks"].pop(1), "disks."),
    "a model": (lambda vm: vm["networks"][0].update(model="e1000"), "networks.front.model"),
}


def test_no_restart_defines_it_and_shows_it_everywhere(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    manifest["vms"]["db"]["features"] = {"pae": False}
    scene.write(manifest)
    with scene.nothing_changes():
        scene.apply(expect=4)
        told = scene.cli("plan", "--no-restart", expect=0).stdout
    assert re.search(r"! vm/db +change, takes effect at its next start", told), told
    assert "next start: " in told and "Put off to the next start: 1." in told
    assert "Needs" not in told and "Restarts:" not in told
    plan = json.loads(scene.cli("plan", "--no-restart", "--format", "json", expect=0).stdout)
    assert plan["required_permissions"] == []
    assert plan["summary"]["restart"] == 0 and plan["summary"]["next_start"] == 1
    (pending,) = plan["pending"]
    assert pending["address"] == "default/vm/db" and pending["changes"][0]["impact"] == "next-start"
    for form in ("markdown", "html", "github"):
        assert "next start" in scene.cli("plan", "--no-restart", "--format", form, expect=0).stdout

    scene.apply(None, "--no-restart")
    assert domain_id(scene.conn, "db") == number, "nothing was restarted"
    for arguments in ((), ("--no-restart",)):
        told = scene.cli("plan", "--detailed-exitcode", *arguments, expect=0).stdout
        assert "Pending restart: vm/db: features.pae" in told and "No changes." in told, told
    for form in ("markdown", "html"):
        told = scene.cli("plan", "--format", form, expect=0).stdout.lower()
        assert "features.pae" in told and re.search("pending restart|restart pending", told)
    assert scene.plan_json()["pending"][0]["changes"][0]["path"] == "features.pae"
    row = json.loads(scene.cli("status", "--format", "json", expect=0).stdout)["vms"][0]
    assert row["pending"] == ["features.pae"]
    assert "features.pae" in scene.cli("status", expect=0).stdout
    scene.apply()
    assert domain_id(scene.conn, "db") == number, "without permission it stays pending"
    scene.settle(None, "--allow", "restart")
    assert domain_id(scene.conn, "db") not in (None, number), "now it was restarted"
    assert "Pending" not in scene.plan(expect=0)


def test_each_change_stays_pending_until_the_guest_boots(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    for name, (change, path) in PUT_OFF.items():
        number = domain_id(scene.conn, "db")
        change(manifest["vms"]["db"])
        told = scene.apply(manifest, "--no-restart").stdout
        assert "takes effect at its next start" in told, (name, told)
        assert domain_id(scene.conn, "db") == number, name
        told = scene.plan(expect=0)
        assert "Pending restart: vm/db" in told and path in told, (name, told)
        scene.apply(None, "--allow", "restart")
        assert domain_id(scene.conn, "db") not in (None, number), name
        assert "Pending" not in scene.plan(expect=0), name


def test_the_boot_may_be_anyones(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    for name in ("a CPU model", "a feature less", "a SATA disk less"):
        PUT_OFF[name][0](manifest["vms"]["db"])
        scene.apply(manifest, "--no-restart")
        assert "Pending restart" in scene.plan(expect=0)
    scene.domain("db").destroy()
    scene.domain("db").create()
    assert "Pending" not in scene.plan(expect=0)


def test_what_is_put_off_can_be_taken_back(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    changed = deepcopy(manifest)
    for name in ("a feature less", "a model", "a cache mode"):
        PUT_OFF[name][0](changed["vms"]["db"])
    changed["vms"]["db"]["cpus"] = {"count": 1, "max": 4}
    scene.apply(changed, "--no-restart")
    assert "Pending restart" in scene.plan(expect=0)
    scene.apply(manifest, "--no-restart")
    assert "Pending" not in scene.plan(expect=0)
    assert domain_id(scene.conn, "db") == number


def test_what_can_be_live_is_live_all_the_same(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    manifest["vms"]["db"] |= {
        "cpus": {"count": 2, "max": 2},
        "description": "new",
        "features": {"pae": False},
    }
    manifest["vms"]["db"]["disks"][0]["size"] = "2MiB"
    scene.apply(manifest, "--no-restart")
    domain = scene.domain("db")
    assert domain_id(scene.conn, "db") == number
    assert domain.vcpusFlags(1) == 2 and domain.blockInfo("vda")[0] == 2 << 20
    assert scene.tree("db", active=True).findtext("description") == "new"
    told = scene.plan(expect=0)
    assert "features.pae" in told and "cpus" not in told


def test_restart_later_in_the_manifest_is_the_same_without_a_flag(scene: Scene) -> None:
    manifest = shop(scene, lifecycle=FORCED | {"restart": "later"})
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    manifest["vms"]["db"]["features"] = {"pae": False}
    scene.apply(manifest)
    assert domain_id(scene.conn, "db") == number
    assert "Pending restart: vm/db: features.pae" in scene.plan(expect=0)
    manifest["vms"]["db"]["cpus"] = {"count": 1, "max": 3}
    scene.settle(manifest, "--allow", "restart")  # both at once
    assert domain_id(scene.conn, "db") not in (None, number)
    assert "Pending" not in scene.plan(expect=0)


def test_restart_allowed_performs_what_is_pending(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    manifest["vms"]["db"]["features"] = {"pae": False}
    scene.apply(manifest, "--no-restart")
    manifest["vms"]["db"]["lifecycle"] = FORCED | {"restart": "allowed"}
    scene.write(manifest)
    told = scene.cli("plan", "--no-restart", "--detailed-exitcode").stdout
    assert "Pending restart" in told and "Restarts:" not in told, "the flag is stronger"
    assert "Restarts: 1" in scene.plan(expect=2)
    scene.settle()
    assert domain_id(scene.conn, "db") not in (None, number)


def test_no_restart_softens_neither_replacement_nor_a_stop(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    replaced = deepcopy(manifest)
    replaced["vms"]["db"]["machine"] = "pc"
    stopped = deepcopy(manifest)
    stopped["vms"]["db"]["state"] = "stopped"
    renamed = scene.manifest({"sql": manifest["vms"]["db"]}, moved=[{"from": "vm/db", "to": "vm/sql"}])
    for other in (replaced, stopped, renamed):
        scene.write(other)
        with scene.nothing_changes():
            scene.apply(None, "--no-restart", expect=4)
    scene.write(manifest)
    with scene.nothing_changes():
        refused = scene.cli("apply", "--yes", "--no-restart", "--replace", "vm/db/a")
        assert refused.returncode != 0


def test_a_saved_plan_remembers_it(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    manifest["vms"]["db"]["features"] = {"pae": False}
    scene.write(manifest)
    file = scene.path.parent / "plan.kvmplan.json"
    scene.cli("plan", "--no-restart", "--out", str(file), expect=0)
    told = scene.forks.cli("show", file, expect=0).stdout
    assert "takes effect at its next start" in told and told.count("features.pae") == 1
    assert scene.forks.cli("apply", file, "--yes", "--no-restart").returncode == 64
    scene.forks.cli("apply", file, "--yes", expect=0)
    assert domain_id(scene.conn, "db") == number
    assert "Pending restart" in scene.plan(expect=0)


# --- managed saves
def test_a_managed_save_counts_as_not_booted(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    for name in ("a feature less", "a SATA disk less"):
        PUT_OFF[name][0](manifest["vms"]["db"])
    manifest["vms"]["db"]["cpus"] = {"count": 1, "max": 4, "mode": "host-model"}
    scene.apply(manifest, "--no-restart")
    paths = ("cpus.max", "cpus.mode", "features.pae", "disks.")
    assert all(path in scene.plan(expect=0) for path in paths)

    scene.domain("db").managedSave()
    told = scene.plan(expect=2)  # it is to run: it is started
    assert "managed save: its next start restores" in told
    assert all(path in told for path in paths), told
    row = json.loads(scene.cli("status", "--format", "json", expect=0).stdout)["vms"][0]
    assert row["actual"] == "stopped" and any(path.startswith("cpus.max") for path in row["pending"])

    scene.apply()
    assert scene.domain("db").isActive() and not scene.domain("db").hasManagedSaveImage()
    told = scene.plan(expect=0)
    assert all(path in told for path in paths), "it runs what it was saved with"
    scene.settle(None, "--allow", "restart")
    assert "Pending" not in scene.plan(expect=0)


def test_a_change_of_a_stopped_vm_with_a_managed_save_says_when_it_counts(scene: Scene) -> None:
    manifest = shop(scene, state="any")
    scene.settle(manifest)
    scene.domain("db").create()
    scene.domain("db").managedSave()
    assert "Pending" not in scene.plan(expect=0)
    manifest["vms"]["db"]["features"] = {"pae": False}
    told = scene.plan(manifest, expect=2)
    assert "managed save: its next start restores" in told
    scene.apply()
    told = scene.plan(expect=0)
    assert "Pending restart: vm/db" in told and "features.pae" in told and "managed save" in told
    scene.domain("db").managedSaveRemove()
    assert "Pending" not in scene.plan(expect=0), "its next start is a boot"


# --- the restart itself
@pytest.mark.live
def test_a_guest_that_listens_is_restarted_and_waited_for(scene: Scene, tiny_guest: TinyGuest) -> None:
    vm = guest_vm(tiny_guest, networks=[{"network": "front", "mac": MAC}], wait_for={"ip": True})
    manifest = scene.manifest({"db": vm})
    scene.settle(manifest)
    wait_for_lease(scene.conn, "front", MAC)
    vm["features"] = {"pae": True}
    scene.apply(manifest, "--no-restart")
    number = domain_id(scene.conn, "db")
    done = scene.cli("apply", "--yes", "--allow", "restart", "--format", "json", expect=0)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["text"] for e in events if e["type"] == "done"] == ["shut down", "start", "wait for an address"]
    assert domain_id(scene.conn, "db") not in (None, number)
    assert "Pending" not in scene.plan(expect=0)


def test_a_guest_that_ignores_a_pending_restart_is_left_running(scene: Scene) -> None:
    manifest = shop(scene, lifecycle={"shutdown_timeout": "7s"})
    scene.settle(manifest)
    number = domain_id(scene.conn, "db")
    manifest["vms"]["db"]["features"] = {"pae": False}
    scene.apply(manifest, "--no-restart")
    done = scene.cli("apply", "--yes", "--allow", "restart", "--format", "json", expect=1)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    asked = [e["note"] for e in events if e["type"] == "progress"]
    assert len(asked) == 2, "asked again after 5 s"
    assert any("left running" in e["error"] for e in events if e["type"] == "failed")
    assert domain_id(scene.conn, "db") == number
    assert "features.pae" in scene.plan(expect=0), "and it stays pending"


# --- the VMs of one count
def events_of(scene: Scene, *arguments: str, expect: int = 0) -> list[dict[str, Any]]:
    done = scene.cli("apply", "--yes", "--format", "json", *arguments, expect=expect)
    return [json.loads(line) for line in done.stdout.splitlines()]


def spans(events: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """VM → when its first step began and its last one ended."""
    steps = [event for event in events if event["type"] in ("started", "done", "failed")]
    names = dict.fromkeys(event["subject"] for event in steps)
    times = {name: [event["time"] for event in steps if event["subject"] == name] for name in names}
    return {name.rpartition("/")[2]: (min(found), max(found)) for name, found in times.items()}


def test_the_vms_of_a_count_are_restarted_one_after_another(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(count=3, lifecycle=FORCED)})
    scene.settle(manifest)
    numbers = {name: domain_id(scene.conn, name) for name in scene.domains()}
    manifest["vms"]["web"]["features"] = {"pae": True}
    scene.write(manifest)
    found = spans(events_of(scene, "--allow", "restart"))
    assert list(found) == ["web-1", "web-2", "web-3"]
    assert found["web-1"][1] <= found["web-2"][0] <= found["web-2"][1] <= found["web-3"][0]
    assert all(domain_id(scene.conn, name) not in (None, number) for name, number in numbers.items())

    manifest["vms"]["web"] |= {"features": {"pae": False}, "lifecycle": FORCED | {"max_unavailable": 2}}
    scene.write(manifest)
    found = spans(events_of(scene, "--allow", "restart"))
    assert found["web-2"][0] < found["web-1"][1], "two at once"
    assert found["web-3"][0] >= found["web-1"][1], "and no third"
    scene.plan(expect=0)


def test_a_bad_change_stops_at_the_first_of_a_group(scene: Scene) -> None:
    manifest = scene.manifest({"web": idle_vm(count=3, lifecycle=FORCED)})
    scene.settle(manifest)
    numbers = {name: domain_id(scene.conn, name) for name in scene.domains()}
    before = {name: scene.xml(name) for name in numbers}
    manifest["vms"]["web"]["boot"] = {"kernel": "/nowhere/vmlinuz"}
    scene.write(manifest)
    events = events_of(scene, "--allow", "restart", expect=1)
    assert set(spans(events)) == {"web-1"}
    skipped = {event["subject"] for event in events if event["type"] == "skipped"}
    assert {"default/vm/web-2", "default/vm/web-3"} <= skipped
    assert {name: scene.xml(name) for name in numbers} == before, "the first is put back"
    assert all(scene.domain(name).isActive() for name in numbers)
    assert [domain_id(scene.conn, f"web-{n}") == numbers[f"web-{n}"] for n in (2, 3)] == [True, True]
