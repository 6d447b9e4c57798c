"""NICs of running guests while their network restarts: taken aside, put back, and looked at again.

Measured on libvirt 9.0: a network of libvirt's own that stops lets go of the taps, and when it starts
again they have no bridge; the guest's XML says that they have. Sending the same interface again does
nothing, moving it to another network and back attaches it. A tap on a bridge of the host and a macvtap
stay where they are; a macvtap cannot be moved at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.core.errors import Absent

HOLD = "kvmspec-hold-"
"""Prefix of the transient network that holds the NICs of running guests while theirs restarts."""

_LINKS = Path("/sys/class/net")
_UNMOVABLE = ("direct", "hostdev")  # "unable to change config on 'network' network type"


def hold(conn: Any, name: str) -> list[str]:
    """Move the NICs of running guests from this network to a transient one that is connected
    to nothing, and say whose they were.

    Whoever is killed before `release` leaves a trace to find the NICs by.
    """
    guests = [guest for guest in _active_guests(conn) if _nics(guest, name)]
    if guests:
        _hold_network(conn, name)
    for guest in guests:
        with translated(f"take the NICs of vm/{guest.name()} from network/{name}"):
            for nic in _nics(guest, name):
                _move(guest, nic, HOLD + name)
    return [guest.name() for guest in guests]


def release(conn: Any, name: str) -> list[str]:
    """Move the NICs that `hold` took back to this running network, say whose they were, and
    remove the transient network."""
    guests = [guest for guest in _active_guests(conn) if _nics(guest, HOLD + name)]
    for guest in guests:
        with translated(f"attach the NICs of vm/{guest.name()} to network/{name} again"):
            for nic in _nics(guest, HOLD + name):
                _move(guest, nic, name)
    with suppress(Absent), translated(f"remove network/{HOLD}{name}"):
        conn.networkLookupByName(HOLD + name).destroy()
    return [guest.name() for guest in guests]


def astray(conn: Any, name: str) -> list[str]:
    """What is wrong with the NICs of running guests on this running network, in sentences; nothing
    where each is where it belongs.

    libvirt's word for it is the network's *port* of each NIC: it goes with the network, where the
    guest's XML goes on naming it (9.0). Where the tap is on this machine, the kernel is asked, too.
    """
    ports, found = _ports(conn, name), []
    for guest in _active_guests(conn):
        for nic in _nics(guest, name):
            if wrong := _wrong(nic, ports):
                found.append(f"vm/{guest.name()}: interface {_mac(nic)} {wrong}")
        if _nics(guest, HOLD + name):
            found.append(f"vm/{guest.name()}: an interface is still on {HOLD}{name}")
    return found


def _ports(conn: Any, name: str) -> set[str] | None:
    """The UUIDs of a network's ports; None where libvirt has none (before 5.5)."""
    with translated(f"look at the guests of network/{name}"):
        network = conn.networkLookupByName(name)
        try:
            return {port.UUIDString() for port in network.listAllPorts()}
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
                raise
            return None


def _wrong(nic: ET.Element, ports: set[str] | None) -> str:
    source, target = _source(nic), nic.find("target")
    bridge = source.get("bridge")
    if bridge is None:
        return "has no bridge"
    if ports is not None and source.get("portid") not in ports:
        return "has no port on it"
    tap = target.get("dev", "") if target is not None else ""
    master = _master(tap, _mac(nic))
    return f"is on no bridge: {tap} belongs on {bridge}" if master not in (None, bridge) else ""


def _master(tap: str, mac: str) -> str | None:
    """The bridge a tap is on, "" for none; None where the tap is not on this machine. A tap has its
    guest's MAC with the first byte `fe`, by which it is told from another machine's of the same name."""
    link = _LINKS / tap
    try:
        if not tap or (link / "address").read_text().strip()[2:] != mac[2:].lower():
            return None
        return (link / "master").resolve(strict=True).name
    except FileNotFoundError:
        return "" if link.exists() else None
    except OSError:
        return None


def _hold_network(conn: Any, name: str) -> None:
    with translated(f"make a network to hold the guests of network/{name}"):
        active = {each.name() for each in conn.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)}
        if HOLD + name not in active:
            conn.networkCreateXML(f"<network><name>{escape(HOLD + name)}</name></network>")


def _active_guests(conn: Any) -> list[Any]:
    with translated("list the running domains"):
        return list(conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE))


def _nics(guest: Any, network: str) -> list[ET.Element]:
    """The running guest's NICs on `network` that have a tap; none where the guest is gone by now."""
    try:
        root = ET.fromstring(guest.XMLDesc(0))
    except libvirt.libvirtError as error:
        problem = failure(f"read vm/{guest.name()}", error)
        if isinstance(problem, Absent):
            return []
        raise problem from error
    return list(_tapped(root, network))


def _tapped(root: ET.Element, network: str) -> Iterator[ET.Element]:
    for nic in root.iterfind("devices/interface"):
        if _source(nic).get("network") == network and nic.get("type") not in _UNMOVABLE:
            yield nic


def _move(guest: Any, nic: ET.Element, network: str) -> None:
    """Send a live NIC again with another source; its definition stays as it is. Back home it gets
    the portgroup that its definition names."""
    source = _source(nic)
    portgroup = None if network.startswith(HOLD) else _defined_portgroup(guest, nic)
    nic.set("type", "network")  # on a host bridge the live XML says `bridge`
    source.attrib.clear()
    source.set("network", network)
    if portgroup:
        source.set("portgroup", portgroup)
    guest.updateDeviceFlags(ET.tostring(nic, encoding="unicode"), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _defined_portgroup(guest: Any, nic: ET.Element) -> str | None:
    root = ET.fromstring(guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    for defined in root.iterfind("devices/interface"):
        if _mac(defined) and _mac(defined) == _mac(nic):
            return _source(defined).get("portgroup")
    return None


def _mac(nic: ET.Element) -> str:
    mac = nic.find("mac")
    return mac.get("address", "") if mac is not None else ""


def _source(nic: ET.Element) -> ET.Element:
    found = nic.find("source")
    return found if found is not None else ET.Element("source")
