"""Addresses of VMs as reservations of their networks: `ip:` of a NIC, in the words of DHCP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from kvmspec.canon.read import read
from kvmspec.core.memo import once
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds import records
from kvmspec.kinds.addresses import Net, by_dhcp, plain
from kvmspec.kinds.nics import Nic, allocate_macs, nic_keys
from kvmspec.kinds.records import KeyMap
from kvmspec.manifest.section import Item, Manifest

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # RFC 1123, one label


class Reservation(NamedTuple):
    """The address that a NIC of `vm` gets, and the name that DNS knows it by."""

    mac: str
    ip: str
    name: str | None
    vm: str


class _Want(NamedTuple):
    item: Item
    position: int


def nics_of(item: Item) -> tuple[Nic, ...]:
    """The interfaces of a VM of the manifest."""
    return cast("tuple[Nic, ...]", tuple(getattr(item.spec, "networks", ())))


@once
def declared(manifest: Manifest) -> Mapping[str, tuple[Item, Net]]:
    """The networks of the manifest, by name."""
    return {item.name: (item, cast(Net, item.spec)) for item in manifest.of("network")}


def net_of(nic: Nic, manifest: Manifest) -> Net | None:
    """The declared network a NIC is on."""
    found = declared(manifest).get(nic.network or "")
    return found[1] if found else None


@once
def _wanted(manifest: Manifest) -> Mapping[tuple[str, str], list[_Want]]:
    """The NICs that DHCP serves, by host and network. Of two with one address (a warning, where
    neither shall run) the first gets it."""
    found: dict[tuple[str, str], list[_Want]] = {}
    for item in sorted(manifest.of("vm"), key=lambda each: getattr(each.spec, "state", "") != "running"):
        for position, nic in enumerate(nics_of(item)):
            if nic.network and by_dhcp(nic, net_of(nic, manifest)):
                found.setdefault((item.hosts[0], nic.network), []).append(_Want(item, position))
    return found


def reservations(manifest: Manifest, network: str, host: str, view: HostView | None) -> list[Reservation]:
    """One for every NIC with `ip:` on a network with `dhcp:`, of the VMs on that host; the network's
    own `dhcp.hosts` come first, and what they reserve is not among these.

    MACs are those that the VMs have on the host, or (without a view, offline) will be created with.
    Every MAC, address and name is there once, as libvirt wants it.
    """
    net = declared(manifest)[network][1]
    own = net.dhcp.hosts if net.dhcp else ()
    taken = {value for host in own for value in (host.mac, host.ip, (host.name or "").lower())}
    found = []
    for item, position in _wanted(manifest).get((host, network), ()):
        mac, ip = _mac(manifest, item, position, view), plain(nics_of(item)[position].ip or "")
        if taken.isdisjoint((mac, ip)):
            usable = _HOST_NAME.fullmatch(item.name) and item.name.lower() not in taken
            name = item.name if usable else None
            taken |= {mac, ip, item.name.lower()}
            found.append(Reservation(mac, ip, name, item.name))
    return found


# --- the MAC of a NIC, whether the VM is there or not
def _mac(manifest: Manifest, item: Item, position: int, view: HostView | None) -> str:
    nics = nics_of(item)
    stated = nics[position].mac
    if stated is not None:
        return stated
    key = nic_keys(nics)[position]
    observed = _domain(manifest, item, view)
    record = records.read(observed.xml, observed.uuid) if observed else None
    known = record.keys if record else None
    if observed and known and _has(observed, known.networks.get(key)):  # the usual case, without a parse
        return known.networks[key]
    return _allocated(manifest, item, known, observed, view)[key]


def _allocated(
    manifest: Manifest, item: Item, known: KeyMap | None, observed: Observed | None, view: HostView | None
) -> Mapping[str, str]:
    live: Mapping[str, Any] = {}
    if observed is not None:
        live = read(observed.xml).get("devices", {}).get("interface", {})
    others = records.macs(view) if view is not None else frozenset()
    return allocate_macs(manifest.project, item.name, nics_of(item), known, live, others)


def _has(domain: Observed, mac: str | None) -> bool:
    return mac is not None and f"mac address='{mac}'" in domain.xml


def _domain(manifest: Manifest, item: Item, view: HostView | None) -> Observed | None:
    """The domain that the VM is, under its name or the one it is moved from."""
    if view is None:
        return None
    return next((view.domains[name] for name in _names(manifest, item.name) if name in view.domains), None)


def _names(manifest: Manifest, name: str) -> Iterator[str]:
    yield name
    yield from (old for old, new in manifest.moved if new == name)
