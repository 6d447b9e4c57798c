"""What a network's DHCP server hands out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kvmspec.kinds.network.values import Address, DnsName, Lease
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, IPv4, Mac, Text


class HostReservation(Model):
    """An address that one NIC always gets."""

    examples: ClassVar[Sequence[Any]] = (
        {"mac": "52:54:00:00:00:0a", "ip": "192.168.150.10", "name": "web", "lease": "12h"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"mac", "ip"})

    mac: Mac | None = None
    """The NIC's MAC address; a reservation without one is for the guest that says `name`."""
    ip: IPv4
    """The address it gets."""
    name: DnsName | None = None
    """The host name it gets, and that DNS answers to."""
    lease: Lease | None = None
    """How long it has it; as long as others when not given."""


class DhcpRange(Model):
    """A range of addresses."""

    examples: ClassVar[Sequence[Any]] = ({"start": "192.168.150.200", "end": "192.168.150.249"},)
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: IPv4
    """The first."""
    end: IPv4
    """The last."""
    lease: Lease | None = None
    """How long a lease lasts."""


class BootpSpec(Model):
    """What guests that boot from the network are told."""

    short = "file"
    examples: ClassVar[Sequence[Any]] = ("pxelinux.0", {"file": "pxelinux.0", "server": "192.168.150.2"})
    least: ClassVar[frozenset[str]] = frozenset({"file"})

    file: Annotated[Text, Field(min_length=1, examples=["pxelinux.0"])]
    """The file they load."""
    server: Address | DnsName | None = Field(None, examples=["192.168.150.2"])
    """The TFTP server that has it; the network's own when not given."""


class DhcpSpec(Model):
    """What the network's DHCP server hands out."""

    later: ClassVar[frozenset[str]] = frozenset({"options"})
    examples: ClassVar[Sequence[Any]] = (
        {"start": "192.168.150.100", "end": "192.168.150.199", "lease": "12h"},
        {"hosts": [{"mac": "52:54:00:00:00:0a", "ip": "192.168.150.10", "name": "web"}]},
    )
    least: ClassVar[frozenset[str]] = frozenset({"start", "end"})

    start: IPv4 | None = None
    """First address of the range; needs `end`."""
    end: IPv4 | None = None
    """Last address of the range; needs `start`."""
    lease: Lease | None = None
    """How long a lease lasts, at least 2m; dnsmasq's one hour when not given."""
    ranges: tuple[DhcpRange, ...] = Field(
        (), examples=[[{"start": "192.168.150.200", "end": "192.168.150.249"}]]
    )
    """Further ranges."""
    hosts: tuple[HostReservation, ...] = ()
    """Reservations: addresses that certain NICs always get."""
    bootp: BootpSpec | None = None
    """What guests that boot from the network are told."""
    tftp: HostPath | None = Field(None, examples=["/srv/tftp"])
    """The folder of the host that the network's own TFTP server has."""
