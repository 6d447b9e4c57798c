"""Running guests, reached through their host: addresses, the guest agent, the console.

The only place for libvirt_qemu. The agent's protocol:
https://qemu-project.gitlab.io/qemu/interop/qemu-ga-ref.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.adapters.libvirt.console import ConsoleStream
from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.leases import Leases, arp_addresses, own_nics
from kvmspec.adapters.libvirt.parallel import while_time_lasts
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.guest import GuestAddress

AGENT_CHANNEL = "org.qemu.guest_agent.0"
_ANSWER, _ALL = 2, 6.0  # seconds for an answer; for those of all guests of a host together
_PIECE = 1 << 16  # bytes; the agent's own default is 4 KiB
_GONE = re.compile(r"No such file or directory")


class Guests:
    """The guests of one host. What is asked of an agent has a timeout: a wedged one answers never."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn

    # --- addresses
    def addresses(self, name: str) -> list[GuestAddress]:
        """The addresses of a running guest, those of its first NIC first."""
        return self.all_addresses({name: self.active_xml(name)}).get(name, [])

    def all_addresses(self, active: Mapping[str, str]) -> dict[str, list[GuestAddress]]:
        """The addresses of guests, by name, from their active XML. Leases are one call a network. An
        agent is asked only where it is connected; the ARP table only where neither knows anything."""
        leases = Leases.read(self._conn)
        connected = [name for name, xml in active.items() if agent_state(xml) == "connected"]
        told = while_time_lasts(self._told_by_agent, connected, _ALL)
        found = {}
        for name, xml in active.items():
            nics = own_nics(xml)
            known = merged(nics, leases.of(nics), told.get(name) or [])
            found[name] = known or merged(nics, arp_addresses(self._conn, name), [])
        return found

    def leases(self, name: str) -> dict[GuestAddress, int]:
        """When each lease of a running guest ends, in seconds since 1970; 0 for never."""
        nics = own_nics(self.active_xml(name))
        read = Leases.read(self._conn)
        return {address: read.ends[address] for address in read.of(nics)}

    def _told_by_agent(self, name: str) -> list[GuestAddress]:
        try:
            interfaces = self.agent(name, {"execute": "guest-network-get-interfaces"}, _ANSWER)
        except LibvirtFailure:  # it went meanwhile, is wedged, or may not tell
            return []
        return [
            GuestAddress(nic["hardware-address"].lower(), entry["ip-address"], "agent")
            for nic in interfaces
            if "hardware-address" in nic
            for entry in nic.get("ip-addresses", ())
        ]

    # --- what it runs as
    def active_xml(self, name: str) -> str:
        """The active XML. Raises Absent, and LibvirtFailure where it does not run."""
        with translated(f"read vm/{name}"):
            domain = self._conn.lookupByName(name)
            if domain.isActive():
                return str(domain.XMLDesc())
        raise LibvirtFailure(f"vm/{name} is not running", hint="`kvmspec status` shows its state")

    def uuid(self, name: str) -> str:
        """Its UUID. Raises Absent."""
        with translated(f"find vm/{name}"):
            return str(self._conn.lookupByName(name).UUIDString())

    def stopped(self, name: str) -> str:
        """`stopped` or `crashed` where it does not run; empty where it does."""
        with translated(f"read the state of vm/{name}"):
            state = self._conn.lookupByName(name).state()[0]
        return _ENDED.get(state, "")

    def console_log(self, name: str) -> str:
        """The file on the host that libvirt logs its serial console to; empty where it does not."""
        root = ET.fromstring(self.active_xml(name))
        for path in ("devices/serial/log", "devices/console/log"):
            if (log := root.find(path)) is not None:
                return log.get("file", "")
        return ""

    def has_nic(self, name: str) -> bool:
        """Whether it has a network interface."""
        return bool(own_nics(self.active_xml(name)))

    # --- the agent
    def has_agent_channel(self, name: str) -> bool:
        """Whether it has a channel that a guest agent could open."""
        return agent_state(self.active_xml(name)) is not None

    def agent_connected(self, name: str) -> bool:
        """Whether the guest has opened the agent's channel."""
        return agent_state(self.active_xml(name)) == "connected"

    def agent(self, name: str, command: Mapping[str, Any], timeout: int = 5) -> Any:
        """What the agent returns to a command. libvirt itself adds at most 5 s to the timeout.

        Raises LibvirtFailure where there is no agent, it does not answer, or refuses the command.
        """
        import libvirt_qemu  # type: ignore[import-untyped]

        words = f"ask the guest agent of vm/{name} ({command['execute']})"
        with translated(words):
            domain = self._conn.lookupByName(name)
            answer = libvirt_qemu.qemuAgentCommand(domain, json.dumps(command), timeout, 0)
        try:
            return json.loads(answer)["return"]
        except (ValueError, KeyError, TypeError) as error:
            raise LibvirtFailure(f"{words}: it answered nonsense") from error

    def read_file(self, name: str, path: str, *, most: int = 1 << 20) -> bytes | None:
        """A file of the guest's, at most `most` bytes of it; None where there is none.

        Raises LibvirtFailure as `agent`: some distributions forbid the agent to open files.
        """
        try:
            handle = self.agent(name, _command("guest-file-open", path=path, mode="r"))
        except LibvirtFailure as error:
            if _GONE.search(error.message):
                return None
            raise
        data = b""
        try:
            while len(data) < most:
                piece = self.agent(name, _command("guest-file-read", handle=handle, count=_PIECE))
                data += base64.b64decode(piece["buf-b64"])
                if piece["eof"] or not piece["count"]:
                    break
        finally:
            self.agent(name, _command("guest-file-close", handle=handle))
        return data

    # --- the console
    def open_console(self, name: str, *, force: bool = False) -> ConsoleStream:
        """The first console. `prepare` of console.py must have been called before connecting.

        Raises LibvirtFailure where it does not run, has no console, or another is open and not `force`.
        """
        if ET.fromstring(self.active_xml(name)).find("devices/console") is None:
            hint = "`console: true` gives it one at its next start"
            raise LibvirtFailure(f"vm/{name} has no console", hint=hint)
        flags = libvirt.VIR_DOMAIN_CONSOLE_FORCE if force else 0
        try:
            stream = self._conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
            self._conn.lookupByName(name).openConsole(None, stream, flags)
        except libvirt.libvirtError as error:
            if "Active console session exists" in str(error):
                hint = "`--force` takes it from whoever has it"
                raise LibvirtFailure(f"the console of vm/{name} is open already", hint=hint) from error
            raise failure(f"open the console of vm/{name}", error) from error
        return ConsoleStream(self._conn, stream)


_ENDED = {libvirt.VIR_DOMAIN_SHUTOFF: "stopped", libvirt.VIR_DOMAIN_CRASHED: "crashed"}


def agent_state(active_xml: str) -> str | None:
    """`connected` or `disconnected`, as libvirt knows from QEMU; None without the agent's channel."""
    if AGENT_CHANNEL not in active_xml:
        return None
    for target in ET.fromstring(active_xml).iterfind("devices/channel/target"):
        if target.get("name") == AGENT_CHANNEL:
            return target.get("state", "disconnected")
    return None


def merged(nics: list[str], first: list[GuestAddress], agent: list[GuestAddress]) -> list[GuestAddress]:
    """In the order of the NICs, IPv4 first; each address once. Where the agent tells of a NIC, a lease
    that it does not confirm is an old one. What is no NIC of the VM is the guest's own affair."""
    told = {(entry.mac, entry.address) for entry in agent}
    asked = {entry.mac for entry in agent if _is_useful(entry)}
    kept = [e for e in first if e.mac not in asked or (e.mac, e.address) in told]
    known = {(entry.mac, entry.address) for entry in kept}
    kept += [entry for entry in agent if (entry.mac, entry.address) not in known]
    return sorted(
        (entry for entry in kept if entry.mac in nics and _is_useful(entry)),
        key=lambda entry: (nics.index(entry.mac), ":" in entry.address),
    )


def _is_useful(entry: GuestAddress) -> bool:
    """Not an address of the link alone, or of the loopback."""
    return not entry.address.lower().startswith(("fe80:", "169.254.", "127.", "::1"))


def _command(execute: str, **arguments: Any) -> dict[str, Any]:
    return {"execute": execute, "arguments": arguments}
