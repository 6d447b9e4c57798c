"""CPUs and I/O threads: https://libvirt.org/formatdomain.html#cpu-tuning and measurements on libvirt 9.0.

No call of libvirt's takes a pin, shares or a quota away from a running guest: a pin to every CPU of the host,
and a quota of -1, are what a guest without them has.
"""

from __future__ import annotations

from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.cpus_spec import SCHEDULING
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.row import ANY, Field, attribute, number, present
from kvmspec.kinds.domain.rules import Unless, live, restart

DEFAULTS = {"period": 100_000, "quota": -1}
"""What the kernel has for a guest of which nothing is said; of shares it depends on the cgroups' version."""


def default_of(element: str) -> int | None:
    """What a running guest gets when an element of <cputune> goes; None where nobody knows."""
    return DEFAULTS.get(element.rpartition("_")[2])


def _shares_gone(before: Any, after: Any, guest: Guest) -> str:
    return "the host's own shares come back at the next boot" if after is None else ""


def _in_use(before: Any, after: Any, guest: Guest) -> str:
    """libvirt refuses to take a thread away from a disk, or a SCSI controller."""
    if after is not None or not isinstance(before, dict):
        return ""
    disks = guest.active.get("devices", {}).get("disk", {}).values()
    users = {device.get("driver", {}).get("@iothread") for device in (*disks, *guest.controllers("scsi"))}
    return "a disk or a SCSI controller of the running guest uses it" if before.get("@id") in users else ""


SHARES = Unless("live; no longer stated, the host's own come back at the next boot", _shares_gone)
THREAD = Unless("live; one that a disk uses goes at the next boot", _in_use)
PINNED = live("the host moves the threads at once")
FIXED = restart("the CPU is fixed at boot")


CPUS = attribute("cpuset")


def _arranged(value: Any) -> Any:
    """`1 × 1 × 4 × 2`: sockets, dies, cores and threads."""
    if not isinstance(value, dict):
        return value
    return " × ".join(str(value.get(f"@{name}", 1)) for name in ("sockets", "dies", "cores", "threads"))


ROWS: tuple[Field, ...] = (
    Field("cpus.model", ("cpu", "model"), FIXED, removable=True),
    Field("cpus.features.{key}", ("cpu", "feature", ANY, "@policy"), FIXED),
    Field(
        "cpus.features.{key}", ("cpu", "feature", ANY), FIXED, attribute("policy"), removable=True, whole=True
    ),
    Field(
        "cpus.topology",
        ("cpu", "topology"),
        restart("the vCPUs are arranged at boot"),
        _arranged,
        removable=True,
        whole=True,
    ),
    Field("cpus.mode", ("cpu", "@mode"), FIXED, removable=True),
    Field("cpus.cpuset", ("vcpu", "@cpuset"), restart("every thread is placed at boot"), removable=True),
    Field(
        "cpus.pin.{key}",
        ("cputune", "vcpupin", ANY),
        PINNED,
        CPUS,
        removable=True,
        call=Call.VCPU_PIN,
        whole=True,
    ),
    Field(
        "cpus.emulator_pin",
        ("cputune", "emulatorpin"),
        PINNED,
        CPUS,
        removable=True,
        call=Call.EMULATOR_PIN,
        whole=True,
    ),
    Field(
        "iothreads.{key}.pin",
        ("cputune", "iothreadpin", ANY),
        PINNED,
        CPUS,
        removable=True,
        call=Call.IOTHREAD_PIN,
        whole=True,
    ),
    Field(
        "iothreads.{key}",
        ("iothreadids", "iothread", ANY),
        THREAD,
        present,
        removable=True,
        call=Call.IOTHREAD,
    ),
    *(
        Field(
            f"cpus.{element}",
            ("cputune", element),
            SHARES if element == "shares" else live(),
            number,
            removable=True,
            call=Call.SCHEDULER,
        )
        for element in SCHEDULING
    ),
)
