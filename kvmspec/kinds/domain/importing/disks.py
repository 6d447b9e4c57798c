"""Disks and CD-ROMs, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, seconds, size, switch, there
from kvmspec.kinds.domain.limits_spec import ELEMENTS
from kvmspec.kinds.domain.sources import by_suffix

_SOURCE = {"file": "@file", "block": "@dev"}
_BUS = {"disk": "virtio", "cdrom": "scsi"}
"""What a disk of each device is created on where it says nothing."""


def _limit(field: str) -> Any:
    return seconds if field.endswith("length") else size if _is_bytes(field) else number


def _is_bytes(field: str) -> bool:
    return field.startswith("bandwidth") or field.endswith("operation_size")


COMMON = (
    Leaf("target/@dev", "target"),
    Leaf("target/@bus", "bus"),
    Leaf("driver/@cache", "cache"),
    Leaf("driver/@discard", "discard"),
    Leaf("driver/@io", "io"),
    *(Leaf(f"iotune/{element}/#", field, _limit(field)) for field, element in ELEMENTS),
    Leaf("serial/#", "serial"),
    Leaf("wwn/#", "wwn"),
    Leaf("boot/@order", "boot_order", number),
    Leaf("driver/@iothread", "iothread", number),
    Leaf("driver/@queues", "queues", number),
    Leaf("driver/@detect_zeroes", "detect_zeroes"),
    Leaf("driver/@error_policy", "error_policy"),
    Leaf("target/@rotation_rate", "rotation_rate", number),
    Leaf("target/@removable", "removable", switch),
    Leaf("source/@startupPolicy", "startup_policy"),
)
DISK = (*COMMON, Leaf("readonly", "readonly", there), Leaf("shareable", "shareable", there))
DRIVE = COMMON


def disk(device: Mapping[str, Any]) -> Data | None:
    """A disk or CD-ROM as a manifest writes it; None where it has no word for what it is."""
    kind = device.get("@device", "disk")
    if kind not in _BUS:
        return None
    path = get(device, ("source", _SOURCE.get(device.get("@type", ""), "")))
    form = get(device, ("driver", "@type"))
    if kind == "cdrom":
        found: Data = {"cdrom": path or "empty"} if path or "source" not in device else {}
    else:
        found = {"path": path} if path else {}
    if not found:
        return None
    if kind == "disk" and form != by_suffix(path or ""):
        found["format"] = form
    found |= said(device, DRIVE if kind == "cdrom" else DISK)
    if found.get("bus") == _BUS[kind]:
        del found["bus"]
    return {name: value for name, value in found.items() if value is not None}
