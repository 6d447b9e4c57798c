"""An interface of a VM, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.nic_names import DeviceName, drawn_by_nobody
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.types import HostPath, IPv4, IPv4Interface, Mac, Name

if TYPE_CHECKING:
    from kvmspec.kinds.domain.nic_driver_spec import DriverSpec, NicBackendSpec, RomSpec, TeamingSpec
    from kvmspec.kinds.domain.nic_parts_spec import CoalesceSpec, PortBandwidthSpec
    from kvmspec.kinds.domain.nic_places_spec import (
        EthernetSpec,
        HostNicSpec,
        ListenSpec,
        MacvtapSpec,
        SocketSpec,
        UdpSpec,
        UserSpec,
        VdsSpec,
        VhostUserSpec,
    )
    from kvmspec.kinds.domain.virtio_spec import VirtioSpec
    from kvmspec.kinds.filters import FilterSpec
    from kvmspec.kinds.ports import VirtualPortSpec, VlanSpec
else:
    DriverSpec = deferred("kvmspec.kinds.domain.nic_driver_spec", "DriverSpec")
    NicBackendSpec = deferred("kvmspec.kinds.domain.nic_driver_spec", "NicBackendSpec")
    RomSpec = deferred("kvmspec.kinds.domain.nic_driver_spec", "RomSpec")
    TeamingSpec = deferred("kvmspec.kinds.domain.nic_driver_spec", "TeamingSpec")
    CoalesceSpec = deferred("kvmspec.kinds.domain.nic_parts_spec", "CoalesceSpec")
    FilterSpec = deferred("kvmspec.kinds.filters", "FilterSpec")
    PortBandwidthSpec = deferred("kvmspec.kinds.domain.nic_parts_spec", "PortBandwidthSpec")
    EthernetSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "EthernetSpec")
    HostNicSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "HostNicSpec")
    ListenSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "ListenSpec")
    MacvtapSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "MacvtapSpec")
    SocketSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "SocketSpec")
    UdpSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "UdpSpec")
    UserSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "UserSpec")
    VdsSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "VdsSpec")
    VhostUserSpec = deferred("kvmspec.kinds.domain.nic_places_spec", "VhostUserSpec")
    VirtioSpec = deferred("kvmspec.kinds.domain.virtio_spec", "VirtioSpec")
    VirtualPortSpec = deferred("kvmspec.kinds.ports", "VirtualPortSpec")
    VlanSpec = deferred("kvmspec.kinds.ports", "VlanSpec")

PLACES: Mapping[str, str] = {
    "network": "network",
    "bridge": "bridge",
    "macvtap": "direct",
    "user": "user",
    "ethernet": "ethernet",
    "hostdev": "hostdev",
    "vhostuser": "vhostuser",
    "vdpa": "vdpa",
    "multicast": "mcast",
    "server": "server",
    "client": "client",
    "udp": "udp",
    "internal": "internal",
    "vds": "vds",
    "unplugged": "null",
}
"""The fields that say where an interface is plugged in, and libvirt's type for each."""


class NicSpec(Placeable):
    """A network interface, plugged into exactly one thing: `network`, `bridge`, `macvtap`, `user`,
    `ethernet`, `hostdev`, `vhostuser`, `vdpa`, `multicast`, `server`, `client`, `udp`, `internal`, `vds` or
    `unplugged`."""

    short: ClassVar[str | None] = "network"

    examples: ClassVar[Sequence[Any]] = (
        "front",
        {"network": "front", "mac": "52:54:00:00:00:0a"},
        {"bridge": "br0", "name": "uplink"},
        {"network": "front", "ip": "192.168.150.10"},
        {
            "bridge": "br0",
            "ip": "192.168.1.20/24",
            "gateway": "192.168.1.1",
            "nameservers": ["192.168.1.1"],
        },
        {"macvtap": "eno2", "name": "fast", "queues": 4},
        {"network": "front", "filter": "clean-traffic", "bandwidth": {"inbound": {"average": "100MB"}}},
        {"user": True},
        {"ethernet": True, "tap": "web-front", "script": "/etc/web-up"},
        {"hostdev": "0000:41:10.0", "vlan": 42},
        {"vhostuser": "/run/vhost1.sock", "queues": 2},
        {"vdpa": "/dev/vhost-vdpa-0"},
        {"multicast": {"address": "230.0.0.1", "port": 5558}},
        {"server": 5558},
        {"client": {"address": "192.0.2.10", "port": 5558}},
        {"udp": {"address": "192.0.2.10", "port": 5558, "local": {"address": "192.0.2.11", "port": 5559}}},
        {"internal": "lab"},
        {
            "vds": {
                "switch": "12345678-1234-1234-1234-123456789abc",
                "port": 6,
                "portgroup": "dvportgroup-4",
                "connection": 1,
            }
        },
        {"unplugged": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"network", "bridge", "macvtap", "ethernet", "hostdev", "ip"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {"loadparm": ["boot_order"]}

    name: Name | None = None
    """The key by which the interface is known for life; its network, bridge or host interface when not
    given, of others the field that says where it is plugged in."""
    network: Name | None = None
    """A libvirt network, declared or on the host."""
    portgroup: Name | None = Field(None, examples=["fast"])
    """The class of ports of its `network` that it is in; the network's default one when not given."""
    bridge: Name | None = None
    """A bridge of the host."""
    macvtap: MacvtapSpec | None = None
    """An interface of the host that it shares."""
    user: UserSpec | Literal[True] | None = None
    """A network of the guest's own, made out of connections of the host's."""
    ethernet: EthernetSpec | Literal[True] | None = None
    """A tap of the host, plugged into nothing; see `tap` and `script`."""
    hostdev: HostNicSpec | None = None
    """A network card of the host's, or a virtual function of one."""
    vhostuser: VhostUserSpec | None = None
    """A switch in a program of the host's. It takes memory that is shared with the host."""
    vdpa: HostPath | None = Field(None, examples=["/dev/vhost-vdpa-0"])
    """A vDPA device of the host's."""
    multicast: SocketSpec | None = None
    """A network of the guests that are in one multicast group."""
    server: ListenSpec | None = None
    """A connection that another QEMU makes."""
    client: SocketSpec | None = None
    """A connection to another QEMU's `server`."""
    udp: UdpSpec | None = None
    """UDP to another QEMU."""
    internal: Name | None = Field(None, examples=["lab"])
    """A network of the hypervisor's own, of those that have one (VirtualBox)."""
    vds: VdsSpec | None = None
    """A port of a VMware distributed switch."""
    unplugged: Literal[True] | None = None
    """Nothing at all, of hypervisors that know such a card."""
    mac: Mac | None = None
    """Its MAC address."""
    ip: IPv4Interface | None = None
    """The guest's address. On a declared network with `dhcp:` its DHCP server always gives it this one,
    and its DNS server knows it by the VM's name. Elsewhere cloud-init sets it in the guest; where the
    manifest does not say the subnet (on a bridge), it needs its prefix: 192.168.1.20/24."""
    gateway: IPv4 | None = None
    """The router, of an address that cloud-init sets; a declared network's own when not given."""
    nameservers: tuple[IPv4, ...] = ()
    """The DNS servers, of an address that cloud-init sets; a declared network's own when not given."""
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] | None = Field(None, examples=["e1000e"])
    """The card the guest sees: virtio, e1000, e1000e, rtl8139, igb or another that QEMU knows."""
    link: Literal["up", "down"] | None = Field(None, examples=["down"])
    """Whether the cable is plugged in; up when not given."""
    filter: FilterSpec | None = None
    """A network filter of the host that it goes through."""
    bandwidth: PortBandwidthSpec | None = None
    """Limits of its traffic."""
    isolated: bool | None = Field(None, examples=[True])
    """Whether it is kept from other isolated ports of the same bridge."""
    vlan: VlanSpec | None = None
    """The VLAN it is in, where the switch has them: Open vSwitch, or an SR-IOV network."""
    virtualport: VirtualPortSpec | None = None
    """The switch it is on, where that is not the kernel's bridge."""
    mtu: Annotated[int, Field(ge=68, le=65535, strict=True)] | None = Field(None, examples=[9000])
    """The largest packet, in bytes; its network's own when not given."""
    queues: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[4])
    """Queues of a virtio card, so that several vCPUs can serve it."""
    driver: DriverSpec | None = None
    """What serves a virtio card."""
    virtio: VirtioSpec | None = None
    """How a virtio card reaches the guest's memory."""
    backend: NicBackendSpec | None = None
    """Devices of the host's that its tap is made with."""
    send_buffer: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)] | None = Field(None, examples=[1600])
    """How many bytes its tap holds that the host has not sent; 0 is as many as come."""
    coalesce: CoalesceSpec | None = None
    """How packets are gathered before the host is interrupted."""
    tap: Annotated[DeviceName, AfterValidator(drawn_by_nobody)] | None = Field(None, examples=["web-front"])
    """The name of its tap on the host; one that libvirt draws when not given."""
    script: HostPath | None = Field(None, examples=["/etc/web-up"])
    """A program that sets the tap up, of `ethernet`."""
    downscript: HostPath | None = Field(None, examples=["/etc/web-down"])
    """A program that takes the tap down, of `ethernet`."""
    guest_dev: DeviceName | None = Field(None, examples=["eth0"])
    """The interface's name in the guest, of containers."""
    trust_guest_rx_filters: bool | None = Field(None, examples=[True])
    """Whether the guest may change its MAC address and the groups it listens to, of `macvtap`."""
    teaming: TeamingSpec | None = None
    """Which part it has of two interfaces that the guest takes for one."""
    rom: RomSpec | Literal[False] | None = None
    """Its boot ROM; false for none."""
    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None, examples=[2])
    """Its place among the disks and interfaces that are started from; `boot.devices` is another way to
    say it."""

    loadparm: Annotated[str, Field(pattern=r"^[A-Za-z0-9. ]{1,8}$")] | None = Field(None, examples=["2"])
    """What its firmware is told when it is started from (S/390)."""

    @property
    def into(self) -> str:
        """The field that says where it is plugged in."""
        return next(name for name in PLACES if getattr(self, name) is not None)

    @property
    def type(self) -> str:
        """libvirt's type."""
        return PLACES[self.into]

    @property
    def label(self) -> str:
        """What it is called where it has no name."""
        return self.network or self.bridge or (self.macvtap.dev if self.macvtap else self.into)

    @property
    def absent(self) -> list[str]:
        """What its `false` says must not be there: libvirt shows no "no" of these."""
        managed = self.hostdev is None or self.hostdev.managed
        return [*(["port"] if self.isolated is False else []), *(["@managed"] if managed is False else [])]

    @property
    def plain(self) -> bool:
        """Whether it states nothing but where it is plugged in, and its card."""
        return not self.model_fields_set & _MORE

    @model_validator(mode="after")
    def _one_source(self) -> NicSpec:
        if sum(getattr(self, name) is not None for name in PLACES) != 1:
            raise PydanticCustomError(
                "nic",
                "an interface has exactly one of {places} or `unplugged`",
                {"places": ", ".join(f"`{name}`" for name in PLACES if name != "unplugged")},
            )
        for field in ("gateway", "nameservers"):
            if getattr(self, field) and self.ip is None:
                raise PydanticCustomError("nic", "`{field}` goes with `ip` only", {"field": field})
        if self.portgroup is not None and self.network is None:
            raise PydanticCustomError("nic", "`portgroup` goes with `network` only")
        return self

    @model_validator(mode="after")
    def _fits(self) -> NicSpec:
        virtio = self.model is None or self.model.startswith("virtio") or self.hostdev is not None
        for field in ("queues", "driver", "virtio"):
            if not virtio and getattr(self, field) is not None:
                raise PydanticCustomError("nic", "`{field}` goes with `model: virtio` only", {"field": field})
        if self.driver and (self.driver.name == "vfio") and self.hostdev is None:
            raise PydanticCustomError("nic", "`driver: vfio` goes with `hostdev` only")
        if self.loadparm is not None and self.boot_order is None:
            raise PydanticCustomError("nic", "`loadparm` goes with `boot_order` only")
        if self.isolated is not None and self.into not in ("network", "bridge"):
            raise PydanticCustomError("nic", "`isolated` goes with `network` or `bridge` only")
        if (floor := self.bandwidth and self.bandwidth.inbound and self.bandwidth.inbound.floor) and (
            floor and self.network is None
        ):
            raise PydanticCustomError("nic", "`bandwidth.inbound.floor` goes with `network` only")
        if self.vlan is not None and (self.vlan.tag is None) == (not self.vlan.trunk):
            raise PydanticCustomError("nic", "a VLAN has either `tag` or `trunk`")
        if self.vlan and self.vlan.native is not None and self.vlan.native not in self.vlan.trunk:
            raise PydanticCustomError("nic", "`vlan.native` is none of the VLANs in `vlan.trunk`")
        return self


_PLAIN = {"name", "network", "portgroup", "bridge", "macvtap", "mac", "ip", "gateway", "nameservers", "model"}
_PLAIN |= {*Placeable.model_fields}
_MORE = frozenset(NicSpec.model_fields) - _PLAIN
