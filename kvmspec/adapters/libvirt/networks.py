"""Networks: listing, definitions, live updates, and re-attaching guests after a restart."""

from __future__ import annotations

import builtins
import threading
from contextlib import suppress
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.core.action import NetworkChange
from kvmspec.core.errors import Absent
from kvmspec.core.observed import Observed

HOLD = "kvmspec-hold-"
"""Prefix of the transient network that holds the NICs of running guests while theirs restarts."""

_COMMANDS = {
    "add-last": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
    "modify": libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
    "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
}
_SECTIONS = {
    "ip-dhcp-host": libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
    "ip-dhcp-range": libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
    "dns-host": libvirt.VIR_NETWORK_SECTION_DNS_HOST,
}


class Networks:
    """The networks of one host. Names are looked up anew for every action."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self._defining = threading.Lock()
        # libvirt's test driver (`TEST`) does not know the flag
        self._inactive = 0 if conn.getType().lower() == "test" else libvirt.VIR_NETWORK_XML_INACTIVE

    # --- looking
    def list(self) -> builtins.list[Observed]:
        """All networks. One that vanishes meanwhile is absent."""
        with translated("list the networks"):
            handles = self._conn.listAllNetworks()
            active = self._names(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)
            auto = self._names(libvirt.VIR_CONNECT_LIST_NETWORKS_AUTOSTART)
            transient = self._names(libvirt.VIR_CONNECT_LIST_NETWORKS_TRANSIENT)
        found = [self._observe(handle, active, auto, transient) for handle in handles]
        return [observed for observed in found if observed is not None]

    def get(self, name: str) -> Observed:
        """One network as it is now. Raises Absent."""
        with translated(f"read network/{name}"):
            network = self._lookup(name)
            persistent = bool(network.isPersistent())
            active = {name} if network.isActive() else set()
            auto = {name} if persistent and network.autostart() else set()
        observed = self._observe(network, active, auto, set() if persistent else {name})
        if observed is None:
            raise Absent(f"network/{name} is not there")
        return observed

    def _names(self, flag: int) -> set[str]:
        return {network.name() for network in self._conn.listAllNetworks(flag)}

    def _observe(
        self, network: Any, active: set[str], auto: set[str], transient: set[str]
    ) -> Observed | None:
        name = network.name()
        running, persistent = name in active, name not in transient
        try:
            xml = network.XMLDesc(self._inactive if persistent else 0)
            active_xml = network.XMLDesc(0) if running else None
        except libvirt.libvirtError as error:
            problem = failure(f"read network/{name}", error)
            if isinstance(problem, Absent):
                return None
            raise problem from error
        return Observed(
            "network",
            name,
            network.UUIDString(),
            xml,
            "running" if running else "stopped",
            name in auto,
            persistent,
            active_xml,
        )

    # --- definitions
    def define(self, xml: str) -> None:
        """Define or redefine; of an active network only the persistent definition changes."""
        # libvirt picks a bridge name for each, and two at the same moment get the same one
        with self._defining, translated("define the network"):
            self._conn.networkDefineXML(xml)

    def update(self, name: str, change: NetworkChange, *, live: bool) -> None:
        """One virNetworkUpdate, on the running network or else on its definition."""
        flag = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if live else libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
        with translated(f"{change.command} {change.section} of network/{name}"):
            self._lookup(name).update(
                _COMMANDS[change.command], _SECTIONS[change.section], change.parent, change.xml, flag
            )

    def set_autostart(self, name: str, enabled: bool) -> None:
        with translated(f"set autostart of network/{name}"):
            self._lookup(name).setAutostart(enabled)

    def undefine(self, name: str) -> None:
        """Undefine; one that is gone already is left so."""
        with suppress(Absent), translated(f"undefine network/{name}"):
            self._lookup(name).undefine()

    # --- power
    def start(self, name: str) -> None:
        """Start; one that runs already is left as it is."""
        with translated(f"start network/{name}"):
            network = self._lookup(name)
            if not network.isActive():
                network.create()

    def stop(self, name: str) -> None:
        """Stop; one that is stopped already is left as it is. Taps of guests lose their bridge."""
        with translated(f"stop network/{name}"):
            network = self._lookup(name)
            if network.isActive():
                network.destroy()

    def delete(self, name: str) -> None:
        """Stop and undefine; one that is gone already is left so."""
        with suppress(Absent):
            self.stop(name)
        self.undefine(name)

    # --- guests
    def hold(self, name: str) -> builtins.list[str]:
        """Move the NICs of running guests from this network to a transient one that is connected
        to nothing, and say whose they were.

        Restarting a network leaves the taps of running guests without a bridge, and sending the
        same interface again does nothing; moved away and back they are attached (libvirt 9.0).
        Whoever is killed before `release` leaves a trace to find the NICs by.
        """
        guests = [guest for guest in self._active_guests() if _nics(guest, name)]
        if guests:
            self._hold_network(name)
        for guest in guests:
            with translated(f"take the NICs of vm/{guest.name()} from network/{name}"):
                for nic in _nics(guest, name):
                    _move(guest, nic, HOLD + name)
        return [guest.name() for guest in guests]

    def release(self, name: str) -> builtins.list[str]:
        """Move the NICs that `hold` took back to this running network, say whose they were, and
        remove the transient network."""
        guests = [guest for guest in self._active_guests() if _nics(guest, HOLD + name)]
        for guest in guests:
            with translated(f"attach the NICs of vm/{guest.name()} to network/{name} again"):
                for nic in _nics(guest, HOLD + name):
                    _move(guest, nic, name)
        with suppress(Absent), translated(f"remove network/{HOLD}{name}"):
            self._lookup(HOLD + name).destroy()
        return [guest.name() for guest in guests]

    def _hold_network(self, name: str) -> None:
        with translated(f"make a network to hold the guests of network/{name}"):
            if HOLD + name not in self._names(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
                self._conn.networkCreateXML(f"<network><name>{escape(HOLD + name)}</name></network>")

    def _active_guests(self) -> builtins.list[Any]:
        with translated("list the running domains"):
            return list(self._conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE))

    def _lookup(self, name: str) -> Any:
        return self._conn.networkLookupByName(name)


def _nics(guest: Any, network: str) -> list[ET.Element]:
    """The running guest's NICs on `network`; none where the guest is gone by now."""
    try:
        root = ET.fromstring(guest.XMLDesc(0))
    except libvirt.libvirtError as error:
        problem = failure(f"read vm/{guest.name()}", error)
        if isinstance(problem, Absent):
            return []
        raise problem from error
    return [nic for nic in root.iterfind("devices/interface") if _source(nic).get("network") == network]


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
    mac = nic.find("mac")
    root = ET.fromstring(guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    for defined in root.iterfind("devices/interface"):
        known = defined.find("mac")
        if mac is not None and known is not None and known.get("address") == mac.get("address"):
            return _source(defined).get("portgroup")
    return None


def _source(nic: ET.Element) -> ET.Element:
    found = nic.find("source")
    return found if found is not None else ET.Element("source")
