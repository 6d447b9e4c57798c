"""How devices are known that libvirt gives no name: by what they are.

A device of other content is another device: one goes, the other comes. The texts are read by people, too, as
the last part of a field's path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kvmspec.canon.shape import Node


def rng(node: Node) -> str | None:
    """`virtio:/dev/urandom`, with its rate where it has one: `virtio:builtin@1024/2000`.

    A backend of another kind (`egd`) is known by its kind.
    """
    backend, rate = node.find("backend"), node.find("rate")
    if backend is None:
        return None
    source = (backend.text or "").strip() if backend.get("model") == "random" else ""
    name = f"{node.get('model') or ''}:{source or backend.get('model')}"
    if rate is None:
        return name
    return f"{name}@{rate.get('bytes')}/{rate.get('period') or 1000}"


def input_device(node: Node) -> str:
    """`tablet/usb`; with a device of the host `passthrough/virtio:/dev/input/event3`."""
    name, source = f"{node.get('type') or ''}/{node.get('bus') or ''}", node.find("source")
    path = source is not None and (source.get("evdev") or source.get("dev"))
    return f"{name}:{path}" if path else name


def end(node: Node) -> str:
    """Where a character device ends on the host: `spicevmc`, `unix:/run/usb.sock`, `tcp:127.0.0.1:4000`."""
    source = node.find("source")
    parts = [source.get(name) for name in ("path", "host", "service")] if source is not None else []
    return ":".join([node.get("type") or "", *(part for part in parts if part)])


def lease(node: Node) -> str:
    """`shop/web`: its lockspace and its key."""
    parts = (node.find(tag) for tag in ("lockspace", "key"))
    return "/".join((part.text or "").strip() if part is not None else "" for part in parts)


def hostdev(node: Node) -> str | None:
    """`pci:0000:41:00.0`, `usb:1d6b:0002`, `usb:1-3` (bus and device), `mdev:<uuid>`, `scsi:2:0:0:1`,
    `iscsi:iqn.1992-01.com.example/1`, `scsi_host:naa.5123456789abcde0`.

    A USB device that is stated by its vendor and product has an address as well in the active XML.
    """
    kind, address = node.get("type") or "", node.find("source/address")
    vendor, product = node.find("source/vendor"), node.find("source/product")
    if kind == "usb" and vendor is not None and product is not None:
        return f"usb:{_hex(vendor, 'id', 4)}:{_hex(product, 'id', 4)}"
    source = node.find("source")
    if source is not None and source.get("protocol") in _BY_NAME:
        kind, name = _BY_NAME[source.get("protocol") or ""]
        return f"{kind}:{source.get(name)}"
    if address is None:
        return None
    match kind:
        case "pci":
            place = f"{_hex(address, 'domain', 4)}:{_hex(address, 'bus', 2)}:{_hex(address, 'slot', 2)}"
            return f"pci:{place}.{_hex(address, 'function', 1)}"
        case "usb":
            return f"usb:{address.get('bus')}-{address.get('device')}"
        case "mdev":
            return f"mdev:{address.get('uuid')}"
        case "scsi":
            adapter = node.find("source/adapter")
            host = (adapter.get("name") or "").removeprefix("scsi_host") if adapter is not None else ""
            return f"scsi:{host}:{address.get('bus')}:{address.get('target')}:{address.get('unit')}"
    return None


_BY_NAME = {"iscsi": ("iscsi", "name"), "vhost": ("scsi_host", "wwpn")}
"""protocol of a SCSI device's source → what it is called here, and the attribute that names it"""


def data_of(source: Mapping[str, Any]) -> str | None:
    """What the data of a disk is known by, of its canonical <source>: a path, `rbd:pool/image`,
    `pool/volume`, `nvme:0000:01:00.0/1`; None where it has none."""
    if path := source.get("@file") or source.get("@dev") or source.get("@dir"):
        return str(path)
    if "@protocol" in source:
        return f"{source['@protocol']}:{source.get('@name', '')}"
    if "@pool" in source:
        return f"{source['@pool']}/{source.get('@volume')}"
    if "@namespace" in source:
        place = source.get("address") or {}
        domain, bus, slot, function = (int(place.get(f"@{part}", "0"), 0) for part in _PCI)
        return f"nvme:{domain:04x}:{bus:02x}:{slot:02x}.{function:x}/{source['@namespace']}"
    return source.get("@path")


_PCI = ("domain", "bus", "slot", "function")


def pci(node: Node) -> str:
    """`0000:41:00.0`, of an <address>."""
    place = ":".join(_hex(node, name, size) for name, size in (("domain", 4), ("bus", 2), ("slot", 2)))
    return f"{place}.{_hex(node, 'function', 1)}"


def _hex(node: Node, name: str, digits: int) -> str:
    """`0x41` as `41`. libvirt writes numbers as hexadecimal here, and takes others."""
    return f"{int(node.get(name) or '0', 0):0{digits}x}"


def channel(node: Node) -> str:
    """`unix/org.example.0`; of one that is forwarded `unix/10.0.2.1:4600`."""
    target = node.find("target")
    name = None if target is None else target.get("name") or _forwarded(target)
    return f"{node.get('type') or ''}/{name or ''}"


def _forwarded(target: Node) -> str:
    return ":".join(filter(None, (target.get("address"), target.get("port"))))
