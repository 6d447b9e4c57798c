"""What an interface of a VM can be plugged into besides a network or a bridge.

Facts: https://libvirt.org/formatdomain.html#network-interfaces and its sections.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.device_types import PciAddress
from kvmspec.kinds.domain.nic_names import DeviceName
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, IPv4, Text, words

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


def parse_interface(value: Any) -> str:
    """`172.17.2.0/24` or `2001:db8::1/64`, the prefix where it is written. Raises PydanticCustomError
    (`address`)."""
    try:
        written = ipaddress.ip_interface(value if isinstance(value, str) else "?")
    except ValueError:
        raise PydanticCustomError(
            "address", "expected an IP address with its prefix, such as 172.17.2.0/24 or 2001:db8::1/64"
        ) from None
    return written.with_prefixlen if "/" in value else str(written.ip)


def parse_ip(value: Any) -> str:
    """An IPv4 or IPv6 address. Raises PydanticCustomError (`address`)."""
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else "?"))
    except ValueError:
        raise PydanticCustomError(
            "address", "expected an IP address such as 192.168.150.1 or 2001:db8::1"
        ) from None


Interface = Annotated[
    str,
    BeforeValidator(parse_interface),
    words({"type": "string", "examples": ["172.17.2.0/24"]}, "address", "an IP address, with its prefix"),
]
Ip = Annotated[
    str,
    BeforeValidator(parse_ip),
    words({"type": "string", "examples": ["192.168.150.1"]}, "address", "an IPv4 or IPv6 address"),
]


def family(address: str) -> str:
    """`ipv4` or `ipv6`."""
    return "ipv6" if ":" in address else "ipv4"


class MacvtapSpec(Model):
    """An interface of the host that the guest shares, without a bridge."""

    short: ClassVar[str | None] = "dev"
    examples: ClassVar[Sequence[Any]] = ("eno2", {"dev": "eno2", "mode": "bridge"})
    least: ClassVar[frozenset[str]] = frozenset({"dev"})

    dev: DeviceName
    """The host's interface."""
    mode: Literal["bridge", "vepa", "private", "passthrough"] | None = Field(None, examples=["bridge"])
    """Who is reached through it: with `bridge` also the other guests on it. libvirt's own is vepa, which
    leaves that to the switch."""


class RangeSpec(Model):
    """Ports of the host that are forwarded, or left out."""

    short: ClassVar[str | None] = "start"
    examples: ClassVar[Sequence[Any]] = (
        2022,
        {"start": 2022, "to": 22},
        {"start": 8000, "end": 8010},
        {"start": 8005, "exclude": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"start"})

    start: Port = Field(examples=[2022])
    """The port, or the first one."""
    end: Port | None = Field(None, examples=[8010])
    """The last one."""
    to: Port | None = Field(None, examples=[22])
    """The guest's first port; the same as the host's when not given."""
    exclude: bool | None = Field(None, examples=[True])
    """Whether these are not forwarded."""

    @property
    def attributes(self) -> list[tuple[str, str | int]]:
        """<range>'s attributes."""
        stated = [("start", self.start), ("end", self.end), ("to", self.to)]
        found: list[tuple[str, str | int]] = [(name, value) for name, value in stated if value is not None]
        return found if self.exclude is None else [*found, ("exclude", "yes" if self.exclude else "no")]


class ForwardSpec(Model):
    """Connections to the host that passt gives to the guest."""

    examples: ClassVar[Sequence[Any]] = (
        {"ports": [{"start": 2022, "to": 22}]},
        {"protocol": "udp", "address": "192.0.2.1", "dev": "eno1", "ports": [5000]},
    )

    protocol: Literal["tcp", "udp"] = "tcp"
    """What is forwarded."""
    address: Ip | None = None
    """The host's address at which it is; any of them when not given."""
    dev: DeviceName | None = None
    """The host's interface at which it is; any of them when not given."""
    ports: tuple[RangeSpec, ...] = ()
    """The ports; all of them when not given."""


class UserSpec(Model):
    """A network that QEMU, or passt, makes out of connections of the host's: it needs no privileges."""

    short: ClassVar[str | None] = "backend"
    examples: ClassVar[Sequence[Any]] = (
        "passt",
        {"addresses": ["172.17.2.0/24"]},
        {"backend": "passt", "dev": "eno1", "log": "/var/log/passt.log"},
        {"backend": "passt", "forwards": [{"ports": [{"start": 2022, "to": 22}]}]},
    )

    backend: Literal["passt"] | None = Field(None, examples=["passt"])
    """What makes it: passt, or QEMU itself when not given."""
    dev: DeviceName | None = None
    """The interface of the host whose addresses passt gives to the guest."""
    log: HostPath | None = Field(None, examples=["/var/log/passt.log"])
    """The file that passt writes its log to."""
    addresses: tuple[Interface, ...] = ()
    """The guest's addresses with their prefixes, one IPv4 and one IPv6 at the most; QEMU itself gives the
    guest some address of that network."""
    forwards: tuple[ForwardSpec, ...] = ()
    """Connections to the host that passt gives to the guest."""

    @model_validator(mode="after")
    def _fits(self) -> UserSpec:
        if self.backend is None and (self.dev or self.log or self.forwards):
            raise PydanticCustomError("user", "`dev`, `log` and `forwards` go with `backend: passt` only")
        kinds = [family(address) for address in self.addresses]
        if len(set(kinds)) != len(kinds):
            raise PydanticCustomError("user", "`addresses` are one IPv4 and one IPv6 address at the most")
        return self


class EndpointSpec(Model):
    """An address on the host's side of a tap."""

    short: ClassVar[str | None] = "address"
    examples: ClassVar[Sequence[Any]] = (
        "192.0.2.1/24",
        {"address": "192.0.2.1", "peer": "192.0.2.2"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"address"})

    address: Interface
    """The address, with its prefix."""
    peer: Ip | None = None
    """The other end of it, of a point-to-point connection."""


class NicRouteSpec(Model):
    """A route of the host's through a tap."""

    examples: ClassVar[Sequence[Any]] = (
        {"to": "198.51.100.0/24", "via": "192.0.2.2"},
        {"to": "2001:db8:1::/64", "via": "2001:db8::2", "metric": 2},
    )
    least: ClassVar[frozenset[str]] = frozenset({"to", "via"})

    to: Interface = Field(examples=["198.51.100.0/24"])
    """The network that is reached."""
    via: Ip = Field(examples=["192.0.2.2"])
    """The gateway."""
    metric: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(None, examples=[2])
    """The smaller, the more it is preferred."""


class EthernetSpec(Model):
    """A tap of the host that is plugged into nothing."""

    examples: ClassVar[Sequence[Any]] = (
        {"managed": False},
        {"addresses": ["192.0.2.1/24"], "routes": [{"to": "198.51.100.0/24", "via": "192.0.2.2"}]},
    )

    managed: bool | None = Field(None, examples=[False])
    """Whether libvirt makes the `tap`, and takes it away again; it does when not given."""
    addresses: tuple[EndpointSpec, ...] = ()
    """The host's addresses on it."""
    routes: tuple[NicRouteSpec, ...] = ()
    """The host's routes through it."""


class HostNicSpec(Model):
    """A network card of the host's that the guest gets for itself, mostly a virtual function of one."""

    short: ClassVar[str | None] = "pci"
    examples: ClassVar[Sequence[Any]] = ("0000:41:10.0", {"pci": "0000:41:10.0", "managed": False})
    least: ClassVar[frozenset[str]] = frozenset({"pci"})

    pci: PciAddress
    """Its address."""
    managed: bool | None = Field(None, examples=[False])
    """Whether libvirt takes it from the host's driver, and gives it back; it does when not given."""

    @property
    def parts(self) -> list[str]:
        """Domain, bus, slot and function."""
        return self.pci.replace(".", ":").split(":")


class VhostUserSpec(Model):
    """A switch in a program of the host's, such as Open vSwitch with DPDK, that shares the guest's memory."""

    short: ClassVar[str | None] = "path"
    examples: ClassVar[Sequence[Any]] = (
        "/run/vhost1.sock",
        {"path": "/run/vhost1.sock", "mode": "server"},
        {"path": "/run/vhost1.sock", "reconnect": 10},
    )
    least: ClassVar[frozenset[str]] = frozenset({"path"})

    path: HostPath = Field(examples=["/run/vhost1.sock"])
    """Its socket."""
    mode: Literal["client", "server"] = Field("client", examples=["server"])
    """Whether QEMU connects to the socket, or makes it."""
    reconnect: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = Field(None, examples=[10])
    """After how many seconds a connection that is lost is tried again; 0 is never."""


class SocketSpec(Model):
    """A connection between two QEMUs."""

    examples: ClassVar[Sequence[Any]] = ({"address": "192.0.2.10", "port": 5558},)
    least: ClassVar[frozenset[str]] = frozenset({"address", "port"})

    address: IPv4
    """The address of its other end; of `multicast` the group's."""
    port: Port = Field(examples=[5558])
    """Its port."""


class ListenSpec(Model):
    """Where another QEMU connects to."""

    short: ClassVar[str | None] = "port"
    examples: ClassVar[Sequence[Any]] = (5558, {"address": "192.0.2.10", "port": 5558})
    least: ClassVar[frozenset[str]] = frozenset({"port"})

    address: IPv4 | None = None
    """The host's address; any when not given."""
    port: Port = Field(examples=[5558])
    """Its port."""


class UdpSpec(SocketSpec):
    """UDP between two QEMUs."""

    examples: ClassVar[Sequence[Any]] = (
        {"address": "192.0.2.10", "port": 5558, "local": {"address": "192.0.2.11", "port": 5559}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"address", "port", "local"})

    local: SocketSpec
    """Its own end."""


class VdsSpec(Model):
    """A port of a VMware distributed switch."""

    examples: ClassVar[Sequence[Any]] = (
        {
            "switch": "12345678-1234-1234-1234-123456789abc",
            "port": 6,
            "portgroup": "dvportgroup-4",
            "connection": 1,
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"switch", "port", "portgroup", "connection"})

    switch: Uuid
    """The switch."""
    port: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] = Field(examples=[6])
    """The port."""
    portgroup: Text = Field(examples=["dvportgroup-4"])
    """The class of ports it is of."""
    connection: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] = Field(examples=[1])
    """The connection."""
