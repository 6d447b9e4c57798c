"""A running guest through many manifests: always put through at once, never restarted, nothing lost.

KVMSPEC_SOAK_STEPS and KVMSPEC_SOAK_SEED say how many and which; scripts/soak sets them.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import libvirt
import pytest
import yaml

from kvmspec.canon import rng
from tests.live.matrix import MAC
from tests.live.scene import Scene, has_pattern, write_pattern
from tests.live.soak import Life
from tests.support.guest import TinyGuest, domain_id, wait_for_lease

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]
STEPS = int(os.environ.get("KVMSPEC_SOAK_STEPS", "30"))
SEED = int(os.environ.get("KVMSPEC_SOAK_SEED", "1"))


class Watch:
    """What must hold after every apply."""

    def __init__(self, scene: Scene, life: Life) -> None:
        self.scene, self.life = scene, life
        self.number = domain_id(scene.conn, "web")
        self.volumes: dict[str, tuple[int, bytes]] = {}

    def apply(self, told: str) -> None:
        self.scene.write(self.life.manifest)
        answer = self.scene.forks.apply(self.scene.path, self.scene.host.uri)
        told = f"{told}\n{answer}\n{self.scene.path.read_text()}"
        assert answer["code"] == 0, told
        for what in ("refused", "missing", "failed", "left", "pending"):
            assert not answer[what], f"{what}: {told}"
        self.check(told)

    def check(self, told: str) -> None:
        scene = self.scene
        assert domain_id(scene.conn, "web") == self.number, f"restarted: {told}"
        self._volumes(told)
        defined, active = (seen(scene, active=active) for active in (False, True))
        assert defined == active, f"{told}\n{defined}\n{active}"
        assert len(defined["disks"]) == len(self.life.vm["disks"]), told
        assert len(defined["nics"]) == len(self.life.vm["networks"]), told
        for state in (False, True):
            assert not rng.errors(scene.xml("web", active=state)), told
        scene.conn.defineXMLFlags(scene.xml("web"), libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def _volumes(self, told: str) -> None:
        """Every volume that ever was is there, not smaller, with what was written into it."""
        for path in self.scene.pool.iterdir():
            if path.name not in self.volumes:
                pattern = f"this is {path.name}".encode()
                self.volumes[path.name] = (0, pattern)
                if path.suffix == ".raw" or "." not in path.name:
                    write_pattern(path, pattern)
        for name, (size, pattern) in self.volumes.items():
            path = self.scene.volume(name)
            assert path.exists(), f"{name} is lost: {told}"
            if path.suffix == ".qcow2":
                assert has_pattern(path, b"QFI\xfb"), f"{name}: {told}"
                continue
            assert has_pattern(path, pattern), f"{name} lost its data: {told}"
            assert path.stat().st_size >= size, f"{name} shrank: {told}"
            self.volumes[name] = (path.stat().st_size, pattern)


def seen(scene: Scene, *, active: bool) -> dict[str, Any]:
    """What definition and running guest must both have: devices with their addresses, and texts."""
    tree = scene.tree("web", active=active)

    def each(tag: str, *paths: str) -> list[tuple[str, ...]]:
        found = []
        for device in tree.iterfind(f"devices/{tag}"):
            parts = (device.find(path) for path in (*paths, "address"))
            keep = ("file", "network", "dev", "bus", "type", "slot", "function", "controller", "port", "unit")
            found.append(
                tuple(
                    str({k: v for k, v in sorted(part.attrib.items()) if k in (*keep, "address", "name")})
                    for part in parts
                    if part is not None and part.attrib.keys() != {"index"}
                )
            )
        return sorted(found)

    return {
        "disks": each("disk", "source", "target"),
        "nics": each("interface", "mac", "source"),
        "rng": each("rng"),
        "scsi": sorted(
            (c.get("index"), c.get("model")) for c in tree.iterfind("devices/controller[@type='scsi']")
        ),
        "vcpus": tree.find("vcpu").get("current"),  # type: ignore[union-attr]
        "texts": (tree.findtext("title"), tree.findtext("description")),
        "passwd": [graphics.get("passwd") for graphics in tree.iterfind("devices/graphics")],
    }


def test_a_guest_through_many_manifests(
    scene: Scene, tiny_guest: TinyGuest, capsys: pytest.CaptureFixture[str]
) -> None:
    life = Life(scene, tiny_guest, SEED)
    for iso in life.isos:
        Path(iso).write_bytes(bytes(1 << 20))
    scene.settle(life.manifest)
    wait_for_lease(scene.conn, "front", MAC)
    watch = Watch(scene, life)
    done: Counter[str] = Counter()
    started = time.monotonic()
    for step in range(1, STEPS + 1):
        before = deepcopy(life.manifest)
        told = life.step()
        done.update(text.split()[0] for text in told)
        watch.apply(f"seed {SEED}, step {step}: {told}\nbefore:\n{yaml.safe_dump(before)}")
    took = time.monotonic() - started
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {SEED}: {STEPS} manifests in {took:.0f} s, {done.total()} changes, {len(watch.volumes)} "
            f"volumes, {life.ports - life.used()} of {life.ports} ports free, not restarted\n"
        )
    scene.domain("web").destroy()
    scene.settle()
    assert domain_id(scene.conn, "web") != watch.number
    watch.number = domain_id(scene.conn, "web")
    watch.check("started anew")
