"""Killed in the middle of live changes: the next apply finishes them, and the guest never notices."""

from __future__ import annotations

import signal
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import StartKvmspec
from tests.live.matrix import MAC, booted
from tests.live.scene import Manifest, Scene, has_pattern, write_pattern
from tests.live.test_soak import seen
from tests.support.guest import TinyGuest, domain_id, wait_for

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]


def start(scene: Scene, guest: TinyGuest) -> Manifest:
    for name in "ab":
        (scene.host.images / f"{name}.iso").write_bytes(bytes(1 << 20))
    scene.settle(scene.manifest())
    manifest = booted(
        scene,
        guest,
        disks=[disk("a"), disk("b"), {"name": "cd", "cdrom": str(scene.host.images / "a.iso")}],
        networks=[nic("main", "front", mac=MAC), nic("x", "default")],
        cpus={"count": 1, "max": 3},
    )
    write_pattern(scene.volume("web-b.raw"))
    return manifest


def disk(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "size": "1MiB", "format": "raw"} | more


def nic(name: str, network: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "network": network} | more


def changed(scene: Scene, before: Manifest) -> Manifest:
    """A disk goes and two come, an interface goes and one comes, one moves, another CD, texts, memory."""
    manifest = deepcopy(before)
    web = manifest["vms"]["web"]
    web |= {"description": "changed", "memory": {"size": "150MiB", "max": "192MiB"}, "guest_agent": False}
    web["disks"] = [
        disk("a"),
        {"name": "cd", "cdrom": str(scene.host.images / "b.iso")},
        disk("c", bus="scsi"),
        disk("d"),
    ]
    web["networks"] = [nic("y", "default"), nic("main", "default", mac=MAC)]
    return manifest


def converge(scene: Scene, number: int | None, told: str) -> None:
    answer = scene.forks.apply(scene.path, scene.host.uri)
    assert answer["code"] == 0, (told, answer)
    for what in ("refused", "missing", "failed", "left", "pending"):
        assert not answer[what], (told, answer)
    assert domain_id(scene.conn, "web") == number, f"{told}: it was restarted"
    defined, active = (seen(scene, active=active) for active in (False, True))
    assert defined == active, (told, defined, active)
    sources = [each[0] for each in active["disks"] if each]
    assert max(Counter(sources).values(), default=1) == 1, (told, sources)


@pytest.mark.parametrize("way", ["kill_at", "kill_after"])
def test_killed_anywhere_in_live_changes(scene: Scene, tiny_guest: TinyGuest, way: str) -> None:
    before = start(scene, tiny_guest)
    number, after = domain_id(scene.conn, "web"), changed(scene, before)
    place, killed = 0, True
    while killed:
        place += 1
        scene.write(after)
        answer = scene.forks.apply(scene.path, scene.host.uri, **{way: place})
        assert answer["code"] in (0, -signal.SIGKILL), answer
        killed = answer["code"] != 0
        converge(scene, number, f"{way} {place}")
        assert len(scene.tree("web", active=True).findall("devices/disk")) == 4
        assert has_pattern(scene.volume("web-b.raw"))
        scene.write(before)
        converge(scene, number, f"back after {way} {place}")
    assert place > 10, "the run has to have boundaries"


@pytest.mark.parametrize("place", range(1, 6))
def test_killed_while_vcpus_come_and_a_disk_grows(scene: Scene, tiny_guest: TinyGuest, place: int) -> None:
    manifest = start(scene, tiny_guest)
    number, web = domain_id(scene.conn, "web"), manifest["vms"]["web"]
    web["cpus"]["count"] = 2
    web["disks"][1]["size"] = "3MiB"
    web["title"] = "larger"
    scene.write(manifest)
    scene.forks.apply(scene.path, scene.host.uri, kill_after=place)
    converge(scene, number, f"killed after call {place}")
    assert scene.domain("web").info()[3] == 2
    assert scene.domain("web").blockInfo("vdb")[0] == 3 << 20


def after(process: Any, words: str, count: int = 1) -> None:
    """Wait until it has said something so often."""
    while count:
        line = process.stderr.readline()
        assert line, "it ended early"
        count -= words in line


def test_libvirtd_dies_while_a_guest_is_asked_to_let_go(
    scene: Scene, tiny_guest: TinyGuest, start_kvmspec: StartKvmspec
) -> None:
    """The definition is without a device by then, and the guest, which is paused, has it still."""
    manifest = changed(scene, start(scene, tiny_guest))
    number, before = domain_id(scene.conn, "web"), scene.xml("web")
    scene.domain("web").suspend()
    scene.write(manifest)
    process = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    after(process, "set metadata")
    wait_for(lambda: scene.xml("web") != before, what="a device is out of the definition")
    died(scene, process)
    scene.domain("web").resume()
    converge(scene, number, "libvirtd died while it waited")
    assert has_pattern(scene.volume("web-b.raw"))
    scene.conn.close()


@pytest.mark.parametrize("steps", [3, 6])
def test_libvirtd_dies_between_live_changes(
    scene: Scene, tiny_guest: TinyGuest, start_kvmspec: StartKvmspec, steps: int
) -> None:
    manifest = changed(scene, start(scene, tiny_guest))
    number = domain_id(scene.conn, "web")
    scene.write(manifest)
    process = start_kvmspec("apply", "--yes", "--parallelism", "1", scene.path, connect=scene.host)
    after(process, "done", steps)
    died(scene, process)
    converge(scene, number, f"libvirtd died after {steps} steps")
    scene.conn.close()


def died(scene: Scene, process: Any) -> None:
    """Kill libvirtd under a process, and start it again when that has ended."""
    scene.host.kill_daemon()
    out, err = process.communicate(timeout=120)
    assert process.returncode in (1, 5), out + err
    assert "Traceback" not in out + err
    scene.host.start_daemon()
    scene.conn = scene.host.connect()
