"""Devices come, go and change while the guest runs: each row of the field table that says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.matrix import MAC, Row, booted, devices, prove
from tests.live.scene import Scene
from tests.support.guest import TinyGuest

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

DISKS = devices("disk/source[@file]", "file")
NICS = devices("interface/source", "network")


def add(field: str, *items: Any) -> Any:
    return lambda vm: vm.setdefault(field, []).extend(items)


def drop(field: str, number: int) -> Any:
    return lambda vm: vm[field].pop(number)


PLUGGED: dict[str, Row] = {
    "a virtio disk comes": Row(add("disks", {"name": "b", "size": "2MiB"}), DISKS),
    "a scsi disk comes, and its controller": Row(
        add("disks", {"name": "c", "size": "3MiB", "bus": "scsi"}), DISKS
    ),
    "another scsi disk comes": Row(add("disks", {"name": "d", "size": "3MiB", "bus": "scsi"}), DISKS),
    "a usb disk comes": Row(add("disks", {"name": "e", "size": "3MiB", "bus": "usb"}), DISKS),
    "a virtio disk goes": Row(drop("disks", 1), DISKS),
    "a scsi disk goes": Row(drop("disks", 1), DISKS),
    "a usb disk goes": Row(drop("disks", 2), DISKS),
    "an interface comes": Row(add("networks", {"network": "default"}), NICS),
    "an interface goes": Row(drop("networks", 1), NICS),
    "rng goes": Row(lambda vm: vm.update(devices={"rng": False}), devices("rng", "model")),
    "rng comes": Row(lambda vm: vm.update(devices={"rng": True}), devices("rng", "model")),
    "the agent's channel goes": Row(
        lambda vm: vm.update(guest_agent=False), devices("channel/target", "name")
    ),
    "the agent's channel comes": Row(
        lambda vm: vm.update(guest_agent=True), devices("channel/target", "name")
    ),
}


def test_devices_come_and_go_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = booted(scene, tiny_guest)
    prove(scene, manifest, PLUGGED)


def put(**fields: Any) -> Any:
    """Fields of the last disk, interface or display of that list: `put(disks={...})`."""

    def change(vm: dict[str, Any]) -> None:
        for name, values in fields.items():
            vm[name][-1].update(values)

    return change


CHANGED: dict[str, Row] = {
    "an interface moves to another network": Row(put(networks={"network": "default"}), NICS),
    "and back": Row(put(networks={"network": "front"}), NICS),
    "a display's password": Row(put(graphics={"password": "second"}), devices("graphics", "passwd")),
}


def test_what_is_in_a_device_changes_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    isos = [scene.host.images / f"{name}.iso" for name in "ab"]
    for iso in isos:
        iso.write_bytes(bytes(1 << 20))
    manifest = booted(
        scene,
        tiny_guest,
        disks=[{"cdrom": str(isos[0]), "name": "cd"}],
        networks=[{"network": "front", "mac": MAC, "name": "main"}],
        graphics=[{"type": "vnc", "password": "first"}],
    )
    media = {
        "another cd": Row(put(disks={"cdrom": str(isos[1])}), DISKS),
        "what happens without its file": Row(
            put(disks={"startup_policy": "optional"}), devices("disk/source", "startupPolicy")
        ),
        "nothing said of that": Row(
            lambda vm: vm["disks"][-1].pop("startup_policy"), devices("disk/source", "startupPolicy")
        ),
        "an ejected cd": Row(put(disks={"cdrom": "empty"}), DISKS),
        "an inserted cd": Row(put(disks={"cdrom": str(isos[0])}), DISKS),
    }
    prove(scene, manifest, media | CHANGED)
