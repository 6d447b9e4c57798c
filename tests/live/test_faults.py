"""Killed, interrupted, cut off: the next apply finishes the work, and no volume is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import StartKvmspec
from tests.live.scene import Manifest, Scene, has_pattern, idle_vm, write_pattern
from tests.support.guest import domain_id

pytestmark = pytest.mark.libvirtd


def shop(scene: Scene) -> Manifest:
    disks = [
        {"name": "a", "size": "1MiB", "format": "raw"},
        {"volume": "keep"},
        {"name": "over", "backing": {"volume": "keep", "format": "raw"}},
    ]
    lifecycle = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    web = idle_vm(disks=disks[:2], networks=["front"], autostart=True, lifecycle=lifecycle)
    db = idle_vm(disks=disks[2:], state="stopped")
    volumes = {"keep": {"pool": "vms", "size": "1MiB", "format": "raw"}}
    volumes["base"] = {"pool": "vms", "size": "1MiB", "format": "raw"}
    db["disks"][0]["backing"]["volume"] = "base"
    return scene.manifest({"web": web, "db": db}, volumes=volumes)


def machines(manifest: Manifest) -> None:
    """A restart, with live changes before it, and a disk and a NIC more."""
    web = manifest["vms"]["web"]
    web |= {"description": "changed", "cpus": {"count": 2, "max": 3}, "autostart": False}
    web["disks"].insert(0, {"name": "new", "size": "1MiB"})
    web["disks"][1]["size"] = "2MiB"
    web["networks"] = ["back", "front"]
    manifest["networks"]["back"] = {"mode": "isolated", "subnet": "10.82.0.0/24"}


def surroundings(manifest: Manifest) -> None:
    """A network that restarts under a running VM, a volume that grows, a VM less and one more."""
    manifest["networks"]["front"]["subnet"] = "10.83.0.0/24"
    manifest["networks"]["front"]["dhcp"] = {"start": "10.83.0.100", "end": "10.83.0.150"}
    manifest["volumes"]["keep"]["size"] = "3MiB"
    del manifest["vms"]["db"]
    manifest["vms"]["cache"] = idle_vm(state="stopped")


EVERYTHING = ["restart", "delete", "replace"]


def converge(scene: Scene, told: str, **more: Any) -> None:
    """A normal run after the killed one: it ends well, and leaves nothing to do."""
    answer = scene.forks.apply(scene.path, scene.host.uri, allow=EVERYTHING, **more)
    assert answer["code"] == 0, f"{told}: {answer}"
    assert not answer["refused"] and not answer["failed"] and not answer["left"], f"{told}: {answer}"


def kill_at(scene: Scene, event: int, **more: Any) -> bool:
    """Whether the run was killed at that event; False when it had come to its end before."""
    answer = scene.forks.apply(scene.path, scene.host.uri, allow=EVERYTHING, kill_at=event, **more)
    assert answer["code"] in (0, -signal.SIGKILL), answer
    assert answer["code"] != 0 or not (answer["failed"] or answer["refused"]), answer
    return bool(answer["code"] == -signal.SIGKILL)


def wiped(scene: Scene) -> None:
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert scene.domains() == set()


def test_killed_at_every_boundary_of_create(scene: Scene) -> None:
    scene.write(shop(scene))
    event = 1
    while kill_at(scene, event):
        if scene.volume("keep").exists():
            write_pattern(scene.volume("keep"))
        kept = scene.volume("keep").exists()
        converge(scene, f"create, killed at event {event}")
        scene.plan(expect=0)
        assert not kept or has_pattern(scene.volume("keep")), event
        assert scene.domain("web").isActive() and scene.domain("web").autostart()
        scene.wipe()
        event += 1
    assert event > 8, "the run has to have boundaries"


@pytest.mark.parametrize("change", [machines, surroundings])
def test_killed_at_every_boundary_of_change(scene: Scene, change: Callable[[Manifest], None]) -> None:
    before, boundary, killed = shop(scene), 0, True
    after = deepcopy(before)
    change(after)
    kept = ("keep", "base", "web-a.raw")
    while killed:
        boundary += 1
        scene.write(before)
        converge(scene, "before")
        for name in kept:
            write_pattern(scene.volume(name))
        scene.write(after)
        killed = kill_at(scene, boundary)
        converge(scene, f"change, killed at boundary {boundary}")
        assert scene.domains() == set(after["vms"])
        assert scene.domain("web").isActive(), boundary
        assert all(has_pattern(scene.volume(name)) for name in kept), boundary
        assert scene.volume("db-over.qcow2").exists(), "a VM that leaves leaves its volumes"
        scene.wipe()
    assert boundary > 5, "the run has to have boundaries"


def test_killed_at_every_boundary_of_destroy(scene: Scene) -> None:
    scene.write(shop(scene))
    event, killed = 1, True
    while killed:
        converge(scene, "before")
        write_pattern(scene.volume("keep"))
        write_pattern(scene.volume("web-a.raw"))
        killed = kill_at(scene, event, destroy=True)
        converge(scene, f"destroy, killed at event {event}", destroy=True)
        assert scene.domains() == set()
        assert scene.conn.listAllStoragePools() == [] and len(scene.conn.listAllNetworks()) == 1
        assert has_pattern(scene.volume("keep")) and has_pattern(scene.volume("web-a.raw")), event
        event += 1
    assert event > 3, "the run has to have boundaries"
    converge(scene, "back again")
    assert has_pattern(scene.volume("keep")) and has_pattern(scene.volume("web-a.raw"))
    wiped(scene)
    assert list(scene.pool.iterdir()) == []


def many(scene: Scene) -> Manifest:
    disk = {"name": "a", "size": "1MiB", "format": "raw"}
    return scene.manifest({"web": idle_vm(count=12, state="stopped", disks=[disk], networks=["front"])})


def after_lines(process: Any, count: int) -> None:
    """Wait until so many actions are done."""
    while count:
        line = process.stderr.readline()
        assert line, "it ended early"
        count -= "done" in line


def test_a_libvirtd_that_dies_in_the_middle(scene: Scene, start_kvmspec: StartKvmspec) -> None:
    scene.settle(scene.manifest({"first": idle_vm()}))
    number = domain_id(scene.conn, "first")
    manifest = many(scene)
    manifest["vms"]["first"] = idle_vm(description="changed")
    scene.write(manifest)
    process = start_kvmspec("apply", "--yes", "--parallelism", "1", scene.path, connect=scene.host)
    after_lines(process, 6)
    scene.host.kill_daemon()
    out, err = process.communicate(timeout=60)
    assert process.returncode in (1, 5), out + err
    assert "Traceback" not in out + err
    scene.host.start_daemon()
    scene.conn = scene.host.connect()
    assert domain_id(scene.conn, "first") == number
    assert len(scene.domains()) < 13
    scene.settle()
    assert len(scene.domains()) == 13
    assert domain_id(scene.conn, "first") == number
    scene.conn.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_the_action_under_way(
    scene: Scene, start_kvmspec: StartKvmspec, number: signal.Signals
) -> None:
    scene.write(many(scene))
    process = start_kvmspec("apply", "--yes", "--parallelism", "1", scene.path, connect=scene.host)
    after_lines(process, 4)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert err.count("… done") <= 3, "the action under way is finished, no other is started"
    assert len(scene.domains()) < 12
    scene.settle()
    assert len(scene.domains()) == 12


def test_interrupted_while_it_waits_for_a_guest(scene: Scene, start_kvmspec: StartKvmspec) -> None:
    vm = idle_vm(lifecycle={"shutdown_timeout": "3s"})
    scene.settle(scene.manifest({"web": vm, "x": idle_vm(state="stopped")}))
    number = domain_id(scene.conn, "web")
    scene.write(scene.manifest({"web": vm | {"features": {"pae": True}}, "x": idle_vm(state="stopped")}))
    process = start_kvmspec("apply", "--yes", "--allow", "restart", scene.path, connect=scene.host)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert domain_id(scene.conn, "web") == number
