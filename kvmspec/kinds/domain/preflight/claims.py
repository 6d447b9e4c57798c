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
    """`what` is one of the names in these modules' tables, `field` as a plan shows it: `disks.root.bus`;
    `at` is what the claim is limited to: the NUMA nodes of huge pages, a model's
    `fallback`."""

    what: str
    value: str
    field: str
    at: str = ""


class Wanted(NamedTuple):
    """A domain as it is to be defined.

    cpu     its <cpu> as a question to the host, where libvirt would not start it on another: "" where it
            would not ask
    shared  whether its memory is a file or the like, which may be larger than the host's memory
    """

    emulator: str
    arch: str
    machine: str
    virt: str
    memory: int
    claims: tuple[Claim, ...]
    cpu: str = ""
    shared: bool = False

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
    ("rng/backend[@model='random']", "#", "file", "devices.rng"),
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
        _question(root.find("cpu")),
        _is_shared(root),
    )


def _question(cpu: ET.Element | None) -> str:
    """`check='none'` starts on any processor; `mode` and what QEMU makes up are not the host's."""
    if cpu is None or cpu.get("mode", "custom") != "custom" or cpu.get("check") == "none":
        return ""
    if cpu.find("model") is None:
        return ""
    asked = ET.Element("cpu", match=cpu.get("match", "exact"))
    asked.extend(part for part in cpu if part.tag in ("model", "feature"))
    return ET.tostring(asked, encoding="unicode")


def _is_shared(root: ET.Element) -> bool:
    source = root.find("memoryBacking/source")
    return root.find("memoryBacking/hugepages") is not None or (
        source is not None and source.get("type") in ("file", "memfd")
    )


def _claims(root: ET.Element, record: Record | None) -> Iterator[Claim]:
    yield from _listed(root, _ALONE)
    if (model := root.find("cpu[@mode='custom']/model")) is not None:
        yield Claim("cpu.model", (model.text or "").strip(), "cpus.model", model.get("fallback", ""))
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
                value = str(to_bytes(value, unit)) if unit else value
                yield Claim(what, value, field, node.get("nodeset", "") if unit else "")


def device_claims(devices: ET.Element, record: Record | None) -> Iterator[Claim]:
    """What disks, NICs, displays and devices of the host ask for."""
    targets = {target: key for key, target in record.keys.disks.items()} if record else {}
    macs = {mac: key for key, mac in record.keys.networks.items()} if record else {}
    for disk in devices.iterfind("disk"):
        yield from _disk(disk, targets)
    for nic in devices.iterfind("interface"):
        yield from _nic(nic, macs)
    for graphics in devices.iterfind("graphics"):
        yield from _display(graphics)
    for device in devices.iterfind("hostdev[@type='pci']"):
        if place := hostdev(cast(Node, device)):
            place = place.removeprefix("pci:")
            yield Claim("pci", place, f"devices.hostdevs.{place}")
    for folder in devices.iterfind("filesystem"):
        source = folder.find("source")
        if source is not None and source.get("dir"):
            path = source.get("dir", "")
            yield Claim("file", path, f"filesystems.{path}")


def _display(graphics: ET.Element) -> Iterator[Claim]:
    """Its ports. libvirt 9.0 takes a port once a host, whatever addresses it listens on, and none for a
    display that listens on a socket or nowhere."""
    if any(each.get("type") in ("socket", "none") for each in graphics.iterfind("listen")):
        return
    kind, drawn = graphics.get("type"), graphics.get("autoport") == "yes"
    for name, field in (("port", "port"), ("tlsPort", "tls_port"), ("websocket", "websocket")):
        number = int(graphics.get(name) or -1)
        if number > 0 and (name == "websocket" or not drawn):
            yield Claim("port", str(number), f"graphics.{kind}.{field}")


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
            yield Claim("file", path, f"{field}.path")


def _nic(nic: ET.Element, macs: dict[str, str]) -> Iterator[Claim]:
    """Bridges of Open vSwitch are not asked for: they need not be interfaces of the host."""
    mac, source = nic.find("mac"), nic.find("source")
    address = "" if mac is None else mac.get("address", "").lower()
    field = f"networks.{macs[address]}" if address in macs else "networks"
    if address:
        yield Claim("mac", address, f"{field}.mac")
    if source is None:
        return
    if nic.get("type") == "bridge" and source.get("bridge") and nic.find("virtualport") is None:
        yield Claim("bridge", source.get("bridge", ""), f"{field}.bridge")
    if nic.get("type") == "direct" and source.get("dev"):
        yield Claim("interface", source.get("dev", ""), f"{field}.macvtap")
