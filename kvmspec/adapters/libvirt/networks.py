"""Networks: listing, definitions, live updates, and re-attaching guests after a restart."""

from __future__ import annotations

import builtins
import threading
from contextlib import suppress
from typing import Any

import libvirt

from kvmspec.adapters.libvirt import taps
from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.validating import flag
from kvmspec.core.action import NetworkChange
from kvmspec.core.errors import Absent
from kvmspec.core.observed import Observed

_COMMANDS = {
    "add-last": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
    "modify": libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
    "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
}
_SECTIONS = {
    "ip-dhcp-host": libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
    "ip-dhcp-range": libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
    "forward-interface": libvirt.VIR_NETWORK_SECTION_FORWARD_INTERFACE,
    "portgroup": libvirt.VIR_NETWORK_SECTION_PORTGROUP,
    "dns-host": libvirt.VIR_NETWORK_SECTION_DNS_HOST,
    "dns-txt": libvirt.VIR_NETWORK_SECTION_DNS_TXT,
    "dns-srv": libvirt.VIR_NETWORK_SECTION_DNS_SRV,
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
            self._conn.networkDefineXMLFlags(xml, flag(self._conn, "VIR_NETWORK_DEFINE_VALIDATE"))

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
        """See taps.hold."""
        return taps.hold(self._conn, name)

    def release(self, name: str) -> builtins.list[str]:
        """See taps.release."""
        return taps.release(self._conn, name)

    def astray(self, name: str) -> builtins.list[str]:
        """See taps.astray."""
        return taps.astray(self._conn, name)

    def _lookup(self, name: str) -> Any:
        return self._conn.networkLookupByName(name)
