"""Rows of the devices under `devices:`, of channels and of the TPM.

What can be plugged is so by https://libvirt.org/formatdomain.html and qemu_hotplug.c of libvirt 9.0, and by
measurements on libvirt 9.0 with QEMU 7.2 where a row does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.row import ANY, Field, number, present, size
from kvmspec.kinds.domain.rules import Plug, restart
from kvmspec.manifest.types import format_size

AGENT = "unix/org.qemu.guest_agent.0"


def switch(value: Any) -> Any:
    """libvirt's two ways to write a bool."""
    return {"on": True, "yes": True, "off": False, "no": False}.get(value, value)


def kibibytes(value: Any) -> Any:
    return format_size(int(value) * 1024) if value is not None else None


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
HOSTDEV, WATCHDOG = ("devices", "hostdev", ANY), ("devices", "watchdog", ANY)

ROWS: tuple[Field, ...] = (
    Field("devices.rng.{key}", ("devices", "rng", ANY), Plug(), present, removable=True, call=Call.PLUG),
    Field(
        "devices.inputs.{key}", ("devices", "input", ANY), INPUT_PLUG, present, removable=True, call=Call.PLUG
    ),
    Field(
        "devices.hostdevs.{key}.managed",
        (*HOSTDEV, "@managed"),
        restart("read when the device is plugged in"),
        switch,
        removable=True,
    ),
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
        "devices.redirdevs",
        ("devices", "redirdev", ANY),
        REDIRDEV_PLUG,
        present,
        removable=True,
        call=Call.PLUG,
        unproved=_NO_SPICE,
    ),
    Field("devices.vsock.cid", (*VSOCK, "cid"), _VSOCK),
    Field("devices.vsock", VSOCK, Plug(), present, removable=True, call=Call.PLUG, unproved=_NO_VSOCK),
    Field("devices.watchdog.action", (*WATCHDOG, "@action"), _WATCHDOG, removable=True),
    Field("devices.watchdog", WATCHDOG, _WATCHDOG, removable=True),
    Field("devices.sound.audio", ("devices", "audio", ANY), _SOUND),
    Field("devices.sound", SOUND, _SOUND, removable=True),
    Field("devices.panic", ("devices", "panic", ANY), _PANIC, removable=True),
    Field("devices.video.model", (*VIDEO, "model", "@type"), _VIDEO),
    Field("devices.video.heads", (*VIDEO, "model", "@heads"), _VIDEO, number, removable=True),
    Field("devices.video.vram", (*VIDEO, "model", "@vram"), _VIDEO, kibibytes, removable=True),
    Field(
        "devices.video.accel3d",
        (*VIDEO, "model", "acceleration", "@accel3d"),
        _VIDEO,
        switch,
        removable=True,
    ),
    Field("devices.video", VIDEO, _VIDEO, present),
    Field("devices.balloon.model", (*BALLOON, "@model"), _BALLOON),
    Field("devices.balloon.autodeflate", (*BALLOON, "@autodeflate"), _BALLOON, switch, removable=True),
    Field(
        "devices.balloon.free_page_reporting",
        (*BALLOON, "@freePageReporting"),
        _BALLOON,
        switch,
        removable=True,
    ),
    Field("devices.shmem.{key}.size", (*SHMEM, "size"), _SHMEM, size, removable=True),
    Field("devices.shmem.{key}.model", (*SHMEM, "model"), _SHMEM),
    Field("devices.shmem.{key}.path", (*SHMEM, "server", "@path"), _SHMEM, removable=True),
    Field("devices.shmem.{key}", SHMEM, _SHMEM, present, removable=True),
    Field("devices.iommu.model", (*IOMMU, "@model"), _IOMMU),
    Field("devices.iommu.caching_mode", (*IOMMU, "driver", "@caching_mode"), _IOMMU, switch, removable=True),
    Field("devices.iommu.iotlb", (*IOMMU, "driver", "@iotlb"), _IOMMU, switch, removable=True),
    Field("devices.iommu.aw_bits", (*IOMMU, "driver", "@aw_bits"), _IOMMU, number, removable=True),
    Field("devices.iommu", IOMMU, _IOMMU, removable=True),
    Field("devices.smartcard", ("devices", "smartcard", ANY), _SMARTCARD, removable=True),
    Field("tpm.model", (*TPM, "@model"), _TPM, removable=True),
    Field("tpm.version", (*TPM, "backend", "@version"), _TPM, removable=True),
    Field("tpm.path", (*TPM, "backend", "device", "@path"), _TPM, removable=True),
    Field("tpm", TPM, _TPM, present, removable=True),
)
