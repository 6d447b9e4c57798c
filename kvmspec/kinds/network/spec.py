"""A network as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.fragments import NetworkFragment
from kvmspec.kinds.network import rules
from kvmspec.kinds.network.dhcp import DhcpSpec
from kvmspec.kinds.network.dns import DnsSpec
from kvmspec.kinds.network.links import (
    BandwidthSpec,
    Ipv6Spec,
    NatSpec,
    PortGroupSpec,
    RouteSpec,
)
from kvmspec.kinds.network.values import (
    BridgeName,
    DeviceName,
    DnsName,
    GroupName,
    Interface,
    Option,
    PciAddress,
)
from kvmspec.kinds.parts import Uuid
from kvmspec.kinds.ports import VirtualPortSpec, VlanSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, IPv4, Mac, Subnet

EXAMPLE = "<network><metadata><owner xmlns='urn:shop'>web</owner></metadata></network>"

_PREFIXES = range(8, 31)


class DomainSpec(Model):
    """The DNS domain of the guests."""

    short = "name"
    examples: ClassVar[Sequence[Any]] = ("shop.lan", {"name": "shop.lan", "local_only": True})
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Annotated[DnsName, Field(examples=["shop.lan"])]
    """Its name."""
    local_only: bool | None = Field(None, examples=[True])
    """Whether no other server is asked for names in it."""


class NetworkSpec(Model):
    """A virtual network."""

    examples: ClassVar[Sequence[Any]] = (
        {
            "subnet": "192.168.150.0/24",
            "dhcp": {"start": "192.168.150.100", "end": "192.168.150.199"},
            "domain": "shop.lan",
        },
        {"mode": "bridge", "bridge": "br0", "vlan": 42, "virtualport": "openvswitch"},
        {"mode": "macvtap", "interfaces": ["eno1", "eno2"], "macvtap_mode": "vepa"},
        {"mode": "sriov", "pf": "eno3", "managed": True, "driver": "vfio"},
        {"mode": "sriov", "devices": ["0000:03:10.1", "0000:03:10.3"]},
    )
    along: ClassVar[dict[str, Sequence[str]]] = {
        "driver": ("mode", "pf"),
        "managed": ("mode", "pf"),
        "pf": ("mode",),
        "devices": ("mode",),
    }
    least: ClassVar[frozenset[str]] = frozenset({"mode", "subnet", "bridge", "interfaces"})

    mode: Literal["nat", "isolated", "route", "open", "bridge", "macvtap", "sriov"] = "nat"
    """How guests reach the world: through NAT, not at all (`isolated`), routed by the host, routed
    without firewall rules of libvirt's (`open`), on an existing bridge of the host, each on a
    macvtap of one of the host's interfaces, or each on a network card's virtual function (`sriov`)."""
    subnet: Subnet | None = None
    """The network's IPv4 addresses, /8 to /30. Required for `nat`, `route` and `open`."""
    gateway: IPv4 | None = Field(None, examples=["192.168.150.254"])
    """The host's own address on it."""
    mask: Literal["netmask", "prefix"] | None = Field(None, examples=["prefix"])
    """How libvirt's definition writes the subnet: with its netmask, or as Terraform's provider does, with
    its family and prefix. Both mean the same; `netmask` when not given."""
    ipv6: Ipv6Spec | None = None
    """Its IPv6 addresses."""
    addresses: tuple[Interface, ...] = Field((), examples=[["10.81.0.1/24", "fd00:151::1/64"]])
    """Further addresses of the host's on it, each with its prefix."""
    local_ptr: bool | None = Field(None, examples=[True])
    """Whether no other server is asked for the names of its IPv4 addresses."""
    guest_ipv6: bool | None = Field(None, examples=[True])
    """Whether guests reach each other by IPv6 on a network that has no IPv6 address."""
    dhcp: DhcpSpec | None = None
    """Its DHCP server; none when not given. It also gives the VMs on the network the `ip` that their
    interfaces state, and `dhcp: {}` nothing else."""
    dns: DnsSpec | None = None
    """Names that its DNS server knows besides those of its leases."""
    domain: DomainSpec | None = None
    """The DNS domain of the guests."""
    dnsmasq_options: tuple[Option, ...] = Field((), examples=[["dhcp-option=42,192.168.150.1"]])
    """Lines for the configuration of its dnsmasq. libvirt tests none of them."""
    mtu: Annotated[int, Field(ge=68, le=65521, strict=True)] | None = Field(None, examples=[1450])
    """Largest packet, in bytes."""
    mac: Mac | None = None
    """The MAC address of its bridge; libvirt draws one when not given."""
    bridge: BridgeName | None = None
    """The host's bridge, for mode `bridge`. In the other modes, what libvirt calls the bridge that it makes;
    `virbr` and a number when not given."""
    stp: bool | None = Field(None, examples=[False])
    """Whether that bridge takes part in the spanning tree; libvirt's yes when not given."""
    delay: Duration | None = Field(None, examples=["2s"])
    """How long that bridge waits before it forwards, in whole seconds."""
    zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,17}$", examples=["trusted"])] | None = None
    """The firewalld zone of that bridge; libvirt's own when not given."""
    mac_table: Literal["kernel", "libvirt"] | None = Field(None, examples=["libvirt"])
    """Who keeps the bridge's table of MACs; `libvirt` needs no flooding, and no promiscuous ports."""
    isolated_ports: bool | None = Field(None, examples=[True])
    """Whether its guests do not reach each other."""
    dev: DeviceName | None = Field(None, examples=["eno1"])
    """The only interface of the host that guests reach the world by; for `nat` and `route`."""
    interfaces: tuple[DeviceName, ...] = Field((), examples=[["eno1", "eno2"]])
    """The host's interfaces, for mode `macvtap`: a guest that starts gets the one with the fewest guests."""
    pf: DeviceName | None = Field(None, examples=["eno3"])
    """The network card whose virtual functions guests get, for `sriov` and `macvtap_mode: passthrough`."""
    devices: tuple[PciAddress, ...] = Field((), examples=[["0000:03:10.1", "0000:03:10.3"]])
    """Those virtual functions, by their PCI addresses, in place of `pf`."""
    managed: bool | None = Field(None, examples=[True])
    """Whether libvirt takes the device from the host's driver, and gives it back, for `sriov`."""
    driver: Literal["vfio", "kvm"] | None = Field(None, examples=["vfio"])
    """What passes the device through, for `sriov`; libvirt's choice when not given."""
    macvtap_mode: Literal["bridge", "vepa", "private", "passthrough"] | None = None
    """How guests on one interface reach each other, for mode `macvtap`: `bridge` when not given."""
    nat: NatSpec | None = None
    """How mode `nat` translates addresses."""
    routes: tuple[RouteSpec, ...] = ()
    """Networks behind guests, as routes of the host."""
    bandwidth: BandwidthSpec | None = None
    """Limits of all its guests together."""
    vlan: VlanSpec | None = None
    """The VLAN of its ports; needs a switch that knows VLANs, such as Open vSwitch."""
    virtualport: VirtualPortSpec | None = None
    """The switch that the host's bridge is, where it is not the kernel's."""
    portgroups: dict[GroupName, PortGroupSpec] = Field(default_factory=dict)
    """Classes of ports, by name."""
    trust_guest_rx_filters: bool | None = Field(None, examples=[True])
    """Whether guests may change the MACs and filters of their macvtaps."""
    state: Literal["running", "any"] = Field("running", examples=["any"])
    """Whether it shall run; `any` leaves it as it is."""
    autostart: bool | None = Field(None, examples=[False])
    """Whether it starts with the host."""
    uuid: Uuid | None = None
    """Adopts the existing network of this UUID; only stated fields are then compared."""
    xml: NetworkFragment | None = Field(None, examples=[EXAMPLE])
    """What libvirt knows and no field says: a piece of its XML, merged by identity into the network's."""

    @field_validator("subnet")
    @classmethod
    def _sane(cls, subnet: str | None) -> str | None:
        if subnet is not None and IPv4Network(subnet).prefixlen not in _PREFIXES:
            raise PydanticCustomError("subnet", "a network's subnet is between /8 and /30")
        return subnet

    @model_validator(mode="after")
    def _fits(self) -> NetworkSpec:
        rules.enforce(self)
        return self

    @property
    def first_address(self) -> str | None:
        """The host's own address."""
        if self.subnet is None:
            return None
        return self.gateway or str(IPv4Network(self.subnet).network_address + 1)

    @property
    def first_address6(self) -> str | None:
        """The host's own IPv6 address."""
        if self.ipv6 is None:
            return None
        return self.ipv6.gateway or str(IPv6Network(self.ipv6.subnet).network_address + 1)

    @property
    def prefix6(self) -> int | None:
        """The length of the IPv6 subnet's prefix."""
        return IPv6Network(self.ipv6.subnet).prefixlen if self.ipv6 else None

    @property
    def forward_mode(self) -> str:
        """libvirt's own word: a macvtap network has the mode of its macvtaps."""
        if self.mode == "macvtap":
            return self.macvtap_mode or "bridge"
        return "hostdev" if self.mode == "sriov" else self.mode

    @property
    def prefix(self) -> int | None:
        """The length of the subnet's prefix."""
        return IPv4Network(self.subnet).prefixlen if self.subnet else None

    @property
    def netmask(self) -> str | None:
        """The subnet's mask, dotted."""
        return str(IPv4Network(self.subnet).netmask) if self.subnet else None
