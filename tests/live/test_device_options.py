"""Options of devices, each defined, changed and taken away again: every time there is nothing left to plan."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.live.scene import Scene
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
VNC: Fields = {"graphics": ["vnc"]}
SPICE: Fields = {"graphics": ["spice"]}
IOAPIC: Fields = {"features": {"acpi": True, "ioapic": "qemu"}}
MDEV = "c2177883-f1bb-47f0-914d-32a22e3a8804"
IQN = "iqn.1992-01.com.example:storage/1"
STREAM = {
    "voices": 1,
    "mixing_engine": True,
    "fixed_settings": True,
    "frequency": 44100,
    "channels": 2,
    "format": "s16",
}


def devices(**fields: Any) -> Fields:
    return {"devices": fields}


def display(kind: str, **fields: Any) -> Fields:
    return {"graphics": [{"type": kind, **fields}]}


def folder(**fields: Any) -> Fields:
    return {"filesystems": [{"source": "/srv", "target": "share", **fields}]}


def nine_p(**fields: Any) -> Fields:
    return folder(driver="9p", **fields)


VIRTIO = {"iommu": True, "ats": True, "packed": True, "page_per_vq": True}
CASES: dict[str, tuple[Fields, Fields]] = {
    # --- sound
    "audio": (devices(audio=["none"]), devices(audio=[{"type": "alsa", "timer_period": 50}])),
    "audio's streams": (
        devices(audio=[{"type": "oss", "input": {"dev": "/dev/dsp0", "try_poll": True}, "exclusive": True}]),
        devices(audio=[{"type": "oss", "input": STREAM, "output": {"buffer_count": 30}, "try_mmap": True}]),
    ),
    "audio's servers": (
        devices(audio=[{"type": "pulseaudio", "server": "example.org", "input": {"name": "mic"}}]),
        devices(audio=[{"type": "jack", "output": {"client_name": "guest", "exact_name": True}}]),
    ),
    "audio's files": (
        devices(audio=[{"type": "file", "path": "/tmp/a.wav"}]),
        devices(audio=[{"type": "sdl", "driver": "alsa", "output": {"buffer_count": 4}}]),
    ),
    "several audios": (
        devices(audio=["none", "pulseaudio"], sound={"model": "ich6", "audio": 2}),
        devices(audio=["none", "alsa", "oss"], sound=[{"model": "ich6", "audio": 3}, "ac97"]),
    ),
    "codecs": (
        devices(sound={"model": "ich6", "codecs": ["micro"]}),
        devices(sound={"model": "ich6", "codecs": ["output", "duplex"]}),
    ),
    # --- displays
    "listen": (display("vnc", listen="none"), display("vnc", listen="::")),
    "listen at a network": (display("vnc", listen="127.0.0.1"), display("vnc", listen_network="front")),
    "a socket": (display("vnc", socket="/tmp/vnc.sock"), display("vnc", socket="auto")),
    "a socket of spice": (display("spice", socket="auto"), display("spice", socket="/tmp/spice.sock")),
    "vnc": (
        display("vnc", port=5901, websocket=5701, share_policy="ignore"),
        display("vnc", websocket=-1, power_control=True, keymap="de"),
    ),
    "spice": (
        display("spice", default_mode="secure", channels={"main": "secure", "record": "insecure"}),
        display("spice", channels={"main": "insecure"}, connected="disconnect", password="secret"),
    ),
    "spice's ways": (
        display("spice", compression={"image": "off", "jpeg": "auto"}, streaming="filter", clipboard=False),
        display(
            "spice", compression={"zlib": "never", "playback": True}, mouse="client", file_transfer=False
        ),
    ),
    "spice by opengl": (
        display("spice", listen="none", gl=True),
        display("spice", listen="none", gl=True, rendernode="/dev/dri/renderD128"),
    ),
    "egl-headless": (
        {"graphics": ["vnc", "egl-headless"]},
        {"graphics": ["vnc", {"type": "egl-headless", "rendernode": "/dev/dri/renderD128"}]},
    ),
    "sdl": (
        display("sdl", display=":0.0", xauth="/root/.Xauthority"),
        display("sdl", display=":1.0", fullscreen=True),
    ),
    "dbus": (display("dbus", p2p=True), display("dbus", address="unix:path=/tmp/bus", gl=False)),
    "a display's audio": (
        display("vnc", audio=1) | devices(audio=["none"]),
        display("vnc", audio=2) | devices(audio=["none", "alsa"]),
    ),
    # --- video
    "qxl": (
        VNC | devices(video={"model": "qxl", "ram": "128MiB", "vgamem": "32MiB"}),
        VNC | devices(video={"model": "qxl", "vram64": "64MiB", "heads": 2}),
    ),
    "several cards": (
        VNC | devices(video=["qxl", "qxl"]),
        VNC | devices(video=["virtio", {"model": "qxl", "vram": "32MiB"}, "qxl"]),
    ),
    "a resolution": (
        VNC | devices(video={"model": "virtio", "resolution": "1280x720"}),
        VNC | devices(video={"model": "virtio", "resolution": "1920x1080", "virtio": {"packed": True}}),
    ),
    "a card's helper": (
        VNC | devices(video={"model": "virtio", "accel3d": True}),
        VNC | devices(video={"model": "virtio", "primary": True, "accel3d": False}),
    ),
    # --- devices of the host
    "a pci device": (
        devices(hostdevs=[{"pci": "0000:41:00.0", "boot_order": 1, "rom": {"bar": False}}]),
        devices(hostdevs=[{"pci": "0000:41:00.0", "driver": "vfio", "rom": {"file": "/tmp/rom"}}]),
    ),
    "a usb device": (
        devices(hostdevs=[{"usb": "1d6b:0002", "startup_policy": "optional", "guest_reset": "off"}]),
        devices(hostdevs=[{"usb": "1d6b:0002", "startup_policy": "requisite", "managed": True}]),
    ),
    "a mediated device": (
        VNC | devices(hostdevs=[{"mdev": MDEV, "display": True}]),
        VNC | devices(hostdevs=[{"mdev": MDEV, "display": True, "ramfb": True}]),
    ),
    "a scsi device": (
        devices(hostdevs=[{"scsi": "2:0:0:1", "readonly": True, "shareable": True}]),
        devices(hostdevs=[{"scsi": "2:0:0:1", "readonly": False, "rawio": True}]),
    ),
    "iscsi": (
        devices(hostdevs=[{"iscsi": {"name": IQN, "host": "san.example.org"}}]),
        devices(
            hostdevs=[
                {
                    "iscsi": {
                        "name": IQN,
                        "host": "san.example.org",
                        "port": 3261,
                        "auth": {"username": "web", "secret": "san"},
                        "initiator": "iqn.2020-07.com.example:web",
                    }
                }
            ]
        ),
    ),
    "a scsi target": (
        devices(hostdevs=[{"scsi_host": "naa.5123456789abcde0"}]),
        devices(hostdevs=[{"scsi_host": "naa.5123456789abcde1", "model": "virtio-non-transitional"}]),
    ),
    # --- folders
    "9p": (
        nine_p(accessmode="mapped", fmode="0640", dmode="0750"),
        nine_p(multidevs="remap", model="virtio-non-transitional", readonly=True),
    ),
    "9p's virtio": (nine_p(virtio={"packed": True}), nine_p(virtio={"packed": False})),
    "virtiofs": (
        folder(queue=1024, daemon={"cache": "always", "xattr": True, "sandbox": "chroot"}),
        folder(daemon={"path": "/usr/libexec/virtiofsd", "posix_locks": True, "flock": True, "threads": 16}),
    ),
    "virtiofs and then 9p": (folder(), nine_p()),
    "a daemon of one's own": (
        {"filesystems": [{"socket": "/tmp/fs.sock", "target": "share"}]},
        {"filesystems": [{"socket": "/tmp/other.sock", "target": "share", "boot_order": 1}]},
    ),
    # --- what can be plugged
    "virtio": (
        devices(
            rng=[{"source": "builtin", "virtio": {"packed": True}}],
            vsock={"cid": 7, "virtio": {"packed": True}},
        ),
        devices(rng=[{"source": "builtin", "virtio": VIRTIO}], iommu="intel", balloon={"virtio": VIRTIO}),
    ),
    "an entropy daemon": (
        devices(rng=[{"egd": {"type": "tcp", "host": "127.0.0.1", "port": 1234}}]),
        devices(rng=[{"egd": {"type": "unix", "path": "/tmp/egd.sock", "mode": "connect"}}]),
    ),
    "inputs of the host": (
        devices(inputs=[{"type": "passthrough", "source": "/dev/input/event3"}]),
        devices(inputs=[{"type": "evdev", "source": "/dev/input/event4", "grab": "all", "repeat": True}]),
    ),
    "evdev": (
        devices(inputs=[{"type": "evdev", "source": "/dev/input/event4", "grab_toggle": "alt-alt"}]),
        devices(inputs=[{"type": "evdev", "source": "/dev/input/event4", "grab_toggle": "scrolllock"}]),
    ),
    "inputs twice": (
        devices(inputs=["tablet", "tablet"]),
        devices(inputs=[{"type": "mouse", "bus": "virtio", "virtio": {"packed": True}}]),
    ),
    "redirected devices": (
        SPICE | devices(redirdevs=2, redirfilter=[{"allow": True, "class": "0x08"}, {"allow": False}]),
        devices(redirdevs=[{"type": "unix", "path": "/tmp/usb.sock", "mode": "bind"}], redirfilter=[]),
    ),
    "redirected over tcp": (
        devices(redirdevs=[{"type": "tcp", "host": "127.0.0.1", "port": 4000, "boot_order": 1}]),
        devices(redirdevs=[{"type": "tcp", "host": "127.0.0.1", "port": 4001, "reconnect": 10}]),
    ),
    # --- what is there at boot
    "a vsock's model": (devices(vsock=7), devices(vsock={"cid": 7, "model": "virtio-non-transitional"})),
    "an iommu": (
        IOAPIC | devices(iommu={"model": "intel", "intremap": True, "eim": True}),
        IOAPIC | devices(iommu={"model": "intel", "intremap": True, "eim": False}),
    ),
    "shared memory": (
        devices(shmem=[{"name": "ring", "size": "4MiB", "role": "master"}]),
        devices(shmem=[{"name": "ring", "model": "ivshmem-doorbell", "path": "/tmp/b", "vectors": 8}]),
    ),
    "smartcards": (
        devices(smartcard={"mode": "certificates", "certificates": ["a", "b", "c"], "database": "/etc/pki"}),
        devices(smartcard={"mode": "passthrough", "end": {"type": "tcp", "host": "::1", "port": 4000}}),
    ),
    "hubs": (devices(hubs=["usb"]), devices(hubs=["usb", "usb"])),
    "panics": (devices(panic=["isa", "hyperv"]), devices(panic="isa")),
    "leases": (
        devices(leases=[{"lockspace": "shop", "key": "web", "path": "/tmp/lease"}]),
        devices(leases=[{"lockspace": "shop", "key": "web", "path": "/tmp/lease", "offset": 1024}]),
    ),
    "an emulator": ({"emulator": "/usr/bin/qemu-system-x86_64"}, {}),
}
TPM: dict[str, tuple[Fields, Fields]] = {
    "a tpm's banks": ({"tpm": {"pcr_banks": ["sha256"]}}, {"tpm": {"pcr_banks": ["sha256", "sha384"]}}),
    "a tpm's state": (
        {"tpm": {"version": "2.0", "persistent_state": True}},
        {"tpm": {"encryption": "6dd3e4a5-1d76-44ce-961f-f119f5aad935"}},
    ),
    "another's tpm": ({"tpm": "2.0"}, {"tpm": {"socket": "/tmp/swtpm.sock", "model": "tpm-crb"}}),
}


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, CASES)


@pytest.mark.skipif(shutil.which("swtpm") is None, reason="swtpm is not installed")
def test_a_tpm(scene: Scene) -> None:
    there_and_back(scene, TPM)
