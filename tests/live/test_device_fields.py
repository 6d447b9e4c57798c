"""Fields of devices that a guest boots with: defined, changed and taken away again, and each time there is
nothing left to plan. What a running guest does not get is named, with its reason."""

from __future__ import annotations

import re
import shutil
from typing import Any

import libvirt
import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
VNC = {"graphics": ["vnc"]}


def devices(**fields: Any) -> Fields:
    return {"devices": fields}


CASES: dict[str, tuple[Fields, Fields]] = {
    "rng": (devices(rng=["builtin"]), devices(rng=[{"source": "/dev/random", "rate": {"bytes": "1KiB"}}])),
    "two rngs": (devices(rng=["builtin", "/dev/urandom"]), devices(rng=True)),
    "a channel's end": (
        devices(channels=["org.example.0"]),
        devices(channels=[{"name": "org.example.0", "path": "/tmp/example.sock"}]),
    ),
    "a channel's type": (
        devices(channels=["org.example.0", "org.example.1"]),
        devices(channels=["org.example.0", {"name": "org.example.1", "type": "pty"}]),
    ),
    "inputs": (devices(inputs=["tablet", "keyboard"]), devices(inputs=[{"type": "tablet", "bus": "virtio"}])),
    "a pci device": (
        devices(hostdevs=[{"pci": "0000:41:00.0"}]),
        devices(hostdevs=[{"pci": "41:00.0", "managed": False}]),
    ),
    "a usb device": (
        devices(hostdevs=[{"usb": "1d6b:0002"}]),
        devices(hostdevs=[{"usb": {"bus": 1, "device": 3}}, {"usb": "1D6B:0003"}]),
    ),
    "a mediated device": (
        devices(hostdevs=[{"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8804"}]),
        devices(hostdevs=[{"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8805"}]),
    ),
    "a scsi device": (
        devices(hostdevs=[{"scsi": "2:0:0:1"}]),
        devices(hostdevs=[{"scsi": "2:0:0:1"}, {"scsi": "2:0:0:2"}]),
    ),
    "a watchdog": (devices(watchdog="i6300esb"), devices(watchdog={"model": "ib700", "action": "poweroff"})),
    "a watchdog's action": (
        devices(watchdog={"model": "i6300esb", "action": "pause"}),
        devices(watchdog={"model": "i6300esb", "action": "none"}),
    ),
    "sound": (devices(sound="ich9"), devices(sound={"model": "ac97", "audio": "none"})),
    "panic": (devices(panic=True), devices(panic="hyperv")),
    "vsock": (devices(vsock="auto"), devices(vsock=7)),
    "video": (
        VNC | devices(video={"model": "virtio", "heads": 2}),
        VNC | devices(video={"model": "qxl", "vram": "32MiB"}),
    ),
    "no video": (VNC | devices(video="vga"), VNC | devices(video=False)),
    "video memory": (
        VNC | devices(video={"model": "vga", "vram": "16MiB"}),
        VNC | devices(video={"model": "vga", "vram": "32MiB"}),
    ),
    "a balloon": (
        devices(balloon=False),
        devices(balloon={"autodeflate": True, "free_page_reporting": True}),
    ),
    "shared memory": (
        devices(shmem=[{"name": "ring", "size": "4MiB"}]),
        devices(shmem=[{"name": "ring", "size": "8MiB"}, {"name": "b", "size": "1MiB"}]),
    ),
    "shared memory with a server": (
        devices(shmem=[{"name": "ring", "size": "4MiB"}]),
        devices(shmem=[{"name": "ring", "model": "ivshmem-doorbell", "path": "/tmp/bell.sock"}]),
    ),
    "an iommu": (
        devices(iommu="intel"),
        devices(iommu={"model": "intel", "caching_mode": True, "aw_bits": 48}),
    ),
    "an iommu's model": (devices(iommu={"model": "intel", "iotlb": True}), devices(iommu="virtio")),
    "a smartcard": (devices(smartcard="host"), devices(smartcard=False)),
    "a folder by 9p": (
        {"filesystems": [{"source": "/srv", "target": "share", "driver": "9p"}]},
        {
            "filesystems": [
                {
                    "source": "/tmp",
                    "target": "share",
                    "driver": "9p",
                    "readonly": True,
                    "accessmode": "mapped",
                }
            ]
        },
    ),
    "a folder by virtiofs": (
        {"filesystems": [{"source": "/srv", "target": "share", "driver": "9p"}]},
        {"filesystems": [{"source": "/srv", "target": "share"}]},
    ),
    "a new folder by virtiofs": (
        {"filesystems": [{"source": "/srv", "target": "share"}]},
        {"filesystems": [{"source": "/srv", "target": "share"}, {"source": "/tmp", "target": "other"}]},
    ),
}
TPM: dict[str, tuple[Fields, Fields]] = {
    "a tpm": ({"tpm": "2.0"}, {"tpm": {"version": "2.0", "model": "tpm-crb"}}),
    "a tpm's version": ({"tpm": "1.2"}, {"tpm": "2.0"}),
    "the host's tpm": ({"tpm": "2.0"}, {"tpm": {"path": "/dev/tpm0"}}),
}


def idle(**fields: Any) -> Fields:
    return {"web": idle_vm(state="stopped", **fields)}


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, CASES)


@pytest.mark.skipif(shutil.which("swtpm") is None, reason="swtpm is not installed")
def test_a_tpm(scene: Scene) -> None:
    there_and_back(scene, TPM)


METADATA = re.compile(r"<metadata>.*</metadata>", re.DOTALL)
NAMED = (
    "random number generator virtio:builtin",
    "channel unix/org.example.0",
    "input device keyboard/usb",
    "host device pci:0000:41:00.0",
    "vsock",
    "watchdog i6300esb",
    "sound card ich9",
    "panic device isa",
    "shared memory ring",
    "guest IOMMU",
    "smartcard reader",
)
GONE: dict[str, tuple[str, Any]] = {
    "rng": ("rng", False),
    "channels": ("channel", []),
    "inputs": ("input", []),
    "hostdevs": ("hostdev", []),
    "vsock": ("vsock", False),
    "watchdog": ("watchdog", False),
    "sound": ("sound", False),
    "panic": ("panic", False),
    "shmem": ("shmem", []),
    "iommu": ("iommu", False),
    "smartcard": ("smartcard", False),
}
THERE: Fields = {
    "rng": ["builtin"],
    "channels": ["org.example.0"],
    "inputs": ["tablet", "keyboard"],
    "hostdevs": [{"pci": "0000:41:00.0"}],
    "vsock": "auto",
    "watchdog": "i6300esb",
    "sound": "ich9",
    "panic": True,
    "shmem": [{"name": "ring", "size": "1MiB"}],
    "iommu": "intel",
    "smartcard": "host",
}


def test_what_is_not_stated_is_named_and_stays_until_it_is_denied(scene: Scene) -> None:
    """As after a change by hand: the VM gets the devices from elsewhere."""
    scene.settle(scene.manifest(idle(devices=THERE)))
    made = scene.xml("web")
    scene.settle(scene.manifest(idle()))
    record = METADATA.search(scene.xml("web"))
    assert record is not None
    scene.conn.defineXML(METADATA.sub(lambda match: record[0], made))
    plan = scene.plan_json()
    text = str(plan["unmanaged"])
    for words in NAMED:
        assert re.search(rf"has an? {re.escape(words)}", text), (words, text)
    for words in ("ps2", "/dev/urandom", "guest_agent", "tablet/usb"):
        assert words not in text
    scene.plan(expect=0)
    denied = {name: value for name, (_, value) in GONE.items()}
    scene.settle(scene.manifest(idle(devices=denied)))
    for name, (tag, _) in GONE.items():
        left = [e for e in scene.tree("web").findall(f"devices/{tag}") if e.get("bus") != "ps2"]
        assert not [e for e in left if e.find("target[@name='org.qemu.guest_agent.0']") is None], name


RESTARTS: dict[str, tuple[Fields, str, str]] = {
    "watchdog": (devices(watchdog="i6300esb"), "devices.watchdog", "conventional PCI"),
    "sound": (devices(sound="ich9"), "devices.sound", "no sound card"),
    "panic": (devices(panic=True), "devices.panic", "at boot"),
    "video": (VNC | devices(video="vga"), "devices.video.model", "no video card"),
    "balloon": (devices(balloon={"autodeflate": True}), "devices.balloon.autodeflate", "no memory balloon"),
    "shmem": (devices(shmem=[{"name": "ring", "size": "1MiB"}]), "devices.shmem.ring", "conventional PCI"),
    "iommu": (devices(iommu="intel"), "devices.iommu", "at boot"),
    "smartcard": (devices(smartcard="host"), "devices.smartcard", "smartcard"),
    "9p": (
        {"filesystems": [{"source": "/srv", "target": "share", "driver": "9p"}]},
        "filesystems.share",
        "by 9p cannot be plugged",
    ),
    "virtiofs": (
        {"filesystems": [{"source": "/srv", "target": "share"}]},
        "filesystems.share",
        "does not share its memory",
    ),
    "a first channel": (
        devices(channels=["org.example.0"]),
        "devices.channels.unix/org.example.0",
        "no controller for channels",
    ),
    "tpm": ({"tpm": "2.0"}, "tpm", "no TPM"),
}
LIVE: dict[str, tuple[Fields, str]] = {
    "usb": (devices(hostdevs=[{"usb": "1d6b:0002"}]), "devices.hostdevs.usb:1d6b:0002"),
    "scsi": (devices(hostdevs=[{"scsi": "2:0:0:1"}]), "devices.hostdevs.scsi:2:0:0:1"),
    "mdev": (
        devices(hostdevs=[{"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8804"}]),
        "devices.hostdevs.mdev:c2177883-f1bb-47f0-914d-32a22e3a8804",
    ),
    "vsock": (devices(vsock=7), "devices.vsock"),
}


def test_what_a_running_guest_does_not_get_is_named(scene: Scene) -> None:
    fields: Fields = {"guest_agent": False}
    scene.settle(scene.manifest({"web": idle_vm(**fields, **VNC)}))
    for name, (more, path, reason) in RESTARTS.items():
        found = changes(scene, VNC | fields | more)
        assert found[path]["impact"] == "restart", (name, found)
        assert reason in found[path]["reason"], (name, found)
    for name, (more, path) in (LIVE | given(scene)).items():
        assert changes(scene, VNC | fields | more)[path]["impact"] == "live", name


def given(scene: Scene) -> dict[str, tuple[Fields, str]]:
    """A PCI device that the host has: others are not planned for a VM that is to run."""
    there = scene.conn.listAllDevices(libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV)
    names = sorted(device.name() for device in there)  # pci_0000_00_01_0
    places = [re.sub(r"pci_(.*)_(.*)_(.*)_(.*)", r"\1:\2:\3.\4", name) for name in names]
    return {
        place: (devices(hostdevs=[{"pci": place}]), f"devices.hostdevs.pci:{place}") for place in places[-1:]
    }


def test_a_device_in_the_place_of_another_is_one_change(scene: Scene) -> None:
    scene.settle(scene.manifest(idle(devices={"watchdog": "i6300esb", "sound": "ich9"})))
    found = changes(scene, {"state": "stopped", "devices": {"watchdog": "ib700", "sound": False}})
    told = {path: (change["before"], change["after"]) for path, change in found.items()}
    assert told == {"devices.watchdog": ("i6300esb", "ib700"), "devices.sound": ("ich9", None)}


def changes(scene: Scene, fields: Fields) -> dict[str, Any]:
    """The changes of the running VM that a plan would make, by path."""
    plan = scene.plan_json(scene.manifest({"web": idle_vm(**fields)}))
    (vm,) = (item for item in plan["resource_changes"] if item["address"].endswith("vm/web"))
    return {field["path"]: field for field in vm["changes"]}
