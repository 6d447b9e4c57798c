"""What libvirt's XML means: identities, order, units. Tables only.

Paths are tuples of tags below the root, e.g. ("devices", "disk").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from kvmspec.canon import identities
from kvmspec.canon.units import to_bytes

Tags = tuple[str, ...]

OSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}"
"""Before the names of elements by which virt-manager and others know the guest's system."""
QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
"""Before the names of elements that are said to QEMU past libvirt."""


class Node(Protocol):
    """What ElementTree's and lxml's elements have in common, as far as canon needs it."""

    tag: str
    text: str | None

    def get(self, key: str, default: str | None = None, /) -> str | None: ...
    def find(self, path: str, /) -> Node | None: ...


Identity = Callable[[Node], str | None]
"""The key of one of several like elements; None where it has none (it is then known by position)."""


class Shape(NamedTuple):
    """keyed: repeated elements known by an identity. ordered: lists whose order has a meaning.
    sizes: elements whose text is an amount with a `unit`. opaque: never looked into, but for what is `seen`.
    macs: attributes compared without case, as (path, attribute)."""

    keyed: Mapping[Tags, Identity]
    ordered: frozenset[Tags] = frozenset()
    sizes: frozenset[Tags] = frozenset()
    opaque: frozenset[Tags] = frozenset()
    seen: frozenset[Tags] = frozenset()
    macs: frozenset[tuple[Tags, str]] = frozenset()


def attribute(name: str) -> Identity:
    """Known by one of its attributes."""
    return lambda node: node.get(name)


def child(path: str, name: str) -> Identity:
    """Known by an attribute of a descendant."""

    def identity(node: Node) -> str | None:
        found = node.find(path)
        return found.get(name) if found is not None else None

    return identity


def text_of(path: str) -> Identity:
    """Known by the text of a descendant."""

    def identity(node: Node) -> str | None:
        found = node.find(path)
        return (found.text or "").strip() or None if found is not None else None

    return identity


def joined(*identities: Identity) -> Identity:
    """Known by several things together; a missing one is left empty."""
    return lambda node: "/".join(identity(node) or "" for identity in identities)


def lowered(identity: Identity) -> Identity:
    """Known without regard to case."""
    return lambda node: (identity(node) or "").lower() or None


def _first(names: Iterable[str]) -> Identity:
    return lambda node: next((node.get(name) for name in names if node.get(name)), None)


def _memory_device(node: Node) -> str:
    """By what it is: its size, the guest's node, and its model unless it is a DIMM."""
    size, on = node.find("target/size"), node.find("target/node")
    amount = to_bytes((size.text or "0").strip(), size.get("unit") or "KiB") if size is not None else 0
    name = f"{amount // 2**20}MiB/{((on.text if on is not None else None) or '0').strip()}"
    return name if node.get("model") == "dimm" else f"{node.get('model')}/{name}"


def positional(node: Node) -> None:
    """Known by position alone."""


DOMAIN = Shape(
    keyed={
        ("devices", "disk"): child("target", "dev"),
        ("devices", "disk", "source", "cookies", "cookie"): attribute("name"),
        ("devices", "interface"): lowered(child("mac", "address")),
        # libvirt fills in models, so a controller is known by type and index only
        ("devices", "controller"): joined(
            attribute("type"), attribute("index"), child("master", "startport")
        ),
        ("devices", "channel"): identities.channel,
        ("devices", "serial"): positional,
        ("devices", "console"): child("target", "type"),
        ("devices", "parallel"): positional,
        ("devices", "graphics"): attribute("type"),
        ("devices", "video"): positional,
        ("devices", "rng"): identities.rng,
        ("devices", "input"): identities.input_device,
        ("devices", "hostdev"): identities.hostdev,
        ("devices", "filesystem"): child("target", "dir"),
        ("devices", "redirdev"): identities.end,
        ("devices", "hub"): positional,
        ("devices", "crypto"): positional,
        ("devices", "lease"): identities.lease,
        ("devices", "graphics", "channel"): attribute("name"),
        ("devices", "shmem"): attribute("name"),
        ("devices", "memory"): _memory_device,
        ("devices", "sound"): attribute("model"),
        ("devices", "audio"): attribute("id"),
        ("devices", "watchdog"): attribute("model"),
        ("devices", "tpm"): positional,
        ("devices", "panic"): attribute("model"),
        ("devices", "smartcard"): positional,
        ("devices", "vsock"): positional,
        ("devices", "iommu"): positional,
        ("seclabel",): attribute("model"),
        ("keywrap", "cipher"): attribute("name"),
        ("perf", "event"): attribute("name"),
        (QEMU + "commandline", QEMU + "env"): attribute("name"),
        (QEMU + "capabilities", QEMU + "add"): attribute("capability"),
        (QEMU + "capabilities", QEMU + "del"): attribute("capability"),
        (QEMU + "override", QEMU + "device"): attribute("alias"),
        (QEMU + "override", QEMU + "device", QEMU + "frontend", QEMU + "property"): attribute("name"),
        ("os", "firmware", "feature"): attribute("name"),
        ("sysinfo",): attribute("type"),
        ("sysinfo", "entry"): attribute("name"),
        ("sysinfo", "bios", "entry"): attribute("name"),
        ("sysinfo", "system", "entry"): attribute("name"),
        ("sysinfo", "baseBoard", "entry"): attribute("name"),
        ("sysinfo", "chassis", "entry"): attribute("name"),
        ("clock", "timer"): attribute("name"),
        ("cpu", "feature"): attribute("name"),
        ("cpu", "numa", "cell"): attribute("id"),
        ("cpu", "numa", "cell", "distances", "sibling"): attribute("id"),
        ("cpu", "numa", "cell", "cache"): attribute("level"),
        ("numatune", "memnode"): attribute("cellid"),
        ("blkiotune", "device"): text_of("path"),
        ("cputune", "vcpupin"): attribute("vcpu"),
        ("cputune", "iothreadpin"): attribute("iothread"),
        ("cputune", "vcpusched"): attribute("vcpus"),
        ("cputune", "iothreadsched"): attribute("iothreads"),
        ("cputune", "cachetune"): attribute("vcpus"),
        ("cputune", "memorytune"): attribute("vcpus"),
        ("vcpus", "vcpu"): attribute("id"),
        ("iothreadids", "iothread"): attribute("id"),
    },
    ordered=frozenset(
        {("devices", "disk", "source", "host"), ("devices", "disk", "source", "seclabel")}
        | {("memoryBacking", "hugepages", "page"), ("cputune", "memorytune", "node")}
        | {("cputune", "cachetune", name) for name in ("cache", "monitor")}
        | {("cpu", "numa", "interconnects", name) for name in ("latency", "bandwidth")}
        | {("os", "boot"), ("os", "initarg"), ("sysinfo", "oemStrings", "entry")}
        | {("os", "nvram", "source", "host")}
        | {("idmap", "uid"), ("idmap", "gid"), (QEMU + "commandline", QEMU + "arg")}
        | {("devices", "interface", "vlan", "tag"), ("devices", "interface", "filterref", "parameter")}
        | {("devices", "sound", "codec"), ("devices", "redirfilter", "usbdev")}
        | {("devices", "smartcard", "certificate")}
        | {("devices", "interface", tag) for tag in ("ip", "portForward")}
        | {("devices", "interface", "portForward", "range")}
        | {("devices", "interface", "source", tag) for tag in ("ip", "route")}
        | {("devices", tag, "source") for tag in ("serial", "parallel", "console", "channel")}
    ),
    sizes=frozenset(
        {("memory",), ("currentMemory",), ("maxMemory",), ("devices", "memory", "target", "label", "size")}
        | {("devices", "memory", "target", name) for name in ("size", "block", "requested", "current")}
        | {("devices", "memory", "source", name) for name in ("pagesize", "alignsize")}
        | {("memtune", limit) for limit in ("hard_limit", "soft_limit", "swap_hard_limit")}
        | {("devices", "disk", "driver", "metadata_cache", "max_size")}
        | {("devices", "controller", "pcihole64")}
        | {("devices", "shmem", "size"), ("features", "smm", "tseg"), ("features", "tcg", "tb-cache")}
    ),
    opaque=frozenset({("metadata",)}),
    seen=frozenset({("metadata", OSINFO + "libosinfo")}),
    macs=frozenset({(("devices", "interface", "mac"), "address")}),
)

DNSMASQ = "{http://libvirt.org/schemas/network/dnsmasq/1.0}"
"""The namespace of a network's options for dnsmasq."""

NETWORK = Shape(
    keyed={
        ("ip",): joined(attribute("family"), attribute("address")),
        ("ip", "dhcp", "range"): joined(attribute("start"), attribute("end")),
        ("ip", "dhcp", "host"): lowered(_first(("mac", "id", "name", "ip"))),
        ("dns", "host"): attribute("ip"),
        ("dns", "txt"): attribute("name"),
        ("dns", "srv"): joined(
            attribute("service"), attribute("protocol"), attribute("domain"), attribute("target")
        ),
        ("dns", "forwarder"): joined(attribute("domain"), attribute("addr")),
        ("portgroup",): attribute("name"),
        ("route",): joined(attribute("address"), attribute("prefix")),
        ("forward", "interface"): attribute("dev"),
        ("forward", "address"): identities.pci,
    },
    ordered=frozenset({("dns", "host", "hostname"), (f"{DNSMASQ}options", f"{DNSMASQ}option")}),
    opaque=frozenset({("metadata",)}),
    macs=frozenset({(("ip", "dhcp", "host"), "mac"), (("mac",), "address")}),
)

FS = "{http://libvirt.org/schemas/storagepool/fs/1.0}"
RBD = "{http://libvirt.org/schemas/storagepool/rbd/1.0}"
"""Namespaces of a pool's own options."""

POOL = Shape(
    keyed={
        ("source", "host"): joined(attribute("name"), attribute("port")),
        ("source", "device"): attribute("path"),
        (f"{FS}mount_opts", f"{FS}option"): attribute("name"),
        (f"{RBD}config_opts", f"{RBD}option"): attribute("name"),
    },
    sizes=frozenset({("capacity",), ("allocation",), ("available",)}),
)

VOLUME = Shape(
    keyed={},
    sizes=frozenset({("capacity",), ("allocation",), ("physical",)}),
)

SHAPES: Mapping[str, Shape] = {"domain": DOMAIN, "network": NETWORK, "pool": POOL, "volume": VOLUME}
