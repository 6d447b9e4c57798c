"""Devices besides disks and interfaces, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.elements import graphics as tables_graphics
from kvmspec.kinds.domain.elements import hostdev as hostdevs
from kvmspec.kinds.domain.elements import small, sound, video
from kvmspec.kinds.domain.importing import lines
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, switch, text, word
from kvmspec.kinds.domain.importing.tables import leaves

RNG = (Leaf("backend/#", "source"), *leaves(small.RNG))
INPUT = (
    *leaves(small.INPUT),
    Leaf("@bus", "bus", usual="usb"),
    Leaf("source/@evdev", "source"),
    Leaf("source/@dev", "source"),
)
TPM = (
    *leaves(small.TPM),
    Leaf("backend/@version", "version", usual="2.0"),
    Leaf("backend/device/@path", "path"),
    Leaf("backend/source/@path", "socket"),
    Leaf("backend/active_pcr_banks", "pcr_banks", list),
)
GRAPHICS = (
    Leaf("@type", "type"),
    Leaf("listen/@address", "listen"),
    Leaf("listen/@network", "listen_network"),
    Leaf("listen/@socket", "socket"),
    *leaves(tables_graphics.PORTS),
    *leaves(tables_graphics.OPTIONS),
)
FOLDER = (
    *leaves(small.FOLDER),
    Leaf("driver/@type", "driver", word(virtiofs="virtiofs"), usual="virtiofs"),
)
SMARTCARD = (*leaves(small.SMARTCARD),)
VIDEO = (
    *leaves(video.VIDEO),
    Leaf("model/resolution", "resolution", lambda size: f"{size['@x']}x{size['@y']}"),
)
SOUND = (
    *leaves(sound.SOUND),
    Leaf("codec", "codecs", lambda codecs: [text(codec["@type"]) for codec in codecs]),
    Leaf("audio/@id", "audio", number),
)
AUDIO = (Leaf("@id", "id", number), *leaves(sound.AUDIO))


def rng(device: Mapping[str, Any]) -> Data:
    found, model = said(device, RNG), get(device, ("backend", "@model"))
    if model == "egd":
        found.pop("source", None)
        return found | {"egd": end(device["backend"])}
    return found | ({"source": "builtin"} if model == "builtin" else {})


def folder(device: Mapping[str, Any]) -> Data:
    """virtiofs knows one mode only, which is not stated; libvirt writes no driver of 9p."""
    found = said(device, FOLDER)
    if get(device, ("driver", "@type")) == "virtiofs":
        found.pop("accessmode", None)
        return found
    return found | {"driver": "9p"}


def graphics(device: Mapping[str, Any]) -> Data:
    found = said(device, GRAPHICS)
    if device.get("@autoport") == "yes":  # of a running guest: the one it has now
        found.pop("port", None)
        found.pop("tls_port", None)
    kind = get(device, ("listen", "@type"))
    if kind == "none":
        found["listen"] = "none"
    elif kind == "socket" and "socket" not in found:
        found["socket"] = "auto"
    if modes := device.get("channel"):
        found["channels"] = {name: mode["@mode"] for name, mode in modes.items()}
    return found


def smartcard(device: Mapping[str, Any]) -> Data | None:
    found = said(device, SMARTCARD)
    if certificates := device.get("certificate"):
        found["certificates"] = [text(certificate["#"]) for certificate in certificates]
    if device.get("@mode") != "passthrough":
        return found
    return (
        {"mode": "spicevmc"}
        if device.get("@type") == "spicevmc"
        else {"mode": "passthrough", "end": end(device)}
    )


def redirdev(device: Mapping[str, Any]) -> Data:
    return end(device) | said(device, (Leaf("boot/@order", "boot_order", number),))


def crypto(device: Mapping[str, Any]) -> Data:
    return said(device, leaves(small.CRYPTO))


def redirfilter(device: Mapping[str, Any]) -> list[Data]:
    """The rules in their order."""
    rules = leaves(small.USB_RULE)
    return [
        {("class" if name == "class_" else name): value for name, value in said(rule, rules).items()}
        for rule in device["usbdev"]
    ]


# --- where character devices end
_SOURCE = (
    Leaf("@path", "path"),
    Leaf("@host", "host"),
    Leaf("@service", "port", number),
    Leaf("@tls", "tls", switch),
    Leaf("@channel", "channel"),
    Leaf("@mode", "mode", usual="connect"),
)
_BOUND = (Leaf("@host", "bind_host"), Leaf("@service", "bind_port", number))


def end(device: Mapping[str, Any]) -> Data:
    """Where it ends on the host."""
    kind, sources = text(device["@type"]), device.get("source") or {}
    found: Data = {"type": kind}
    for source in sources if isinstance(sources, list) else [sources]:
        bound = kind == "udp" and source.get("@mode") == "bind"
        found |= said(source, _BOUND if bound else _SOURCE)
        if again := source.get("reconnect"):
            found["reconnect"] = number(again["@timeout"]) if again["@enabled"] == "yes" else 0
    if kind == "udp":
        found.pop("mode", None)
    return found | said(device, (Leaf("protocol/@type", "protocol", usual="raw"),))


# --- devices of the host
_OPTIONS = leaves(hostdevs.OPTIONS)


def hostdev(device: Mapping[str, Any]) -> Data | None:
    """A device of the host, of exactly one kind, and how it is given to the guest."""
    kind, source = device.get("@type", ""), device.get("source") or {}
    if kind == "scsi" and source.get("@protocol") == "iscsi":
        kind = "iscsi"
    read = _HOSTDEVS.get(kind)
    if device.get("@mode") != "subsystem" or read is None:
        return None
    found: Data = {kind: read(source)}
    managed = device.get("@managed") == "yes"
    if managed != (kind == "pci"):
        found["managed"] = managed
    model = said(device, (Leaf("@model", "model", usual="vfio-pci"),))
    return found | model | said(device, _OPTIONS)


def pci_address(source: Mapping[str, Any]) -> str:
    """`0000:41:00.0`"""
    at = source["address"]
    domain, bus, slot, function = (
        int(at.get(f"@{n}", "0"), 0) for n in ("domain", "bus", "slot", "function")
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _usb(source: Mapping[str, Any]) -> str | Data:
    place = {name: int(source["address"][f"@{name}"]) for name in ("bus", "device") if "address" in source}
    if "vendor" not in source:
        return place
    known = ":".join(f"{int(source[name]['@id'], 0):04x}" for name in ("vendor", "product"))
    return {"id": known, **place} if place else known


def _scsi(source: Mapping[str, Any]) -> str:
    host, at = source["adapter"]["@name"].removeprefix("scsi_host"), source["address"]
    return ":".join((host, at["@bus"], at["@target"], at["@unit"]))


_HOSTDEVS: Mapping[str, Callable[[Any], Any]] = {
    "pci": pci_address,
    "usb": _usb,
    "mdev": lambda source: text(source["address"]["@uuid"]),
    "scsi": _scsi,
    "iscsi": lambda source: _iscsi(source),
    "scsi_host": lambda source: text(source["@wwpn"]) if source["@protocol"] == "vhost" else None,
}


def _iscsi(source: Mapping[str, Any]) -> Data:
    found = said(source, _LUN)
    if secret := get(source, ("auth", "secret")):
        told = text(secret.get("@usage") or secret.get("@uuid"))
        found["auth"] = {"username": text(get(source, ("auth", "@username"))), "secret": told}
    return found


_LUN = (
    Leaf("@name", "name"),
    Leaf("host/@name", "host"),
    Leaf("host/@port", "port", number, usual=3260),
    Leaf("initiator/iqn/@name", "initiator"),
)

Reader = Callable[[Mapping[str, Any]], Any]


def _by(table: Iterable[Leaf]) -> Reader:
    rows = tuple(table)
    return lambda device: said(device, rows)


class Kind(NamedTuple):
    """An element, the field it becomes, and how one is read.

    several  whether the field is a list: always, never, or (None) where there is more than one
    alike    whether there may be two that are just alike
    """

    tag: str
    field: str
    read: Reader
    several: bool | None = True
    alike: bool = False


KINDS = (
    Kind("graphics", "graphics", graphics),
    Kind("tpm", "tpm", _by(TPM), several=False),
    Kind("filesystem", "filesystems", folder),
    Kind("rng", "devices.rng", rng),
    Kind("serial", "devices.serials", lines.serial),
    Kind("parallel", "devices.parallels", lines.parallel),
    Kind("console", "devices.consoles", lines.console),
    Kind("channel", "devices.channels", lines.channel),
    Kind("input", "devices.inputs", _by(INPUT), alike=True),
    Kind("hostdev", "devices.hostdevs", hostdev),
    Kind("redirdev", "devices.redirdevs", redirdev, alike=True),
    Kind("redirfilter", "devices.redirfilter", lambda device: redirfilter(device), several=False),
    Kind("vsock", "devices.vsock", lambda device: _vsock(device), several=False),
    Kind("watchdog", "devices.watchdog", _by(leaves(small.WATCHDOG)), several=None),
    Kind("sound", "devices.sound", _by(SOUND), several=None, alike=True),
    Kind("audio", "devices.audio", _by(AUDIO)),
    Kind("panic", "devices.panic", _by(leaves(small.PANIC)), several=None),
    Kind("video", "devices.video", _by(VIDEO), several=None, alike=True),
    Kind("memballoon", "devices.balloon", _by(leaves(small.BALLOON)), several=False),
    Kind("shmem", "devices.shmem", _by(leaves(small.SHMEM))),
    Kind("iommu", "devices.iommu", _by(leaves(small.IOMMU)), several=False),
    Kind("smartcard", "devices.smartcard", smartcard, several=None, alike=True),
    Kind("hub", "devices.hubs", _by((Leaf("@type", "type"),)), alike=True),
    Kind("crypto", "devices.crypto", crypto, alike=True),
    Kind("nvram", "devices.nvram", lambda device: {}, several=False),
    Kind("lease", "devices.leases", _by(leaves(small.LEASE))),
)
"""The order is that of the models' fields."""


def _vsock(device: Mapping[str, Any]) -> Data:
    cid = device.get("cid") or {}
    address = "auto" if cid.get("@auto") == "yes" else number(cid.get("@address"))
    return {"cid": address, **said(device, leaves(small.VSOCK))}
