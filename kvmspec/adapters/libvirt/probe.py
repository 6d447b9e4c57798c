"""What a host can do and has, asked for only where a plan is to make something of it. Reads only."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import libvirt

from kvmspec.adapters.libvirt.errors import translated
from kvmspec.core.errors import LibvirtFailure

Machine = tuple[str, str, str, str]
"""Emulator, architecture, machine type, virtualisation type; empty where libvirt chooses."""

_NO_SUCH = (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
_SOCKETS = ("/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock")


class Probe:
    """Questions to one host; each answer is kept. The host of libvirt's test driver is not a real one."""

    def __init__(self, conn: Any, uri: str) -> None:
        self._conn, self._uri = conn, uri
        self._capabilities: dict[Machine, str | LibvirtFailure] = {}
        self._kept: dict[str, Any] = {}

    def capabilities(self, machine: Machine) -> str:
        """The domain capabilities as XML; "" where the host does not tell (libvirt's test driver). They take
        20 ms the first time, 0.6 ms then (9.0).

        Raises LibvirtFailure where there is no such machine, or not the emulator that is asked for.
        """
        if machine not in self._capabilities:
            self._capabilities[machine] = self._look(machine)
        found = self._capabilities[machine]
        if isinstance(found, str):
            return found
        if found.code in _NO_SUCH or (machine[0] and found.code == libvirt.VIR_ERR_SYSTEM_ERROR):
            raise found
        return ""

    def _look(self, machine: Machine) -> str | LibvirtFailure:
        emulator, arch, kind, virt = (part or None for part in machine)
        try:
            with translated("the host's libvirt says"):
                return str(self._conn.getDomainCapabilities(emulator, arch, kind, virt, 0))
        except LibvirtFailure as error:
            return error

    def cpu_models(self, arch: str) -> frozenset[str]:
        """The CPU models that the host's libvirt knows, whether or not its QEMU does; empty where it does
        not tell, or takes any."""
        found = self._ask(f"models/{arch}", lambda: self._conn.getCPUModelNames(arch, 0))
        return frozenset(found or ())

    def lacks(self, cpu: str) -> bool:
        """Whether the host's processor lacks what a guest's <cpu> needs; False where it does not tell.

        Of all 49 models that domain capabilities call unusable, with a feature disabled and without,
        exactly those that this finds did not start (9.0, KVM); 15 of them did.
        `compareHypervisorCPU` refused those 15 too.
        """
        found = self._ask(f"cpu/{cpu}", lambda: self._conn.compareCPU(cpu, 0))
        return bool(found == libvirt.VIR_CPU_COMPARE_INCOMPATIBLE)

    def memory(self) -> int:
        """The host's memory in bytes; 0 where it does not tell."""
        pages = self._ask("memory", lambda: self._conn.getMemoryStats(-1).get("total", 0) * 2**10)
        return int(pages or self._ask("info", lambda: self._conn.getInfo()[1] * 2**20) or 0)

    def most_memory(self) -> int:
        """How much one guest can have with the host's swap, in bytes. libvirt does not speak of swap: of
        another machine than this one, it is taken to be as much as the memory at the most."""
        try:
            facts = Path("/proc/meminfo").read_text()
            promises = Path("/proc/sys/vm/overcommit_memory").read_text().strip()
        except OSError:
            return 2 * self.memory()
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in facts.splitlines()}
        if sizes.get("MemTotal") != self.memory():
            return 2 * self.memory()
        return 2**63 if promises == "1" else self.memory() + sizes.get("SwapTotal", 0)

    def free_pages(self, size: int) -> int | None:
        """Free huge pages of `size` bytes, on all nodes; None where the host does not tell."""
        found = self._ask(f"pages/{size}", lambda: _free(self._conn, size // 1024))
        return None if found is None else int(found)

    def interfaces(self) -> frozenset[str]:
        """The names of the host's network interfaces, bridges among them; empty where it does not tell.

        Two of libvirt's drivers are asked: built with netcf, the one of interfaces knows only those that are
        configured; the one of devices learns from udev of what was made since it started.
        """
        found = self._ask("interfaces", lambda: [each.name() for each in self._conn.listAllInterfaces()])
        devices = self._ask("net", lambda: _net_devices(self._conn))
        return frozenset((*found, *devices)) if found is not None and devices is not None else frozenset()

    def pci(self) -> frozenset[str]:
        """The host's PCI devices, as 0000:41:00.0; empty where it does not tell."""
        flag = libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV
        found = self._ask("pci", lambda: [each.name() for each in self._conn.listAllDevices(flag)])
        return frozenset(_pci(name) for name in found or ())

    def space(self, pool: str) -> int | None:
        """The bytes that are free in a running pool; None where it does not tell."""
        found = self._ask(f"space/{pool}", lambda: self._conn.storagePoolLookupByName(pool).info()[3])
        return None if found is None else int(found)

    @property
    def has_our_schemas(self) -> bool:
        """Whether the host's libvirt is of the version whose schemas are installed here."""
        return bool(self._ask("version", self._conn.getLibVersion) == libvirt.getVersion())

    @property
    def has_our_files(self) -> bool:
        """Whether the host's files are those of this machine: a libvirtd with a socket of its own may be in
        a container, and so may we."""
        parts = urlsplit(self._uri)
        if parts.scheme != "qemu" or parts.netloc or "socket" in parse_qs(parts.query):
            return False
        return parts.path != "/system" or _is_among_us()

    @cached_property
    def _is_made_up(self) -> bool:
        return bool(self._conn.getType().lower() == "test")

    def _ask(self, name: str, ask: Any) -> Any:
        """The answer; None where the host has none (another driver, no such part of libvirt)."""
        if name not in self._kept:
            try:
                self._kept[name] = None if self._is_made_up else ask()
            except libvirt.libvirtError:
                self._kept[name] = None
        return self._kept[name]


def _is_among_us() -> bool:
    """Whether the libvirtd of this machine is one of the processes that we see: seen from a container that
    only has its socket, it has no number."""
    for name in _SOCKETS:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as there:
            there.connect(name)
            told = there.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return bool(struct.unpack("3i", told)[0])
    return False


def _free(conn: Any, kib: int) -> int:
    try:
        return int(conn.getFreePages([kib], -1, 1)[-1][kib])
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_FAILED:  # there are no pages of that size
            return 0
        raise


def _net_devices(conn: Any) -> list[str]:
    """What the devices of the kind net are called; their own names are `net_eno1_52_54_00_…`."""
    flag = libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET
    names = [each.name().removeprefix("net_") for each in conn.listAllDevices(flag)]
    return [name.rsplit("_", 6)[0] for name in names]


def _pci(name: str) -> str:
    """`pci_0000_41_00_0` as `0000:41:00.0`."""
    domain, bus, slot, function = name.removeprefix("pci_").split("_")
    return f"{domain}:{bus}:{slot}.{function}"
