"""Devices besides disks and interfaces come and go while the guest runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live.matrix import Row, booted, devices, prove
from tests.live.scene import Scene
from tests.support.guest import TinyGuest

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

VIRTIOFSD = Path("/usr/lib/qemu/virtiofsd")

RNGS = devices("rng/backend", "model", "@")
RATES = devices("rng/rate", "bytes", "period")
CHANNELS = devices("channel/target", "name")
ENDS = devices("channel", "type")
INPUTS = devices("input", "type", "bus")
FOLDERS = devices("filesystem/target", "dir")


def state(**fields: Any) -> Any:
    """These fields of `devices:`; the others stay as they are."""
    return lambda vm: vm.setdefault("devices", {}).update(fields)


def drop(field: str) -> Any:
    return lambda vm: vm["devices"].pop(field)


SLOW = {"source": "/dev/urandom", "rate": {"bytes": "1KiB", "period": 2000}}
PTY = {"name": "org.example.0", "type": "pty"}

PLUGGED: dict[str, Row] = {
    "a second rng comes": Row(state(rng=["/dev/urandom", "builtin"]), RNGS),
    "an rng of another source takes the place": Row(state(rng=["/dev/urandom", "/dev/random"]), RNGS),
    "an rng is slowed down": Row(state(rng=[SLOW]), RATES),
    "every rng goes": Row(state(rng=False), RNGS),
    "an rng comes": Row(state(rng=True), RNGS),
    "a channel comes": Row(state(channels=["org.example.0"]), CHANNELS),
    "another comes": Row(state(channels=["org.example.0", "org.example.1"]), CHANNELS),
    "a channel ends elsewhere": Row(state(channels=[PTY, "org.example.1"]), ENDS),
    "all channels go but the agent's": Row(state(channels=[]), CHANNELS),
    "a usb keyboard and a virtio tablet come": Row(
        state(inputs=["keyboard", {"type": "tablet", "bus": "virtio"}]), INPUTS
    ),
    "a usb tablet takes the virtio one's place": Row(state(inputs=["keyboard", "tablet"]), INPUTS),
    "a mouse comes on virtio": Row(
        state(inputs=["keyboard", "tablet", {"type": "mouse", "bus": "virtio"}]), INPUTS
    ),
    "input devices that are no longer stated go": Row(drop("inputs"), INPUTS),
}


def test_further_devices_come_and_go_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    prove(scene, manifest, PLUGGED)


@pytest.mark.skipif(not VIRTIOFSD.exists(), reason="there is no virtiofsd")
def test_folders_by_virtiofs_come_and_go_live(scene: Scene, tiny_guest: TinyGuest, tmp_path: Path) -> None:
    folder = scene.host.images / "share"
    folder.mkdir(exist_ok=True)
    one, two = ({"source": str(folder), "target": name} for name in ("one", "two"))
    manifest = booted(scene, tiny_guest, filesystems=[one])
    rows = {
        "a folder comes": Row(lambda vm: vm.update(filesystems=[one, two]), FOLDERS),
        "a folder goes": Row(lambda vm: vm.update(filesystems=[two]), FOLDERS),
        "folders that are no longer stated go": Row(lambda vm: vm.pop("filesystems"), FOLDERS),
    }
    prove(scene, manifest, rows)


def test_a_display_keeps_its_tablet(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest, graphics=["vnc"])
    assert ("tablet", "usb") in INPUTS(scene.tree("web"))
    rows = {
        "a keyboard comes": Row(state(inputs=["keyboard"]), INPUTS),
        "a keyboard goes": Row(state(inputs=[]), INPUTS),
    }
    prove(scene, manifest, rows)
    assert ("tablet", "usb") in INPUTS(scene.tree("web"))
