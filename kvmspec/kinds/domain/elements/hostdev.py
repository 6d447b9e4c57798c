"""Tables of devices of the host."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kvmspec.kinds.auth import told
from kvmspec.kinds.domain.elements.part import NUMBER, ON, THERE, YES, Part, Table, below, filled

if TYPE_CHECKING:
    from kvmspec.kinds.domain.hostdev_spec import HostdevSpec

OPTIONS: Table = (
    Part("@sgio", "sgio"),
    Part("@rawio", "rawio", YES),
    Part("@display", "display", ON),
    Part("@ramfb", "ramfb", ON),
    Part("driver/@name", "driver"),
    Part("teaming/@persistent", "teaming"),
    Part("source/@startupPolicy", "startup_policy"),
    Part("source/@guestReset", "guest_reset"),
    Part("source/@writeFiltering", "write_filtering", YES),
    Part("readonly", "readonly", THERE),
    Part("shareable", "shareable", THERE),
    Part("boot/@order", "boot_order", NUMBER),
    Part("rom/@enabled", "rom.enabled", YES),
    Part("rom/@bar", "rom.bar", ON),
    Part("rom/@file", "rom.file"),
)


def hostdev(device: HostdevSpec) -> ET.Element:
    """A device of the host."""
    kind = "scsi" if device.kind == "iscsi" else device.kind
    node = ET.Element("hostdev", mode="subsystem", type=kind)
    if kind == "pci" or device.managed is not None:
        node.set("managed", "yes" if device.is_managed else "no")
    if model := device.model or ("vfio-pci" if kind == "mdev" else None):
        node.set("model", model)
    _SOURCES[device.kind](below(node, "source"), device)
    filled(node, device, OPTIONS)
    if device.teaming is not None:
        below(node, "teaming", type="transient")
    return node


def _pci(source: ET.Element, device: HostdevSpec) -> None:
    names = ("domain", "bus", "slot", "function")
    below(source, "address", **dict(zip(names, (f"0x{part}" for part in device.parts), strict=True)))


def _usb(source: ET.Element, device: HostdevSpec) -> None:
    place = None if device.usb is None or isinstance(device.usb, str) else device.usb
    known = device.usb if place is None else place.id
    for name, number in zip(("vendor", "product"), str(known).split(":") if known else (), strict=False):
        below(source, name, id=f"0x{number}")
    if place is not None:
        below(source, "address", bus=str(place.bus), device=str(place.device))


def _mdev(source: ET.Element, device: HostdevSpec) -> None:
    below(source, "address", uuid=str(device.mdev))


def _scsi(source: ET.Element, device: HostdevSpec) -> None:
    host, bus, target, unit = device.parts
    below(source, "adapter", name=f"scsi_host{host}")
    below(source, "address", bus=bus, target=target, unit=unit)


def _iscsi(source: ET.Element, device: HostdevSpec) -> None:
    lun = device.iscsi
    if lun is None:
        return
    source.attrib.update(protocol="iscsi", name=lun.name)
    below(source, "host", name=lun.host, port=str(lun.port))
    if lun.auth is not None:
        auth = below(source, "auth", username=lun.auth.username)
        below(auth, "secret", type=lun.auth.kind("iscsi"), **dict([told(lun.auth.secret)]))
    if lun.initiator is not None:
        below(source, "initiator/iqn", name=lun.initiator)


def _scsi_host(source: ET.Element, device: HostdevSpec) -> None:
    source.attrib.update(protocol="vhost", wwpn=str(device.scsi_host))


_SOURCES: Mapping[str, Callable[[ET.Element, HostdevSpec], None]] = {
    "pci": _pci,
    "usb": _usb,
    "mdev": _mdev,
    "scsi": _scsi,
    "iscsi": _iscsi,
    "scsi_host": _scsi_host,
}
