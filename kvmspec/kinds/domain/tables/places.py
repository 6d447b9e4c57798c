"""Rows of what any device may state: where it is plugged in, and how it is called.

libvirt refuses another address of a device that is there, live (qemuDomainChangeDeviceLive and others:
"changing device address is not allowed"); a new device is plugged in where it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.kinds.domain import places
from kvmspec.kinds.domain.row import ANY, Field, Path, attribute
from kvmspec.kinds.domain.rules import restart

_PLACED = restart("a device has its place from the guest's boot on")
_CALLED = restart("a device is named when it comes")
_NUMBERED = restart("the guest reads it when it finds the device")

_DEVICES: Mapping[str, str] = {
    "disk": "disks.{key}",
    "interface": "networks.{key}",
    "controller": "controllers.{key}",
    "filesystem": "filesystems.{key}",
    "memory": "memory.dimms.{key}",
    "tpm": "tpm",
    "channel": "devices.channels.{key}",
    "input": "devices.inputs.{key}",
    "hostdev": "devices.hostdevs.{key}",
    "rng": "devices.rng.{key}",
    "shmem": "devices.shmem.{key}",
    "vsock": "devices.vsock",
    "watchdog": "devices.watchdog",
    "sound": "devices.sound",
    "panic": "devices.panic",
    "video": "devices.video",
    "iommu": "devices.iommu",
    "redirdev": "devices.redirdevs",
    "hub": "devices.hubs",
    "smartcard": "devices.smartcard",
    "crypto": "devices.crypto",
}
"""Element → the field it becomes."""
_SINGLE = {"memballoon": "devices.balloon", "nvram": "devices.nvram"}
"""Elements of which there is one, without a key."""


def _show(value: Any) -> Any:
    try:
        return places.word(value) if value is not None else None
    except places.NoWord:
        return " ".join(str(part) for name, part in value.items() if name.startswith("@"))


def _rows(path: Path, field: str) -> Iterator[Field]:
    yield Field(f"{field}.address", (*path, "address"), _PLACED, _show, whole=True)
    yield Field(f"{field}.alias", (*path, "alias"), _CALLED, attribute("name"))
    yield Field(f"{field}.acpi_index", (*path, "acpi"), _NUMBERED, attribute("index"), removable=True)


ROWS: tuple[Field, ...] = (
    *(row for tag, field in _DEVICES.items() for row in _rows(("devices", tag, ANY), field)),
    *(row for tag, field in _SINGLE.items() for row in _rows(("devices", tag), field)),
)
