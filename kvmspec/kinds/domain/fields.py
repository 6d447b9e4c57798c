"""The field table: manifest path ↔ canonical path ↔ what a change costs a running guest, and why.

First match wins; the last row is `anything else → restart`. Users only ever see manifest paths.
Facts: https://libvirt.org/formatdomain.html and measurements on libvirt 9.0 with QEMU 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kvmspec.core.impact import Impact
from kvmspec.kinds import seeds
from kvmspec.kinds.records import KeyMap
from kvmspec.manifest.types import format_size

Path = tuple[str, ...]
ANY = "*"


@dataclass(frozen=True, slots=True)
class Guest:
    """What the impact of a change depends on: the running guest, in canonical data."""

    active: Mapping[str, Any] = field(default_factory=dict)

    @property
    def max_vcpus(self) -> int:
        return int(self.active.get("vcpu", {}).get("#", 0))

    @property
    def vcpus(self) -> int:
        return int(self.active.get("vcpu", {}).get("@current", 0))

    @property
    def max_memory(self) -> int:
        return int(self.active.get("memory", {}).get("#", 0))

    @property
    def memory(self) -> int:
        return int(self.active.get("currentMemory", {}).get("#", 0))

    @property
    def has_balloon(self) -> bool:
        balloon = self.active.get("devices", {}).get("memballoon", {})
        return isinstance(balloon, dict) and balloon.get("@model") not in (None, "none")


class Verdict(NamedTuple):
    """What a change costs a running guest, why, and what could be stated instead of a restart."""

    impact: Impact
    reason: str
    avoid: str = ""


Rule = Callable[[Any, Any, Guest], Verdict]


def live(reason: str = "") -> Rule:
    """Always possible while the guest runs."""
    return lambda before, after, guest: Verdict(Impact.LIVE, reason)


def restart(reason: str) -> Rule:
    """Only a guest that starts anew sees it."""
    return lambda before, after, guest: Verdict(Impact.RESTART, reason)


def replace(reason: str) -> Rule:
    """What the guest knows goes, another thing takes its place."""
    return lambda before, after, guest: Verdict(Impact.REPLACE, reason)


def vcpus(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainSetVcpusFlags: up to the maximum; a vCPU the guest booted with is not unplugged."""
    if int(after) > guest.max_vcpus:
        avoid = f"cpus.count up to {guest.max_vcpus} goes live" if guest.vcpus < guest.max_vcpus else ""
        return Verdict(Impact.RESTART, f"the guest booted with at most {guest.max_vcpus}", avoid)
    if int(after) < guest.vcpus:
        return Verdict(Impact.RESTART, "a vCPU is taken away at the next boot only")
    return Verdict(Impact.LIVE, f"max {guest.max_vcpus}")


def memory(before: Any, after: Any, guest: Guest) -> Verdict:
    """virDomainSetMemoryFlags moves the balloon, up to the maximum memory."""
    if not guest.has_balloon:
        return Verdict(Impact.RESTART, "the VM has no memory balloon")
    most, now = format_size(guest.max_memory), int(before or guest.memory)
    if int(after) > guest.max_memory:
        avoid = f"memory.size up to {most} goes live" if now < guest.max_memory else ""
        return Verdict(Impact.RESTART, f"the guest booted with at most {most}", avoid)
    return Verdict(Impact.LIVE, f"max {most}")


def machine(before: Any, after: Any, guest: Guest) -> Verdict:
    """Another family has other buses: the guest's interfaces get new names."""
    if before and after and family(str(before)) != family(str(after)):
        return Verdict(
            Impact.REPLACE,
            "another machine family: every PCI address changes, and with it the guest's names",
        )
    return Verdict(Impact.RESTART, "the machine type is fixed at boot")


def family(machine_type: str) -> str:
    """`pc-q35-7.2` and `q35` → `q35`; `pc-i440fx-7.2` and `pc` → `pc`."""
    if "q35" in machine_type:
        return "q35"
    if machine_type == "pc" or machine_type.startswith("pc-"):
        return "pc"
    return machine_type.partition("-")[0]


def same_machine(stated: str, live_type: str) -> bool:
    """An alias equals any version of its family (libvirt writes the version it chose)."""
    return stated == live_type or (stated in ("q35", "pc", "virt", "microvm") and family(live_type) == stated)


def size(value: Any) -> Any:
    return format_size(int(value)) if value is not None else None


def number(value: Any) -> Any:
    return int(value) if value is not None else None


def present(value: Any) -> Any:
    return True if value is not None else None


def accel(value: Any) -> Any:
    return {"kvm": "kvm", "qemu": "tcg"}.get(value, value)


def boot_devices(value: Any) -> Any:
    names = {"hd": "disk"}
    listed = value if isinstance(value, list) else [value] if value else []
    return [names.get(entry["@dev"], entry["@dev"]) for entry in listed] or None


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `{key}` in the manifest path is what `*` in the canonical path stands for.

    removable  no longer stated, it goes back to libvirt's default; else the VM keeps what it has
    """

    manifest: str
    canonical: Path
    rule: Rule
    show: Callable[[Any], Any] = lambda value: value
    removable: bool = False
    sensitive: bool = False


AT_BOOT = "this version plugs devices in and out at boot only"
SWAP = replace("another disk takes its place; the old one stays as it is")
CLOUD_INIT = "cloud_init"
SEED = restart("cloud-init reads its seed when the guest boots")
MEDIUM = restart("this version changes a CD at boot only")
DISK, NIC = ("devices", "disk", ANY), ("devices", "interface", ANY)
GRAPHICS = ("devices", "graphics", ANY)

FIELDS: tuple[Field, ...] = (
    Field("title", ("title",), live(), removable=True),
    Field("description", ("description",), live(), removable=True),
    Field("autostart", ("autostart",), live(), removable=True),
    Field("cpus.count", ("vcpu", "@current"), vcpus, number),
    Field("cpus.max", ("vcpu", "#"), restart("the maximum is fixed at boot"), number),
    Field("cpus.mode", ("cpu",), restart("the CPU model is fixed at boot"), removable=True),
    Field("memory.size", ("currentMemory",), memory, size),
    Field("memory.max", ("memory",), restart("the maximum is fixed at boot"), size),
    Field("machine", ("os", "type", "@machine"), machine),
    Field("arch", ("os", "type", "@arch"), replace("another architecture is another machine")),
    Field("accel", ("@type",), restart("a running guest cannot change its accelerator"), accel),
    Field("features.{key}", ("features", ANY), restart("read at boot"), present, removable=True),
    Field("boot.devices", ("os", "boot"), restart("read at boot"), boot_devices, removable=True),
    Field("boot.kernel", ("os", "kernel"), restart("read at boot"), removable=True),
    Field("boot.initrd", ("os", "initrd"), restart("read at boot"), removable=True),
    Field("boot.cmdline", ("os", "cmdline"), restart("read at boot"), removable=True),
    Field("disks.{key}.bus", (*DISK, "target", "@bus"), restart("the guest sees another controller")),
    Field("disks.{key}.bus", (*DISK, "target", "@dev"), restart("the guest sees another controller")),
    Field(
        "disks.{key}.cache", (*DISK, "driver", "@cache"), restart("libvirt refuses it live"), removable=True
    ),
    Field("disks.{key}.io", (*DISK, "driver", "@io"), restart("libvirt refuses it live"), removable=True),
    Field(
        "disks.{key}.discard",
        (*DISK, "driver", "@discard"),
        restart("libvirt refuses it live"),
        removable=True,
    ),
    Field(
        "disks.{key}.format", (*DISK, "driver", "@type"), replace("the same bytes are read as something else")
    ),
    Field("disks.{key}.source", (*DISK, "source"), SWAP),
    Field("disks.{key}", DISK, restart(AT_BOOT), removable=True),
    Field("networks.{key}.mac", (*NIC, "mac", "@address"), restart("the guest sees another card")),
    Field("networks.{key}.model", (*NIC, "model", "@type"), restart("the guest sees another card")),
    Field(
        "networks.{key}.network",
        (*NIC, "source", "@network"),
        restart("this version moves interfaces at boot only"),
    ),
    Field(
        "networks.{key}.bridge",
        (*NIC, "source", "@bridge"),
        restart("this version moves interfaces at boot only"),
    ),
    Field("networks.{key}", NIC, restart(AT_BOOT), removable=True),
    Field(
        "console",
        ("devices", "console", ANY),
        restart("a serial port cannot be plugged in"),
        present,
        removable=True,
    ),
    Field(
        "console",
        ("devices", "serial", ANY),
        restart("a serial port cannot be plugged in"),
        present,
        removable=True,
    ),
    Field("guest_agent", ("devices", "channel", ANY), restart(AT_BOOT), present, removable=True),
    Field("devices.rng", ("devices", "rng", ANY), restart(AT_BOOT), present, removable=True),
    Field(
        "graphics.{key}.password",
        (*GRAPHICS, "@passwd"),
        restart("this version sets it at boot only"),
        removable=True,
        sensitive=True,
    ),
    Field(
        "graphics.{key}.port",
        (*GRAPHICS, "@port"),
        restart("a port is opened at boot"),
        number,
        removable=True,
    ),
    Field(
        "graphics.{key}.port", (*GRAPHICS, "@autoport"), restart("a port is opened at boot"), removable=True
    ),
    Field(
        "graphics.{key}.listen", (*GRAPHICS, "@listen"), restart("a port is opened at boot"), removable=True
    ),
    Field(
        "graphics.{key}.listen", (*GRAPHICS, "listen"), restart("a port is opened at boot"), removable=True
    ),
    Field("graphics.{key}", GRAPHICS, restart("a display cannot be plugged in"), present, removable=True),
    Field("{path}", (), restart("not known to change while running")),
)

_BY_FIRST: dict[str, list[Field]] = {}
for _row in FIELDS:
    _BY_FIRST.setdefault(_row.canonical[0] if _row.canonical else "", []).append(_row)


def lookup(path: Path) -> tuple[Field, Path]:
    """The row for a canonical path, and the part of the path that row names."""
    for row in _BY_FIRST.get(path[0], ()):
        pattern = row.canonical
        if len(pattern) <= len(path) and all(
            want in (ANY, have) for want, have in zip(pattern, path, strict=False)
        ):
            return row, path[: len(pattern)]
    return FIELDS[-1], path


def manifest_path(row: Field, path: Path, keys: KeyMap) -> str:
    """The manifest path a user sees for a canonical one: `disks.root.cache`."""
    if row is FIELDS[-1]:
        return ".".join(part.lstrip("@") for part in path if part != "#")
    for position, part in enumerate(row.canonical):
        if part == ANY and key_of(path, position, keys) == seeds.KEY:
            return CLOUD_INIT
        if part == ANY:
            return row.manifest.replace("{key}", key_of(path, position, keys))
    return row.manifest


def key_of(path: Path, position: int, keys: KeyMap) -> str:
    """The manifest's key of a device for its target or MAC."""
    group: Iterable[tuple[str, str]] = {
        "disk": keys.disks.items(),
        "interface": keys.networks.items(),
    }.get(path[position - 1], ())
    identity = path[position]
    return next((key for key, value in group if value == identity), identity)
