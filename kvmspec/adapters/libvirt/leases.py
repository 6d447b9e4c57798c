"""Addresses of guests that their host knows: DHCP leases of libvirt's networks, and its ARP table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.core.guest import GuestAddress


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
    """What the host's ARP table says of a guest; nothing where libvirt cannot tell."""
    source = getattr(libvirt, "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP", 2)  # libvirt 4.2
    try:
        found = conn.lookupByName(name).interfaceAddresses(source)
    except libvirt.libvirtError:
        return []
    return [
        GuestAddress(entry["hwaddr"].lower(), address["addr"], "arp")
        for entry in found.values()
        if entry["hwaddr"]
        for address in entry["addrs"] or ()
    ]


def own_nics(xml: str) -> list[str]:
    """The MACs of a domain's NICs, in their order."""
    macs = ET.fromstring(xml).iterfind("devices/interface/mac")
    return [mac.get("address", "").lower() for mac in macs]
