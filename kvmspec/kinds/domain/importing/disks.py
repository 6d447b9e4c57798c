"""Disks and drives, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.auth import usual_kind
from kvmspec.kinds.domain.devices import DRIVER, USUAL_BUS
from kvmspec.kinds.domain.disk_origin import by_suffix
from kvmspec.kinds.domain.importing.leaf import (
    Data,
    Leaf,
    number,
    said,
    seconds,
    size,
    switch,
    text,
    there,
)
from kvmspec.kinds.domain.importing.sources import auth, encryption, layers, source
from kvmspec.kinds.domain.limits import ELEMENTS

_PLAIN = {"file": "@file", "block": "@dev"}
_COUNTS = ("iothread", "queues", "queue_size")
_CHOICES = ("cache", "io", "discard", "detect_zeroes", "error_policy", "rerror_policy")


def _limit(field: str) -> Any:
    return seconds if field.endswith("length") else size if _is_bytes(field) else number


def _is_bytes(field: str) -> bool:
    return field.startswith("bandwidth") or field.endswith("operation_size")


def _driver(field: str) -> Leaf:
    value = number if field in _COUNTS else text if field in _CHOICES else switch
    return Leaf(f"driver/@{field}", field, value)


def _transient(value: Any) -> bool:
    return there({} if value.keys() == {"@shareBacking"} else value)


def _iothreads(value: Any) -> Any:
    """Several I/O threads, each with its queues."""
    threads = value["iothread"]
    return {int(one["@id"]): _queues(one) for one in (threads if isinstance(threads, list) else [threads])}


def _queues(thread: Mapping[str, Any]) -> list[int]:
    queues = thread.get("queue") or []
    return [int(queue["@id"]) for queue in (queues if isinstance(queues, list) else [queues])]


COMMON = (
    Leaf("target/@dev", "target"),
    Leaf("target/@bus", "bus"),
    Leaf("@model", "model"),
    *map(_driver, DRIVER),
    Leaf("driver/metadata_cache/max_size/#", "metadata_cache", size),
    Leaf("driver/iothreads", "iothreads", _iothreads),
    *(Leaf(f"iotune/{element}/#", field, _limit(field)) for field, element in ELEMENTS),
    Leaf("iotune/group_name/#", "iotune_group"),
    Leaf("serial/#", "serial"),
    Leaf("wwn/#", "wwn"),
    Leaf("vendor/#", "vendor"),
    Leaf("product/#", "product"),
    Leaf("boot/@order", "boot_order", number),
    Leaf("boot/@loadparm", "loadparm"),
    Leaf("shareable", "shareable", there),
    Leaf("transient", "transient", _transient),
    Leaf("transient/@shareBacking", "share_backing", switch),
    Leaf("@snapshot", "snapshot"),
    Leaf("target/@rotation_rate", "rotation_rate", number),
    Leaf("target/@removable", "removable", switch),
    Leaf("target/@tray", "tray", usual="closed"),
    Leaf("@rawio", "rawio", switch),
    Leaf("@sgio", "sgio"),
    *(Leaf(f"geometry/@{name}", f"geometry.{name}", number) for name in ("cyls", "heads", "secs")),
    Leaf("geometry/@trans", "geometry.trans"),
    *(
        Leaf(f"blockio/@{name}", f"blockio.{name}", size)
        for name in ("logical_block_size", "physical_block_size", "discard_granularity")
    ),
    Leaf("source/@startupPolicy", "startup_policy"),
    Leaf("auth", "auth", auth),
    Leaf("encryption", "encryption", encryption),
    Leaf("backingStore", "backing_store", layers),
    Leaf("backenddomain/@name", "backend_domain"),
)
DISK = (*COMMON, Leaf("readonly", "readonly", there))
DRIVE = COMMON


def disk(device: Mapping[str, Any]) -> Data | None:
    """A disk or drive as a manifest writes it; None where it has no word for what it is."""
    kind = device.get("@device", "disk")
    if kind not in USUAL_BUS or (found := _origin(kind, device)) is None:
        return None
    found |= said(device, DRIVE if kind == "cdrom" else DISK)
    if found.get("bus") == USUAL_BUS[kind]:
        del found["bus"]
    _without_usual_kind(found.get("auth"), get(found, ("source", "protocol")))
    _without_usual_kind(get(found, ("source", "auth")), get(found, ("source", "protocol")))
    return {name: value for name, value in found.items() if value is not None}


def _without_usual_kind(user: Any, protocol: str | None) -> None:
    """The protocol tells of which kind a secret is."""
    if user and user["type"] == usual_kind(protocol):
        del user["type"]


def _origin(kind: str, device: Mapping[str, Any]) -> Data | None:
    """What it is: in short where it is a file or device whose name tells which."""
    form, data = get(device, ("driver", "@type")), device.get("source") or {}
    path = get(data, (_PLAIN.get(device.get("@type", ""), ""),))
    short = "path" if kind in ("disk", "lun") else kind
    if not data and short != "path" and device.get("@type") == "file":
        found: Data = {short: "empty"}
        usual = "raw"
    elif path is not None and _is_plain(device, data):
        found = {short: path}
        usual = by_suffix(path) if short == "path" else "raw"
    elif (elsewhere := source(device)) is not None:
        found = {"source": elsewhere} | ({"device": kind} if kind != "disk" else {})
        usual = "" if device.get("@type") == "volume" else "raw"
    else:
        return None
    if short == "path" and "source" not in found and kind != "disk":
        found["device"] = kind
    if (form or "") != usual:
        found["format"] = form
    return found


def _is_plain(device: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether the path alone says all of where the data lies."""
    name = "@dev" if device["@type"] == "block" else "@file"
    path = str(data.get(name, ""))
    return data.keys() <= {name, "@startupPolicy"} and path.startswith("/dev/") == (name == "@dev")
