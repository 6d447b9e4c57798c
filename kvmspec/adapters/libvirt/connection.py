"""A connection to one host."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.adapters.libvirt.devices import Devices
from kvmspec.adapters.libvirt.domains import Domains
from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.guests import Guests
from kvmspec.adapters.libvirt.networks import Networks
from kvmspec.adapters.libvirt.nwfilters import Nwfilters
from kvmspec.adapters.libvirt.pools import Pools
from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.adapters.libvirt.secrets import Secrets
from kvmspec.adapters.libvirt.tuning import Tuning
from kvmspec.adapters.libvirt.volumes import Volumes
from kvmspec.core.errors import HostUnreachable
from kvmspec.core.observed import HostFacts
from kvmspec.manifest.secrets import SecretStore

if TYPE_CHECKING:
    from kvmspec.images.facts import LocalImage

_JOIN_GROUP = (
    "add your user to the group `libvirt` (`sudo usermod -aG libvirt $USER`, then log in again), or use sudo"
)
_NO_SOCKET = re.compile(r"Failed to connect socket to '([^']+)': (.*)")


class Images(Protocol):
    """Where the content of the manifest's images comes from."""

    def fetch(self, name: str, identity: str, report: Callable[[str], None]) -> LocalImage:
        """The image, in a file of this machine. Raises ImageError, also where it is another now."""
        ...


@dataclass(frozen=True)
class Host:
    """One libvirt host: what can be asked of it and done to it, by kind of object.

    Every method raises LibvirtFailure with libvirt's words; Absent only where libvirt says for
    certain that the object does not exist.
    """

    name: str
    uri: str
    conn: Any
    networks: Networks
    pools: Pools
    volumes: Volumes
    domains: Domains
    devices: Devices
    tuning: Tuning
    guests: Guests
    secrets: Secrets
    nwfilters: Nwfilters
    probe: Probe
    images: Images | None = None

    @property
    def arch(self) -> str:
        """The architecture of the host's processor."""
        return str(self.conn.getInfo()[0])

    @property
    def driver(self) -> str:
        """What libvirt calls the hypervisor's driver: `QEMU`, `TEST` …"""
        with translated("ask for the host's driver"):
            return str(self.conn.getType())

    def facts(self) -> HostFacts:
        """What creating a VM depends on, from the host's capabilities."""
        with translated("read the capabilities of the host"):
            root = ET.fromstring(self.conn.getCapabilities())
        arch = root.findtext("host/cpu/arch") or "x86_64"
        guest = next((g for g in root.iterfind("guest") if g.find(f"arch[@name='{arch}']") is not None), None)
        kvm = guest is not None and guest.find("arch/domain[@type='kvm']") is not None
        return HostFacts(arch=arch, kvm=kvm, driver=self.driver)

    def is_alive(self) -> bool:
        """Whether the connection still stands."""
        try:
            return bool(self.conn.isAlive())
        except libvirt.libvirtError:
            return False

    def close(self) -> None:
        """Close the connection; errors while doing so mean that it is gone already."""
        self.devices.close()
        try:
            self.conn.close()
        except libvirt.libvirtError:
            return


def connect(name: str, uri: str, secrets: SecretStore, images: Images | None = None) -> Host:
    """Open a connection. `images` is what PlaceImage takes its content from.

    Raises HostUnreachable with the reason and what to do.
    """
    try:
        conn = libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise _unreachable(name, uri, error) from error
    return Host(
        name=name,
        uri=uri,
        conn=conn,
        networks=Networks(conn),
        pools=Pools(conn),
        volumes=Volumes(conn, secrets),
        domains=Domains(conn, secrets),
        devices=Devices(conn, secrets),
        tuning=Tuning(conn),
        guests=Guests(conn),
        secrets=Secrets(conn, secrets),
        nwfilters=Nwfilters(conn),
        probe=Probe(conn, uri),
        images=images,
    )


def _unreachable(name: str, uri: str, error: libvirt.libvirtError) -> HostUnreachable:
    words = failure(f"cannot connect to {name} ({uri})", error).message
    return HostUnreachable(words, hint=_connection_hint(str(error)))


def _connection_hint(words: str) -> str:
    match = _NO_SOCKET.search(words)
    if match and "Permission denied" in match[2]:
        return _JOIN_GROUP
    if match:
        start = "start it with `sudo systemctl start libvirtd`"
        return f"is libvirtd running? It should listen on {match[1]}; {start}"
    if "authentication" in words.lower() or "polkit" in words.lower():
        return _JOIN_GROUP
    if "ssh" in words.lower() or "end of file" in words.lower():
        return "does `ssh` reach this host without asking, and is libvirt installed there?"
    return "check the URI, see https://libvirt.org/uri.html"
