"""What a network's DNS server answers, and whom it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kvmspec.kinds.network.links import Port
from kvmspec.kinds.network.values import Address, DnsName, ServiceName, ServiceTarget, TxtValue
from kvmspec.manifest.model import Model


class SrvRecord(Model):
    """Where a service is to be found."""

    examples: ClassVar[Sequence[Any]] = (
        {"service": "ldap", "protocol": "tcp", "domain": "shop.lan", "target": "dc.shop.lan", "port": 389},
    )
    least: ClassVar[frozenset[str]] = frozenset({"service", "protocol"})

    service: ServiceName
    """The service, without its underscore."""
    protocol: Literal["tcp", "udp"]
    """Its protocol."""
    domain: DnsName | None = None
    """The domain that has it; the network's own when not given."""
    target: ServiceTarget | None = None
    """The host that offers it; `.` says that there is none."""
    port: Port | None = Field(None, examples=[389])
    """The port there."""
    priority: Annotated[int, Field(ge=0, le=65535, strict=True)] | None = Field(None, examples=[10])
    """The lowest is tried first."""
    weight: Annotated[int, Field(ge=0, le=65535, strict=True)] | None = Field(None, examples=[5])
    """Among those of one priority, how often this one is taken."""


class Forwarder(Model):
    """A DNS server that is asked for what the network's own does not know."""

    short = "addr"
    examples: ClassVar[Sequence[Any]] = ("9.9.9.9", {"domain": "corp.lan", "addr": "10.1.1.1"})
    least: ClassVar[frozenset[str]] = frozenset({"addr"})

    addr: Address | None = Field(None, examples=["9.9.9.9"])
    """The server; without it names of `domain` are asked of the host's own servers."""
    domain: DnsName | None = None
    """The domain it is asked for; every one when not given."""


class DnsSpec(Model):
    """What the network's DNS server answers, and whom it asks."""

    examples: ClassVar[Sequence[Any]] = (
        {
            "hosts": {"192.168.150.1": ["gw.shop.lan"]},
            "txt": {"shop.lan": "v=spf1 -all"},
            "forwarders": ["9.9.9.9"],
        },
        {"enabled": False},
    )

    enabled: bool | None = Field(None, examples=[False])
    """Whether there is a DNS server; libvirt's yes when not given."""
    forward_plain_names: bool | None = Field(None, examples=[False])
    """Whether names without a dot are asked of other servers; libvirt's yes when not given."""
    hosts: dict[Address, Annotated[tuple[DnsName, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """The names of addresses."""
    txt: dict[DnsName, TxtValue] = Field(default_factory=dict)
    """Texts, by name."""
    srv: tuple[SrvRecord, ...] = ()
    """Where services are to be found."""
    forwarders: tuple[Forwarder, ...] = ()
    """The servers that are asked for all else; the host's own when not given."""
