"""What a running guest may use of its host: pinning, shares, limits. The definition is edited elsewhere.

libvirt refuses scheduler, blkio, memory and NUMA parameters for LIVE and CONFIG in one call through the
Python binding (code 8), so everything here is LIVE alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import libvirt

from kvmspec.adapters.libvirt.errors import translated
from kvmspec.core.errors import LibvirtFailure

_LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
UNLIMITED = (2**53 - 1) * 1024  # VIR_DOMAIN_MEMORY_PARAM_UNLIMITED, in KiB, which the binding lacks
"""Bytes that mean no limit to `set_memory_limits`; anything above is no limit, either."""
_BLOCK_TUNE = (
    *(
        f"{what}_{unit}_sec{peak}"
        for unit in ("bytes", "iops")
        for what in ("total", "read", "write")
        for peak in ("", "_max", "_max_length")
    ),
    "size_iops_sec",
)
_SPAN = re.compile(r"(\^?)(\d+)(?:-(\d+))?")  # as in libvirt's own cpuset


class Tuning:
    """Of the running guests of one host. Names are looked up anew for every action."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn

    # --- pinning: `cpus` is libvirt's set of CPUs, "0-3,^2"; "" is every CPU of the host. No call takes a pin
    # away: one to all CPUs stays in the active XML, and means the same.
    def pin_vcpu(self, name: str, vcpu: int, cpus: str) -> None:
        """Let a vCPU run on these CPUs of the host alone."""
        with translated(f"pin vCPU {vcpu} of vm/{name}"):
            domain = self._conn.lookupByName(name)
            domain.pinVcpuFlags(vcpu, self._map(cpus), _LIVE)

    def pin_emulator(self, name: str, cpus: str) -> None:
        """Let QEMU's own threads run on these CPUs of the host alone."""
        with translated(f"pin the emulator of vm/{name}"):
            self._conn.lookupByName(name).pinEmulator(self._map(cpus), _LIVE)

    def pin_iothread(self, name: str, iothread: int, cpus: str) -> None:
        """Let an I/O thread run on these CPUs of the host alone."""
        with translated(f"pin I/O thread {iothread} of vm/{name}"):
            self._conn.lookupByName(name).pinIOThread(iothread, self._map(cpus), _LIVE)

    # --- I/O threads
    def add_iothread(self, name: str, iothread: int) -> None:
        """Give the guest an I/O thread of that number."""
        with translated(f"add I/O thread {iothread} to vm/{name}"):
            self._conn.lookupByName(name).addIOThread(iothread, _LIVE)

    def remove_iothread(self, name: str, iothread: int) -> None:
        """Take an I/O thread away; libvirt refuses while a disk uses it."""
        with translated(f"remove I/O thread {iothread} from vm/{name}"):
            self._conn.lookupByName(name).delIOThread(iothread, _LIVE)

    # --- limits
    def set_scheduler(self, name: str, values: Mapping[str, int]) -> None:
        """cpu_shares (2 to 262144), vcpu_period, vcpu_quota, and those of global_, emulator_ and iothread_:
        periods from 1000 to 1000000 µs; a quota of -1 is none."""
        with translated(f"set the scheduling of vm/{name}"):
            _set(self._conn.lookupByName(name).setSchedulerParametersFlags, values)

    def set_memory_limits(self, name: str, values: Mapping[str, int]) -> None:
        """hard_limit, soft_limit and swap_hard_limit in bytes; `UNLIMITED` is none.

        Set together what changes together: no hard_limit may be above swap_hard_limit. A limit below what the
        guest uses is refused ("Device or resource busy"), and the others are set all the same (9.0).
        """
        limits = {key: min(value, UNLIMITED) // 1024 for key, value in values.items()}
        with translated(f"set the memory limits of vm/{name}"):
            _set(self._conn.lookupByName(name).setMemoryParameters, limits)

    def set_blkio(self, name: str, values: Mapping[str, int | str]) -> None:
        """weight, and device_weight, device_read_bytes_sec …, each as `/dev/sda,500`.

        A kernel without the cfq scheduler (all since 5.0) refuses device_weight (code 55).
        """
        with translated(f"set the block I/O weights of vm/{name}"):
            _set(self._conn.lookupByName(name).setBlkioParameters, values)

    def set_numa(self, name: str, values: Mapping[str, int | str]) -> None:
        """numa_nodeset and numa_mode (a number of virDomainNumatuneMemMode). libvirt refuses (code 55)
        another set of a running guest whose mode is not restrictive, and another mode of any."""
        with translated(f"set the NUMA nodes of vm/{name}"):
            _set(self._conn.lookupByName(name).setNumaParameters, values)

    def set_block_tune(self, name: str, target: str, values: Mapping[str, int]) -> None:
        """I/O limits of a disk: total_bytes_sec, read_iops_sec_max and so on. What is not given is none.

        libvirt refuses a total beside read or write, and a peak (_max) without its limit.
        """
        unknown = set(values) - set(_BLOCK_TUNE)
        if unknown:
            raise LibvirtFailure(f"limit disk {target} of vm/{name}: unknown: {', '.join(sorted(unknown))}")
        with translated(f"limit disk {target} of vm/{name}"):
            domain = self._conn.lookupByName(name)
            domain.setBlockIoTune(target, dict.fromkeys(_BLOCK_TUNE, 0) | dict(values), _LIVE)

    def set_balloon_period(self, name: str, seconds: int) -> None:
        """How often the balloon driver counts its memory; 0 is never."""
        with translated(f"set the balloon's period of vm/{name}"):
            self._conn.lookupByName(name).setMemoryStatsPeriod(seconds, _LIVE)

    # --- what follows when the guest stops
    def set_lifecycle(self, name: str, actions: Mapping[str, str]) -> None:
        """What on_poweroff, on_reboot and on_crash do from now on, by libvirt's names. It takes no destroy on
        reboot beside a restart on power-off, so what allows the other comes first (measured on 9.0)."""
        first = actions.get("on_reboot") == "restart"
        for event in sorted(actions, key=lambda event: (event == "on_reboot") != first):
            kind = getattr(libvirt, f"VIR_DOMAIN_LIFECYCLE_{event.removeprefix('on_').upper()}")
            does = actions[event].replace("-", "_").upper()
            action = getattr(libvirt, f"VIR_DOMAIN_LIFECYCLE_ACTION_{does}")
            with translated(f"set {event} of vm/{name}"):
                self._conn.lookupByName(name).setLifecycleAction(kind, action, _LIVE)

    def _map(self, cpus: str) -> tuple[bool, ...]:
        """The binding's form of a set of CPUs: whether each CPU of the host is in it."""
        count = self._conn.getCPUMap()[0]
        return cpu_map(cpus, count)


def _set(method: Callable[..., object], values: Mapping[str, int | str]) -> None:
    """Set parameters. The binding asks libvirt for the type of each, and does not know what that leaves
    out: a name that is none, or one that this host has no cgroup controller for."""
    try:
        method(dict(values), _LIVE)
    except LookupError as error:
        raise LibvirtFailure(f"this host does not know what is to be set: {error.args[0]}") from error


def cpu_map(cpus: str, count: int) -> tuple[bool, ...]:
    """Whether each of `count` CPUs is in the set `0-3,^2`; "" is all. Raises LibvirtFailure for what is
    no set, or names a CPU that is not there."""
    wanted: set[int] = set() if cpus.strip() else set(range(count))
    for part in filter(None, (part.strip() for part in cpus.split(","))):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise LibvirtFailure(f"`{cpus}` is no set of CPUs", hint="write it as 0-3,^2")
        span = range(int(match[2]), int(match[3] or match[2]) + 1)
        wanted = wanted - set(span) if match[1] else wanted | set(span)
    beyond = sorted(cpu for cpu in wanted if cpu >= count)
    if beyond or not wanted:
        told = f"the host has no CPU {beyond[0]}" if beyond else "it has no CPU in it"
        raise LibvirtFailure(f"`{cpus}`: {told}", hint=f"the host has the CPUs 0-{count - 1}")
    return tuple(cpu in wanted for cpu in range(count))
