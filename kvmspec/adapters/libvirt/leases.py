"""Addresses of guests that their host knows: DHCP leases of libvirt's networks, and its ARP table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.core.guest import GuestAddress

_ARP, _COMPLETE = Path("/proc/net/arp"), 0x2  # ATF_COM of linux/if_arp.h


@dataclass(frozen=True)
class Leases:
    """All leases of a host. `ends` is when each runs out, in seconds since 1970 (0: never), the
    latest first."""

    ends: Mapping[GuestAddress, int]

    @classmethod
    def read(cls, conn: Any) -> Leases:
        """One call a running network. One that goes meanwhile, or has no leases, tells none."""
        found: dict[GuestAddress, int] = {}
        for network in _networks(conn):
            for lease in _leases(network):
                address = GuestAddress((lease["mac"] or "").lower(), lease["ipaddr"], "lease")
                found[address] = max(found.get(address, 0), int(lease["expirytime"] or 0))
        return cls(dict(sorted(found.items(), key=lambda entry: entry[1], reverse=True)))

    def of(self, nics: Iterable[str]) -> list[GuestAddress]:
        """Those of these MACs."""
        wanted = set(nics)
        return [address for address in self.ends if address.mac in wanted]


def _networks(conn: Any) -> list[Any]:
    try:
        return list(conn.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE))
    except libvirt.libvirtError:
        return []


def _leases(network: Any) -> list[dict[str, Any]]:
    try:
        return list(network.DHCPLeases())
    except libvirt.libvirtError:
        return []


def arp_addresses(conn: Any, name: str) -> list[GuestAddress]:
    """What the host's ARP table says of a guest; nothing where nobody can tell. libvirt 9.0 fails to read
    the table of newer kernels ("wrong nlmsg len"): that of this machine is read without it."""
    source = getattr(libvirt, "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP", 2)  # libvirt 4.2
    try:
        found = conn.lookupByName(name).interfaceAddresses(source)
    except libvirt.libvirtError:
        return _own_arp_table() if urlsplit(conn.getURI()).hostname is None else []
    return [
        GuestAddress(entry["hwaddr"].lower(), address["addr"], "arp")
        for entry in found.values()
        if entry["hwaddr"]
        for address in entry["addrs"] or ()
    ]


def _own_arp_table() -> list[GuestAddress]:
    """The whole table of this machine, as proc(5) has it: address, type, flags, MAC, mask, device."""
    try:
        rows = [line.split() for line in _ARP.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [GuestAddress(row[3].lower(), row[0], "arp") for row in rows if int(row[2], 16) & _COMPLETE]


def own_nics(xml: str) -> list[str]:
    """The MACs of a domain's NICs, in their order."""
    macs = ET.fromstring(xml).iterfind("devices/interface/mac")
    return [mac.get("address", "").lower() for mac in macs]
