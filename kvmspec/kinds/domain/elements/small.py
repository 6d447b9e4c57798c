"""Tables of devices of which there is little to say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from kvmspec.kinds.domain.elements.ends import ended
from kvmspec.kinds.domain.elements.part import (
    AMOUNT,
    BYTES,
    NUMBER,
    ON,
    THERE,
    VIRTIO,
    YES,
    Part,
    Table,
    below,
    element,
    filled,
    words,
)

if TYPE_CHECKING:
    from kvmspec.kinds.domain.fixed_spec import BalloonSpec, VsockSpec
    from kvmspec.kinds.domain.folders_spec import FilesystemSpec
    from kvmspec.kinds.domain.plugged_spec import InputSpec, RngSpec
    from kvmspec.kinds.domain.rare_spec import CryptoSpec
    from kvmspec.kinds.domain.tpm_spec import TpmSpec
    from kvmspec.kinds.domain.usb_spec import RedirdevSpec, SmartcardSpec, UsbRuleSpec

RNG: Table = (
    Part("@model", "model", usual="virtio", quiet=True),
    *VIRTIO,
    Part("rate/@bytes", "rate.bytes", BYTES, quiet=True),
    Part("rate/@period", "rate.period", NUMBER, quiet=True),
)
INPUT: Table = (
    Part("@type", "type", quiet=True),
    Part("@model", "model"),
    *VIRTIO,
    Part("source/@grab", "grab"),
    Part("source/@grabToggle", "grab_toggle"),
    Part("source/@repeat", "repeat", ON),
)
WATCHDOG: Table = (
    Part("@model", "model", quiet=True),
    Part("@action", "action", usual="reset"),
)
PANIC: Table = (Part("@model", "model", quiet=True),)
VSOCK: Table = (Part("@model", "model", usual="virtio"), *VIRTIO)
BALLOON: Table = (
    Part("@model", "model", usual="virtio", stays=True),
    Part("@autodeflate", "autodeflate", ON),
    Part("@freePageReporting", "free_page_reporting", ON),
    *VIRTIO,
)
SHMEM: Table = (
    Part("@name", "name", quiet=True),
    Part("@role", "role"),
    Part("model/@type", "model", usual="ivshmem-plain", stays=True),
    Part("size/#", "size", AMOUNT, quiet=True),
    Part("server/@path", "path"),
    Part("msi/@vectors", "vectors", NUMBER),
    Part("msi/@ioeventfd", "ioeventfd", ON),
)
IOMMU: Table = (
    Part("@model", "model", stays=True),
    Part("driver/@intremap", "intremap", ON),
    Part("driver/@caching_mode", "caching_mode", ON),
    Part("driver/@eim", "eim", ON),
    Part("driver/@iotlb", "iotlb", ON),
    Part("driver/@aw_bits", "aw_bits", NUMBER),
)
TPM: Table = (
    Part("@model", "model"),
    Part("backend/@persistent_state", "persistent_state", YES),
    Part("backend/encryption/@secret", "encryption"),
)
FOLDER: Table = (
    Part("@model", "model"),
    Part("@accessmode", "accessmode"),
    Part("@multidevs", "multidevs"),
    Part("@fmode", "fmode"),
    Part("@dmode", "dmode"),
    Part("driver/@queue", "queue", NUMBER),
    *VIRTIO,
    Part("binary/@path", "daemon.path"),
    Part("binary/@xattr", "daemon.xattr", ON),
    Part("binary/cache/@mode", "daemon.cache"),
    Part("binary/sandbox/@mode", "daemon.sandbox"),
    Part("binary/lock/@posix", "daemon.posix_locks", ON),
    Part("binary/lock/@flock", "daemon.flock", ON),
    Part("binary/thread_pool/@size", "daemon.threads", NUMBER),
    Part("source/@dir", "source", stays=True),
    Part("source/@socket", "socket", stays=True),
    Part("target/@dir", "target", quiet=True),
    Part("readonly", "readonly", THERE),
    Part("boot/@order", "boot_order", NUMBER),
)
SMARTCARD: Table = (
    Part(
        "@mode",
        "mode",
        words(
            host="host", spicevmc="passthrough", passthrough="passthrough", certificates="host-certificates"
        ),
    ),
    Part("database/#", "database"),
)
USB_RULE: Table = (
    Part("@class", "class_"),
    Part("@vendor", "vendor"),
    Part("@product", "product"),
    Part("@version", "version"),
    Part("@allow", "allow", YES),
)
CRYPTO: Table = (
    Part("backend/@model", "backend"),
    Part("backend/@queues", "queues", NUMBER),
    *VIRTIO,
)
LEASE: Table = (
    Part("lockspace/#", "lockspace", quiet=True),
    Part("key/#", "key", quiet=True),
    Part("target/@path", "path", stays=True),
    Part("target/@offset", "offset", NUMBER),
)


def rng(spec: RngSpec) -> ET.Element:
    """A random number generator."""
    node = element("rng", spec, RNG)
    if spec.egd is not None:
        ended(below(node, "backend", model="egd"), spec.egd)
    elif spec.source == "builtin":
        below(node, "backend", model="builtin")
    else:
        below(node, "backend", model="random").text = spec.source
    return node


def input_(spec: InputSpec) -> ET.Element:
    """An input device."""
    bus = {} if spec.on_bus is None else {"bus": spec.on_bus}
    node = element("input", spec, INPUT)
    node.attrib.update(bus)
    if spec.source is not None:
        below(node, "source").set("evdev" if spec.type == "passthrough" else "dev", spec.source)
    return node


def vsock(spec: VsockSpec) -> ET.Element:
    """A socket between guest and host."""
    node = element("vsock", spec, VSOCK)
    if spec.cid == "auto":
        below(node, "cid", auto="yes")
    else:
        below(node, "cid", auto="no", address=str(spec.cid))
    return node


def balloon(spec: BalloonSpec | None, period: int | None, new: bool) -> ET.Element:
    """The memory balloon; `period` is `memory.stats_period`."""
    node = filled(
        ET.Element("memballoon", model="virtio") if new else ET.Element("memballoon"), spec, BALLOON
    )
    if period:
        below(node, "stats", period=str(period))
    return node


def tpm(spec: TpmSpec) -> ET.Element:
    """A TPM."""
    node = ET.Element("tpm")
    backend = below(
        node, "backend", type="emulator" if spec.emulated else "passthrough" if spec.path else "external"
    )
    if spec.path is not None:
        below(backend, "device", path=spec.path)
    elif spec.socket is not None:
        below(backend, "source", type="unix", mode="connect", path=spec.socket)
    else:
        backend.set("version", spec.version or "2.0")
    for bank in spec.pcr_banks or ():
        below(backend, f"active_pcr_banks/{bank}")
    return filled(node, spec, TPM)


def folder(spec: FilesystemSpec) -> ET.Element:
    """A folder of the host. libvirt takes one without a driver for one by 9p, and writes none down."""
    node = ET.Element("filesystem", type="mount")
    if spec.driver == "virtiofs":
        node.set("accessmode", "passthrough")
        below(node, "driver", type="virtiofs")
    return filled(node, spec, FOLDER)


def smartcard(spec: SmartcardSpec) -> ET.Element:
    """A smartcard reader."""
    node = element("smartcard", spec, SMARTCARD)
    for name in spec.certificates or ():
        ET.SubElement(node, "certificate").text = name
    node[:] = sorted(node, key=lambda child: child.tag)  # the schema wants the certificates first
    if spec.mode == "spicevmc":
        node.set("type", "spicevmc")
    return node if spec.end is None else ended(node, spec.end)


def redirdev(spec: RedirdevSpec) -> ET.Element:
    """A place for a USB device that is lent."""
    node = ended(ET.Element("redirdev", bus="usb"), spec)
    if spec.boot_order is not None:
        below(node, "boot", order=str(spec.boot_order))
    return node


def redirfilter(rules: tuple[UsbRuleSpec, ...]) -> ET.Element:
    """Which devices may be lent."""
    node = ET.Element("redirfilter")
    node.extend(element("usbdev", rule, USB_RULE) for rule in rules)
    return node


def crypto(spec: CryptoSpec) -> ET.Element:
    """A device that ciphers."""
    return element("crypto", spec, CRYPTO, model="virtio", type="qemu")
