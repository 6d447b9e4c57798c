"""Rows of the devices under `devices:`, of channels and of the TPM.

What can be plugged is so by https://libvirt.org/formatdomain.html and qemu_hotplug.c of libvirt 9.0, and by
measurements on libvirt 9.0 with QEMU 7.2 where a row does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.elements import hostdev, small, sound, video
from kvmspec.kinds.domain.elements.part import rows
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.row import ANY, Field, present, size
from kvmspec.kinds.domain.rules import Plug, restart

AGENT = "unix/org.qemu.guest_agent.0"


def switch(value: Any) -> Any:
    """libvirt's two ways to write a bool."""
    return {"on": True, "yes": True, "off": False, "no": False}.get(value, value)


def _text(value: Any) -> Any:
    """What an element holds."""
    return value.get("#") if isinstance(value, dict) else value


def _codecs(value: Any) -> Any:
    return [codec["@type"] for codec in value] if isinstance(value, list) else value


def _banks(value: Any) -> Any:
    return list(value) if isinstance(value, dict) else value


def _resolution(value: Any) -> Any:
    return f"{value['@x']}x{value['@y']}" if isinstance(value, dict) and len(value) == 2 else value


# --- what the running guest lacks
def _no_serial_controller(device: Mapping[str, Any], guest: Guest) -> str:
    """A virtio-serial controller itself cannot be plugged in."""
    return "" if guest.controllers("virtio-serial") else "the running guest has no controller for channels"


def _no_usb_controller(device: Mapping[str, Any], guest: Guest) -> str:
    """Nor can a USB controller."""
    usb = [c for c in guest.controllers("usb") if c.get("@model") != "none"]
    return "" if usb or not _on_usb(device) else "the running guest has no USB controller"


def _on_usb(device: Mapping[str, Any]) -> bool:
    return "usb" in (device.get("@bus"), device.get("@type"))


CHANNEL_PLUG = Plug(
    "plugged in and out where the guest has had a channel at its boot",
    pci=lambda device: False,
    lacks=_no_serial_controller,
)
INPUT_PLUG = Plug(
    "plugged in and out; on virtio where a PCI port is free",
    pci=lambda device: device.get("@bus") == "virtio",
    lacks=_no_usb_controller,
)
HOSTDEV_PLUG = Plug(
    "plugged in and out; a PCI or mediated device where a PCI port is free",
    pci=lambda device: device.get("@type") in ("pci", "mdev"),
    lacks=_no_usb_controller,
)
REDIRDEV_PLUG = Plug("plugged in and out", pci=lambda device: False, lacks=_no_usb_controller)

_CONVENTIONAL = "it goes into a conventional PCI slot, into which nothing is plugged on PCI Express"
_WATCHDOG = restart(_CONVENTIONAL)
_SHMEM = restart(_CONVENTIONAL)
_SOUND = restart("libvirt plugs no sound card")
_PANIC = restart("a panic device is there at boot, or not at all")
_VIDEO = restart("libvirt plugs no video card")
_BALLOON = restart("libvirt plugs no memory balloon, and changes none")
_TPM = restart("libvirt plugs no TPM; its state stays with the host")
_IOMMU = restart("an IOMMU is there at boot, or not at all")
_SMARTCARD = restart("libvirt plugs no smartcard reader")
_VSOCK = restart("the address is given when it is plugged in")

_NO_DEVICE = "a device of the host to spare"
_NO_SPICE = "a SPICE client"
_NO_VSOCK = "a kernel with vhost-vsock"

BALLOON, SOUND = ("devices", "memballoon"), ("devices", "sound", ANY)
VIDEO, TPM = ("devices", "video", ANY), ("devices", "tpm", ANY)
IOMMU, SHMEM = ("devices", "iommu", ANY), ("devices", "shmem", ANY)
VSOCK = ("devices", "vsock", ANY)
AUDIO, LEASE = ("devices", "audio", ANY), ("devices", "lease", ANY)
HOSTDEV, WATCHDOG = ("devices", "hostdev", ANY), ("devices", "watchdog", ANY)

INPUT, RNG = ("devices", "input", ANY), ("devices", "rng", ANY)
_READ_WHEN_PLUGGED = restart("read when the device is plugged in")
_AUDIO = restart("QEMU opens it when it starts")
_HELD = restart("a lease is taken when the VM starts")
_CRYPTO = restart("libvirt plugs no crypto device before 9.1")

ROWS: tuple[Field, ...] = (
    Field("emulator", ("devices", "emulator"), restart("it is what runs the VM"), _text, removable=True),
    *rows("devices.rng.{key}", RNG, small.RNG, _READ_WHEN_PLUGGED),
    Field("devices.rng.{key}.egd", (*RNG, "backend", "source"), _READ_WHEN_PLUGGED),
    Field("devices.rng.{key}", RNG, Plug(), present, removable=True, call=Call.PLUG),
    *rows("devices.inputs.{key}", INPUT, small.INPUT, _READ_WHEN_PLUGGED),
    Field("devices.inputs.{key}", INPUT, INPUT_PLUG, present, removable=True, call=Call.PLUG),
    Field(
        "devices.hostdevs.{key}.managed", (*HOSTDEV, "@managed"), _READ_WHEN_PLUGGED, switch, removable=True
    ),
    Field("devices.hostdevs.{key}.model", (*HOSTDEV, "@model"), _READ_WHEN_PLUGGED, removable=True),
    *rows("devices.hostdevs.{key}", HOSTDEV, hostdev.OPTIONS, _READ_WHEN_PLUGGED),
    Field("devices.hostdevs.{key}.iscsi", (*HOSTDEV, "source"), _READ_WHEN_PLUGGED),
    Field(
        "devices.hostdevs.{key}",
        HOSTDEV,
        HOSTDEV_PLUG,
        present,
        removable=True,
        call=Call.PLUG,
        unproved=_NO_DEVICE,
    ),
    Field(
        "devices.redirfilter",
        ("devices", "redirfilter"),
        restart("QEMU reads it when it starts"),
        present,
        True,
    ),
    Field(
        "devices.redirdevs",
        ("devices", "redirdev", ANY),
        REDIRDEV_PLUG,
        present,
        removable=True,
        call=Call.PLUG,
        unproved=_NO_SPICE,
    ),
    Field("devices.hubs", ("devices", "hub", ANY), restart("libvirt plugs no hub"), present, removable=True),
    Field("devices.vsock.cid", (*VSOCK, "cid"), _VSOCK),
    *rows("devices.vsock", VSOCK, small.VSOCK, _READ_WHEN_PLUGGED),
    Field("devices.vsock", VSOCK, Plug(), present, removable=True, call=Call.PLUG, unproved=_NO_VSOCK),
    *rows("devices.watchdog", WATCHDOG, small.WATCHDOG, _WATCHDOG),
    Field("devices.watchdog", WATCHDOG, _WATCHDOG, removable=True),
    *rows("devices.audio", AUDIO, sound.AUDIO, _AUDIO),
    Field("devices.audio", AUDIO, _AUDIO, present, removable=True),
    *rows("devices.sound", SOUND, sound.SOUND, _SOUND),
    Field("devices.sound.codecs", (*SOUND, "codec"), _SOUND, _codecs, removable=True),
    Field("devices.sound.audio", (*SOUND, "audio"), _SOUND, removable=True),
    Field("devices.sound", SOUND, _SOUND, removable=True),
    Field("devices.panic", ("devices", "panic", ANY), _PANIC, removable=True),
    *rows("devices.video", VIDEO, video.VIDEO, _VIDEO),
    Field("devices.video.resolution", (*VIDEO, "model", "resolution"), _VIDEO, _resolution, removable=True),
    Field("devices.video", VIDEO, _VIDEO, present),
    *rows("devices.balloon", BALLOON, small.BALLOON, _BALLOON),
    Field("devices.shmem.{key}.size", (*SHMEM, "size"), _SHMEM, size, removable=True),
    *rows("devices.shmem.{key}", SHMEM, small.SHMEM, _SHMEM),
    Field("devices.shmem.{key}", SHMEM, _SHMEM, present, removable=True),
    *rows("devices.iommu", IOMMU, small.IOMMU, _IOMMU),
    Field("devices.iommu", IOMMU, _IOMMU, removable=True),
    Field("devices.smartcard", ("devices", "smartcard", ANY), _SMARTCARD, removable=True),
    Field("devices.crypto", ("devices", "crypto", ANY), _CRYPTO, present, removable=True),
    Field("devices.nvram", ("devices", "nvram"), restart("it is part of the machine"), present),
    *rows("devices.leases.{key}", LEASE, small.LEASE, _HELD),
    Field("devices.leases.{key}", LEASE, _HELD, present, removable=True),
    Field("tpm.version", (*TPM, "backend", "@version"), _TPM, removable=True),
    Field("tpm.path", (*TPM, "backend", "device", "@path"), _TPM, removable=True),
    Field("tpm.socket", (*TPM, "backend", "source", "@path"), _TPM, removable=True),
    Field("tpm.pcr_banks", (*TPM, "backend", "active_pcr_banks"), _TPM, _banks, removable=True),
    *rows("tpm", TPM, small.TPM, _TPM),
    Field("tpm", TPM, _TPM, present, removable=True),
)
