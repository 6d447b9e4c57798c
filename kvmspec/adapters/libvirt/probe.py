"""What a host can do and has, asked for only where a plan is to make something of it. Reads only."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

import libvirt

from kvmspec.adapters.libvirt.errors import translated
from kvmspec.core.errors import LibvirtFailure

Machine = tuple[str, str, str, str]
"""Emulator, architecture, machine type, virtualisation type; empty where libvirt chooses."""

_NO_SUCH = (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)


class Probe:
    """Questions to one host; each answer is kept. The host of libvirt's test driver is not a real one."""

    def __init__(self, conn: Any, uri: str) -> None:
        self._conn, self._uri = conn, uri
        self._capabilities: dict[Machine, str | LibvirtFailure] = {}
        self._kept: dict[str, Any] = {}

    def capabilities(self, machine: Machine) -> str:
        """The domain capabilities as XML; "" where the host does not tell (libvirt's test driver). They take
        20 ms the first time, 0.6 ms then (9.0).

        Raises LibvirtFailure where there is no such machine.
        """
        if machine not in self._capabilities:
            self._capabilities[machine] = self._look(machine)
        found = self._capabilities[machine]
        if isinstance(found, str):
            return found
        if found.code in _NO_SUCH:
            raise found
        return ""

    def _look(self, machine: Machine) -> str | LibvirtFailure:
        emulator, arch, kind, virt = (part or None for part in machine)
        try:
            with translated("the host's libvirt says"):
                return str(self._conn.getDomainCapabilities(emulator, arch, kind, virt, 0))
        except LibvirtFailure as error:
            return error

    def memory(self) -> int:
        """The host's memory in bytes; 0 where it does not tell."""
        pages = self._ask("memory", lambda: self._conn.getMemoryStats(-1)["total"] * 2**10)
        return int(pages or self._ask("info", lambda: self._conn.getInfo()[1] * 2**20) or 0)

    def free_pages(self, size: int) -> int:
        """Free huge pages of `size` bytes, on all nodes."""
        asked = self._ask(
            f"pages/{size}", lambda: self._conn.getFreePages([size // 1024], -1, 1)[-1][size // 1024]
        )
        return int(asked or 0)

    def interfaces(self) -> frozenset[str]:
        """The names of the host's network interfaces, bridges among them; empty where it does not tell."""
        found = self._ask("interfaces", lambda: [each.name() for each in self._conn.listAllInterfaces()])
        return frozenset(found or ())

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
        a container."""
        parts = urlsplit(self._uri)
        return parts.scheme == "qemu" and not parts.netloc and "socket" not in parse_qs(parts.query)

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


def _pci(name: str) -> str:
    """`pci_0000_41_00_0` as `0000:41:00.0`."""
    domain, bus, slot, function = name.removeprefix("pci_").split("_")
    return f"{domain}:{bus}:{slot}.{function}"
