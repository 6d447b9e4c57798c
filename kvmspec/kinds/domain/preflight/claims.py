"""What a domain asks of its host, each with the field of the manifest that says so."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import NamedTuple, cast

from kvmspec.canon.identities import hostdev
from kvmspec.canon.shape import Node
from kvmspec.canon.units import to_bytes
from kvmspec.kinds.records import Record


class Claim(NamedTuple):
    """`what` is one of the names in these modules' tables, `field` as a plan shows it: `disks.root.bus`."""

    what: str
    value: str
    field: str


class Wanted(NamedTuple):
    """A domain as it is to be defined."""

    emulator: str
    arch: str
    machine: str
    virt: str
    memory: int
    claims: tuple[Claim, ...]

    @property
    def model(self) -> tuple[str, str, str, str]:
        """What its capabilities depend on."""
        return self.emulator, self.arch, self.machine, self.virt


_ALONE = (
    ("cpu", "@mode", "cpu.mode", "cpus.mode"),
    ("memoryBacking/source", "@type", "memory.source", "memory"),
    ("launchSecurity", "@type", "security", "launch_security"),
    ("os", "@firmware", "firmware", "firmware"),
    ("os/kernel", "#", "file", "boot.kernel"),
    ("os/initrd", "#", "file", "boot.initrd"),
    ("os/dtb", "#", "file", "boot.dtb"),
    ("os/loader", "#", "file", "firmware"),
    ("memoryBacking/hugepages/page", "@size", "pages", "memory.hugepages"),
)
"""path, attribute or text, what is claimed, the field."""

_DEVICES = (
    ("graphics", "@type", "graphics.type", "graphics"),
    ("video/model", "@type", "video.model", "video"),
    ("rng", "@model", "rng.model", "devices.rng"),
    ("rng/backend", "@model", "rng.backend", "devices.rng"),
    ("filesystem/driver", "@type", "filesystem.driver", "filesystems"),
    ("tpm", "@model", "tpm.model", "tpm.model"),
    ("tpm/backend", "@type", "tpm.backend", "tpm"),
    ("tpm/backend", "@version", "tpm.version", "tpm.version"),
    ("redirdev", "@bus", "redirdev.bus", "devices"),
)


def read(root: ET.Element, record: Record | None) -> Wanted:
    """What the definition asks for; the record tells the keys of disks and NICs."""
    kind, memory = root.find("os/type"), root.find("memory")
    size = 0 if memory is None else to_bytes((memory.text or "0").strip(), memory.get("unit", "KiB"))
    return Wanted(
        (root.findtext("devices/emulator") or "").strip(),
        "" if kind is None else kind.get("arch", ""),
        "" if kind is None else kind.get("machine", ""),
        root.get("type", ""),
        size,
        tuple(_claims(root, record)),
    )


def _claims(root: ET.Element, record: Record | None) -> Iterator[Claim]:
    yield from _listed(root, _ALONE)
    if root.find("cpu[@mode='custom']/model") is not None:
        yield Claim("cpu.model", (root.findtext("cpu/model") or "").strip(), "cpus.model")
    if vcpus := (root.findtext("vcpu") or "").strip():
        yield Claim("vcpus", vcpus, "cpus")
    devices = root.find("devices")
    if devices is not None:
        yield from _listed(devices, _DEVICES)
        yield from device_claims(devices, record)


def _listed(root: ET.Element, table: tuple[tuple[str, str, str, str], ...]) -> Iterator[Claim]:
    for path, part, what, field in table:
        for node in root.iterfind(path):
            value = (node.text or "").strip() if part == "#" else node.get(part[1:])
            if value:
                unit = node.get("unit", "KiB") if what == "pages" else ""
                yield Claim(what, str(to_bytes(value, unit)) if unit else value, field)


def device_claims(devices: ET.Element, record: Record | None) -> Iterator[Claim]:
    """What disks, NICs, displays and devices of the host ask for."""
    targets = {target: key for key, target in record.keys.disks.items()} if record else {}
    macs = {mac: key for key, mac in record.keys.networks.items()} if record else {}
    for disk in devices.iterfind("disk"):
        yield from _disk(disk, targets)
    for nic in devices.iterfind("interface"):
        yield from _nic(nic, macs)
    for graphics in devices.iterfind("graphics"):
        for name in ("port", "tlsPort"):
            if graphics.get("autoport") != "yes" and int(graphics.get(name) or -1) > 0:
                yield Claim("port", str(graphics.get(name)), f"graphics.{graphics.get('type')}.port")
    for device in devices.iterfind("hostdev[@type='pci']"):
        if place := hostdev(cast(Node, device)):
            yield Claim("pci", place.removeprefix("pci:"), "devices.hostdevs")


def _disk(disk: ET.Element, targets: dict[str, str]) -> Iterator[Claim]:
    target, source, driver = disk.find("target"), disk.find("source"), disk.find("driver")
    name = "" if target is None else target.get("dev", "")
    field = f"disks.{targets[name]}" if name in targets else "disks"
    yield Claim("disk.device", disk.get("device", "disk"), field)
    if target is not None and target.get("bus") and target.get("bus") != "sd":
        yield Claim("disk.bus", target.get("bus", ""), f"{field}.bus")
    if disk.get("model"):
        yield Claim("disk.model", disk.get("model", ""), f"{field}.model")
    if driver is not None and driver.get("iothread"):
        yield Claim("iothreads", "yes", f"{field}.iothread")
    if source is not None and source.get("startupPolicy") is None:
        path = source.get("file") or source.get("dev")
        if path and disk.get("type") in ("file", "block"):
            yield Claim("file", path, field)


def _nic(nic: ET.Element, macs: dict[str, str]) -> Iterator[Claim]:
    mac, source = nic.find("mac"), nic.find("source")
    address = "" if mac is None else mac.get("address", "").lower()
    field = f"networks.{macs[address]}" if address in macs else "networks"
    if address:
        yield Claim("mac", address, field)
    if source is not None and nic.get("type") == "bridge" and source.get("bridge"):
        yield Claim("bridge", source.get("bridge", ""), field)
    if source is not None and nic.get("type") == "direct" and source.get("dev"):
        yield Claim("interface", source.get("dev", ""), field)
