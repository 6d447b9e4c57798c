"""Devices besides disks and interfaces, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing import lines
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, size, switch, text, there, word

RNG = (
    Leaf("backend/#", "source"),
    Leaf("@model", "model", usual="virtio"),
    Leaf("rate/@bytes", "rate.bytes", size),
    Leaf("rate/@period", "rate.period", number),
)
INPUT = (Leaf("@type", "type"), Leaf("@bus", "bus", usual="usb"))
WATCHDOG = (Leaf("@model", "model"), Leaf("@action", "action", usual="reset"))
SOUND = (Leaf("@model", "model"),)
PANIC = (Leaf("@model", "model"),)
VIDEO = (
    Leaf("model/@type", "model"),
    Leaf("model/@heads", "heads", number, usual=1),
    Leaf("model/@vram", "vram", lambda kib: size(number(kib) * 1024)),
    Leaf("model/acceleration/@accel3d", "accel3d", switch),
)
BALLOON = (
    Leaf("@model", "model"),
    Leaf("@autodeflate", "autodeflate", switch),
    Leaf("@freePageReporting", "free_page_reporting", switch),
)
SHMEM = (
    Leaf("@name", "name"),
    Leaf("size/#", "size", size),
    Leaf("model/@type", "model", usual="ivshmem-plain"),
    Leaf("server/@path", "path"),
)
IOMMU = (
    Leaf("@model", "model"),
    Leaf("driver/@caching_mode", "caching_mode", switch),
    Leaf("driver/@iotlb", "iotlb", switch),
    Leaf("driver/@aw_bits", "aw_bits", number),
)
TPM = (
    Leaf("@model", "model"),
    Leaf("backend/@version", "version", usual="2.0"),
    Leaf("backend/device/@path", "path"),
)
GRAPHICS = (
    Leaf("@type", "type"),
    Leaf("@listen", "listen"),
    Leaf("@port", "port", number, usual=-1),
    Leaf("@tlsPort", "tls_port", number),
    Leaf("@passwd", "password"),
    Leaf("@passwdValidTo", "password_valid_to"),
    Leaf("@keymap", "keymap"),
    Leaf("@sharePolicy", "share_policy"),
)
FOLDER = (
    Leaf("source/@dir", "source"),
    Leaf("target/@dir", "target"),
    Leaf("driver/@type", "driver", word(path="9p", virtiofs="virtiofs"), usual="virtiofs"),
    Leaf("readonly", "readonly", there),
)
_MODE = Leaf("@accessmode", "accessmode")


def rng(device: Mapping[str, Any]) -> Data:
    model = get(device, ("backend", "@model"))
    return said(device, RNG) | ({"source": "builtin"} if model == "builtin" else {})


def folder(device: Mapping[str, Any]) -> Data:
    """virtiofs knows one mode only, which is not stated."""
    found = said(device, FOLDER)
    return found | said(device, (_MODE,)) if found.get("driver") == "9p" else found


def graphics(device: Mapping[str, Any]) -> Data:
    found = said(device, GRAPHICS)
    if device.get("@autoport") == "yes":  # of a running guest: the one it has now
        found.pop("port", None)
    return found


def hostdev(device: Mapping[str, Any]) -> Data | None:
    """A device of the host: exactly one of pci, usb, mdev and scsi, all known by their address."""
    kind = device.get("@type", "")
    read = _HOSTDEVS.get(kind)
    if device.get("@mode") != "subsystem" or read is None:
        return None
    found = read(device.get("source") or {})
    managed = {"managed": False} if kind == "pci" and device.get("@managed") != "yes" else {}
    return {kind: found} | managed if found else None


def pci_address(source: Mapping[str, Any]) -> str:
    """`0000:41:00.0`"""
    at = source["address"]
    domain, bus, slot, function = (
        int(at.get(f"@{n}", "0"), 0) for n in ("domain", "bus", "slot", "function")
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _usb(source: Mapping[str, Any]) -> str | Data:
    if "vendor" in source:
        return ":".join(f"{int(source[name]['@id'], 0):04x}" for name in ("vendor", "product"))
    return {name: int(source["address"][f"@{name}"]) for name in ("bus", "device")}


def _scsi(source: Mapping[str, Any]) -> str:
    host, at = source["adapter"]["@name"].removeprefix("scsi_host"), source["address"]
    return ":".join((host, at["@bus"], at["@target"], at["@unit"]))


_HOSTDEVS: Mapping[str, Callable[[Any], Any]] = {
    "pci": pci_address,
    "usb": _usb,
    "mdev": lambda source: text(source["address"]["@uuid"]),
    "scsi": _scsi,
}

Reader = Callable[[Mapping[str, Any]], Data | None]


def _by(table: Iterable[Leaf]) -> Reader:
    rows = tuple(table)
    return lambda device: said(device, rows)


class Kind(NamedTuple):
    """An element, the field it becomes, and how one is read. `several`: the field is a list."""

    tag: str
    field: str
    read: Reader
    several: bool = True


KINDS = (
    Kind("graphics", "graphics", graphics),
    Kind("tpm", "tpm", _by(TPM), several=False),
    Kind("filesystem", "filesystems", folder),
    Kind("rng", "devices.rng", rng),
    Kind("serial", "devices.serials", lines.serial),
    Kind("parallel", "devices.parallels", lines.parallel),
    Kind("console", "devices.consoles", lines.console),
    Kind("channel", "devices.channels", lines.channel),
    Kind("input", "devices.inputs", _by(INPUT)),
    Kind("hostdev", "devices.hostdevs", hostdev),
    Kind("vsock", "devices.vsock", lambda device: _vsock(device), several=False),
    Kind("watchdog", "devices.watchdog", _by(WATCHDOG), several=False),
    Kind("sound", "devices.sound", _by(SOUND), several=False),
    Kind("panic", "devices.panic", _by(PANIC), several=False),
    Kind("video", "devices.video", _by(VIDEO), several=False),
    Kind("memballoon", "devices.balloon", _by(BALLOON), several=False),
    Kind("shmem", "devices.shmem", _by(SHMEM)),
    Kind("iommu", "devices.iommu", _by(IOMMU), several=False),
)
"""The order is that of the models' fields."""


def _vsock(device: Mapping[str, Any]) -> Data:
    cid = device.get("cid") or {}
    return {"cid": "auto"} if cid.get("@auto") == "yes" else {"cid": number(cid.get("@address"))}
