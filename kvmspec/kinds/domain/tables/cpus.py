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
from kvmspec.kinds.domain.tables.devices import switch

DEFAULTS = {"period": 100_000, "quota": -1}
"""What the kernel has for a guest of which nothing is said; of shares it depends on the cgroups' version."""


def default_of(element: str) -> int | None:
    """What a running guest gets when an element of <cputune> goes; None where nobody knows."""
    return DEFAULTS.get(element.rpartition("_")[2])


def _shares_gone(before: Any, after: Any, guest: Guest) -> str:
    return "the host's own shares come back at the next boot" if after is None else ""


def _in_use(before: Any, after: Any, guest: Guest) -> str:
    """libvirt refuses to take a thread away from a disk, or a SCSI controller, and adds none with a pool."""
    if after is not None and any(name in after for name in POOL):
        return "how many threads it has for work that blocks is set at boot"
    if after is not None or not isinstance(before, dict):
        return ""
    disks = guest.active.get("devices", {}).get("disk", {}).values()
    users = {device.get("driver", {}).get("@iothread") for device in (*disks, *guest.controllers("scsi"))}
    return "a disk or a SCSI controller of the running guest uses it" if before.get("@id") in users else ""


POOL = ("@thread_pool_min", "@thread_pool_max")
SHARES = Unless("live; no longer stated, the host's own come back at the next boot", _shares_gone)
THREAD = Unless("live; one that a disk uses goes at the next boot", _in_use)
PINNED = live("the host moves the threads at once")
FIXED = restart("the CPU is fixed at boot")


CPUS = attribute("cpuset")
STARTED = restart("set when the threads start")
ARRANGED = restart("which vCPUs are there is arranged at boot")


def _scheduler(value: Any) -> Any:
    """`fifo 1`: scheduler and priority."""
    if not isinstance(value, dict):
        return value
    return " ".join(filter(None, (value.get("@scheduler"), value.get("@priority"))))


def _caches(value: Any) -> Any:
    """`3MiB of L3 0`"""
    listed = value.get("cache", []) if isinstance(value, dict) else []
    return [f"{one['@size']}{one['@unit']} of L{one['@level']} {one['@id']}" for one in listed] or True


def _bandwidth(value: Any) -> Any:
    listed = value.get("node", []) if isinstance(value, dict) else []
    return [f"{one['@bandwidth']} % of {one['@id']}" for one in listed] or True


def _is_there(value: Any) -> Any:
    return value.get("@enabled") == "yes" if isinstance(value, dict) else value


def _arranged(value: Any) -> Any:
    """`1 × 1 × 4 × 2`: sockets, dies, cores and threads."""
    if not isinstance(value, dict):
        return value
    return " × ".join(str(value.get(f"@{name}", 1)) for name in ("sockets", "dies", "cores", "threads"))


def _named(value: Any) -> Any:
    return value.get("#", True) if isinstance(value, dict) else value


ROWS: tuple[Field, ...] = (
    Field("cpus.match", ("cpu", "@match"), FIXED, removable=True),
    Field("cpus.check", ("cpu", "@check"), restart("libvirt checks it at boot"), removable=True),
    Field("cpus.migratable", ("cpu", "@migratable"), FIXED, switch, removable=True),
    Field("cpus.fallback", ("cpu", "model", "@fallback"), FIXED, removable=True),
    Field("cpus.vendor_id", ("cpu", "model", "@vendor_id"), FIXED, removable=True),
    Field("cpus.vendor", ("cpu", "vendor"), FIXED, removable=True),
    Field("cpus.cache.level", ("cpu", "cache", "@level"), FIXED, number, removable=True),
    Field("cpus.cache.mode", ("cpu", "cache", "@mode"), FIXED),
    Field("cpus.cache", ("cpu", "cache"), FIXED, attribute("mode"), removable=True, whole=True),
    Field("cpus.address_bits.bits", ("cpu", "maxphysaddr", "@bits"), FIXED, number, removable=True),
    Field("cpus.address_bits.mode", ("cpu", "maxphysaddr", "@mode"), FIXED),
    Field("cpus.address_bits", ("cpu", "maxphysaddr"), FIXED, attribute("mode"), removable=True, whole=True),
    Field("cpus.model", ("cpu", "model"), FIXED, _named, removable=True, whole=True),
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
    Field("cpus.vcpus.{key}.order", ("vcpus", "vcpu", ANY, "@order"), ARRANGED, number, removable=True),
    Field("cpus.vcpus.{key}.hotpluggable", ("vcpus", "vcpu", ANY, "@hotpluggable"), ARRANGED, switch),
    Field("cpus.vcpus.{key}", ("vcpus", "vcpu", ANY), ARRANGED, _is_there, removable=True, whole=True),
    Field("cpus.placement", ("vcpu", "@placement"), STARTED, removable=True),
    Field(
        "cpus.schedulers.{key}",
        ("cputune", "vcpusched", ANY),
        STARTED,
        _scheduler,
        removable=True,
        whole=True,
    ),
    Field(
        "cpus.emulator_scheduler",
        ("cputune", "emulatorsched"),
        STARTED,
        _scheduler,
        removable=True,
        whole=True,
    ),
    Field(
        "iothreads.{key}.scheduler",
        ("cputune", "iothreadsched", ANY),
        STARTED,
        _scheduler,
        removable=True,
        whole=True,
    ),
    Field(
        "cpus.cachetune.{key}", ("cputune", "cachetune", ANY), STARTED, _caches, removable=True, whole=True
    ),
    Field(
        "cpus.memorytune.{key}",
        ("cputune", "memorytune", ANY),
        STARTED,
        _bandwidth,
        removable=True,
        whole=True,
        unproved="a host with KVM and resctrl",
    ),
    *(
        Field(
            f"iothreads.{{key}}.{name}",
            ("iothreadids", "iothread", ANY, f"@{name}"),
            STARTED,
            number,
            removable=True,
        )
        for name in ("thread_pool_min", "thread_pool_max")
    ),
    *(
        Field(f"default_iothread.{name}", ("defaultiothread", f"@{name}"), STARTED, number, removable=True)
        for name in ("thread_pool_min", "thread_pool_max")
    ),
    Field("default_iothread", ("defaultiothread",), STARTED, present, removable=True, whole=True),
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
