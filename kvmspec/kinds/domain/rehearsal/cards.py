"""Which devices are PCI devices, of which sort, and the order in which libvirt gives them their places.

Facts: qemuDomainDeviceCalculatePCIConnectFlags and qemuDomainAssignDevicePCISlots of libvirt's
src/qemu/qemu_domain_address.c. Of a device of the host it looks at the device itself; here it is taken for
an Express one, as libvirt does where the device is not there.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

from kvmspec.kinds.domain.rehearsal.buses import NEEDS, Plug

_PCI, _EXPRESS, _NO = Plug.PCI | Plug.AUTO, Plug.EXPRESS | Plug.AUTO, Plug.NONE
_OLD = "virtio-transitional"  # works in conventional slots only


def needs_of(node: ET.Element, express: bool) -> Plug:
    """What a device needs of a bus, on a machine with PCI Express or without; NONE of one that is no PCI
    device."""
    rule = _RULES.get(node.tag)
    needs = rule(node) if rule is not None else Plug.NONE
    if not express and needs & Plug.EXPRESS:
        needs = needs & ~Plug.EXPRESS | Plug.PCI
    return needs


def is_usb2(node: ET.Element) -> bool:
    """A part of a USB 2 controller of several."""
    return (node.get("model") or "").startswith("ich9-") and node.tag == "controller"


def _virtio(node: ET.Element) -> Plug:
    return _PCI if node.get("model") == _OLD else _EXPRESS


_SCSI = {"virtio-scsi": _EXPRESS, "virtio-non-transitional": _EXPRESS, None: _NO, "ncr53c90": _NO}
_USB = {"qemu-xhci": _EXPRESS, "nec-xhci": _EXPRESS, "none": _NO}


def _controller(node: ET.Element) -> Plug:
    model = node.get("model")
    match node.get("type"):
        case "pci":
            return NEEDS.get(model or "", _NO)
        case "usb":
            return _USB.get(model or "", _PCI)
        case "scsi":
            return _SCSI.get(model, _PCI)
        case "virtio-serial":
            return _virtio(node)
        case "sata":
            return _PCI
        case "ide":  # the first one is part of i440fx, and nowhere else
            return _NO if node.get("index") == "0" else _PCI
    return _NO


def _filesystem(node: ET.Element) -> Plug:
    driver = node.find("driver")
    kind = driver.get("type") if driver is not None else None
    return _NO if kind in ("loop", "nbd", "ploop") else _virtio(node)


_NICS = {"virtio": _EXPRESS, "virtio-non-transitional": _EXPRESS, "e1000e": _EXPRESS, "igb": _EXPRESS}


def _interface(node: ET.Element) -> Plug:
    model = node.find("model")
    kind = model.get("type") if model is not None else None
    if node.get("type") == "hostdev":
        return _EXPRESS
    return _NO if kind == "usb-net" else _NICS.get(kind or "", _PCI)


def _sound(node: ET.Element) -> Plug:
    model = node.get("model")
    return _EXPRESS if model == "virtio" else _PCI if model in ("es1370", "ac97", "ich6", "ich9") else _NO


def _disk(node: ET.Element) -> Plug:
    target = node.find("target")
    return _virtio(node) if target is not None and target.get("bus") == "virtio" else _NO


def _hostdev(node: ET.Element) -> Plug:
    if node.get("mode") not in (None, "subsystem"):
        return _NO
    match node.get("type"):
        case "pci":
            return _EXPRESS
        case "mdev":
            return _EXPRESS if node.get("model") == "vfio-pci" else _NO
        case "scsi_host":
            return _virtio(node)
    return _NO


_CARDS = {"virtio": _EXPRESS, "bochs": _EXPRESS, "none": _NO, "ramfb": _NO, "gop": _NO}


def _video(node: ET.Element) -> Plug:
    model = node.find("model")
    return _CARDS.get((model.get("type") or "") if model is not None else "", _PCI)


def _serial(node: ET.Element) -> Plug:
    target = node.find("target")
    return _PCI if target is not None and target.get("type") == "pci-serial" else _NO


_RULES: Mapping[str, Callable[[ET.Element], Plug]] = {
    "controller": _controller,
    "filesystem": _filesystem,
    "interface": _interface,
    "sound": _sound,
    "disk": _disk,
    "hostdev": _hostdev,
    "memballoon": lambda node: _virtio(node) if node.get("model") not in ("none", "xen") else _NO,
    "rng": _virtio,
    "watchdog": lambda node: _PCI if node.get("model") == "i6300esb" else _NO,
    "video": _video,
    "shmem": lambda node: _PCI,
    "input": lambda node: _virtio(node) if node.get("bus") == "virtio" else _NO,
    "serial": _serial,
    "iommu": lambda node: _EXPRESS | Plug.INTEGRATED if node.get("model") == "virtio" else _NO,
    "vsock": _virtio,
    "memory": lambda node: _EXPRESS if node.get("model") in ("virtio-pmem", "virtio-mem") else _NO,
    "crypto": lambda node: _PCI,
    "panic": lambda node: _PCI | Plug.INTEGRATED if node.get("model") == "pvpanic" else _NO,
}

ORDER: tuple[tuple[str, Callable[[ET.Element], bool]], ...] = (
    ("controller", lambda node: node.get("type") == "pci"),
    ("filesystem", lambda node: True),
    ("interface", lambda node: node.get("type") != "hostdev"),
    ("sound", lambda node: True),
    ("controller", lambda node: node.get("type") != "pci"),
    ("disk", lambda node: True),
    ("interface", lambda node: node.get("type") == "hostdev"),
    ("hostdev", lambda node: True),
    ("memballoon", lambda node: True),
    ("rng", lambda node: True),
    ("watchdog", lambda node: True),
    ("video", lambda node: True),
    ("shmem", lambda node: True),
    ("input", lambda node: True),
    ("serial", lambda node: True),
    ("iommu", lambda node: True),
    ("vsock", lambda node: True),
    ("memory", lambda node: True),
    ("crypto", lambda node: True),
    ("panic", lambda node: True),
)
"""Tags, and which of them, in the order in which they get their places."""
