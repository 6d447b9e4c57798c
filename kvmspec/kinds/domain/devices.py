"""Disks, interfaces and displays of a VM, as the manifest writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import BackingSpec, enforce_one_origin
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import (
    HostPath,
    IPv4,
    IPv4Interface,
    Mac,
    Name,
    Secret,
    Size,
    Text,
    parse_name,
    parse_path,
)

_SOURCES = ("volume", "path", "cdrom")


class DiskSpec(Model):
    """A disk or a CD-ROM, from exactly one source: `size` (a blank disk of the VM's own), `image` or
    `backing` (a disk of its own made from that), `volume`, `path` or `cdrom`."""

    later: ClassVar[frozenset[str]] = frozenset({"iops", "bandwidth", "boot_order", "serial"})

    examples: ClassVar[Sequence[Any]] = (
        {"name": "root", "size": "20GiB"},
        {"name": "system", "image": "debian-12", "size": "20GiB"},
        {"name": "tools", "image": "debian-12", "clone": "full"},
        {"name": "data", "backing": "golden"},
        {"volume": "pgdata"},
        {"path": "/srv/disks/old.raw"},
        {"cdrom": "/srv/isos/debian-12.iso"},
    )

    name: Name | None = Field(None, examples=["root"])
    """The key by which the disk is known for life. A disk of the VM's own needs one: its volume is
    called after it, web-root.qcow2."""
    image: Name | None = Field(None, examples=["debian-12"])
    """The image the VM's own disk is made from, once. A newer image is noted, and `--replace` takes it."""
    size: Size | None = None
    """Size of a disk of the VM's own; it can grow and never shrinks. That of its image or backing when
    not given."""
    clone: Literal["overlay", "full"] = Field("overlay", examples=["full"])
    """How it is made from `image`: as an overlay that takes only the space of what the guest writes, or
    as a full copy that needs no base."""
    backing: BackingSpec | None = None
    """Makes the VM's own disk an overlay: only what the guest writes takes space."""
    volume: Name | None = None
    """A declared volume, or with `pool` one that is on the host."""
    path: HostPath | None = None
    """An existing file or block device of the host."""
    cdrom: Text | None = None
    """An image of kind `iso`, an ISO file of the host, or `empty`."""
    pool: Name | None = Field(None, examples=["fast"])
    """The pool the disk lies in."""
    format: Literal["qcow2", "raw"] | None = Field(None, examples=["raw"])
    """Format of the image."""
    bus: Literal["virtio", "scsi", "sata", "usb", "ide"] | None = Field(None, examples=["scsi"])
    """The bus the guest sees it on."""
    cache: Literal["none", "writeback", "writethrough", "directsync", "unsafe"] | None = None
    """How the host's page cache is used; QEMU's own choice when not given."""
    discard: Literal["unmap", "ignore"] | None = None
    """What becomes of the guest's TRIM: the space goes back to the host, or nothing."""
    io: Literal["threads", "native", "io_uring"] | None = Field(None, examples=["io_uring"])
    """How QEMU does its I/O; its own choice when not given."""

    @property
    def cdrom_image(self) -> str | None:
        """The image in the drive."""
        named = self.cdrom is not None and self.cdrom != "empty" and not self.cdrom.startswith("/")
        return self.cdrom if named and self.volume is None else None

    @property
    def own(self) -> bool:
        """Whether the volume is the VM's own: declared here, named after the VM."""
        return self.volume is None and self.path is None and self.cdrom is None

    @model_validator(mode="after")
    def _one_source(self) -> DiskSpec:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if self.size is not None or self.backing is not None or self.image is not None:
            given.append("size")
        if len(given) != 1:
            raise PydanticCustomError(
                "disk",
                "a disk has exactly one of `size` (with `image` or `backing`, or blank), `volume`, `path` "
                "or `cdrom`",
            )
        enforce_one_origin(self)
        if self.own and self.name is None:
            raise PydanticCustomError(
                "disk", "a disk of the VM's own needs a `name`; its volume is called after it"
            )
        if self.cdrom is not None and self.cdrom.startswith("/"):
            parse_path(self.cdrom)
        elif self.cdrom is not None and self.cdrom != "empty":
            parse_name(self.cdrom)
        return self


class NicSpec(Model):
    """A network interface."""

    short: ClassVar[str | None] = "network"
    later: ClassVar[frozenset[str]] = frozenset(
        {"queues", "macvtap", "vlan", "bandwidth", "filter", "link", "mtu", "boot_order", "portgroup"}
    )

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
    )
    least: ClassVar[frozenset[str]] = frozenset({"network", "bridge", "ip"})

    name: Name | None = None
    """The key by which the interface is known for life; its network or bridge when not given."""
    network: Name | None = None
    """A libvirt network, declared or on the host. An interface has this or `bridge`."""
    bridge: Name | None = None
    """A bridge of the host."""
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
    model: Literal["virtio", "e1000", "e1000e", "rtl8139"] | None = Field(None, examples=["e1000e"])
    """The card the guest sees."""

    @model_validator(mode="after")
    def _one_source(self) -> NicSpec:
        if (self.network is None) == (self.bridge is None):
            raise PydanticCustomError("nic", "an interface has exactly one of `network` or `bridge`")
        for field in ("gateway", "nameservers"):
            if getattr(self, field) and self.ip is None:
                raise PydanticCustomError("nic", "`{field}` goes with `ip` only", {"field": field})
        return self


_VNC_PASSWORD = 8  # the protocol's limit; libvirt refuses more


class GraphicsSpec(Model):
    """A graphical console."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = ({"type": "vnc", "listen": "0.0.0.0", "port": 5901},)
    least: ClassVar[frozenset[str]] = frozenset({"type"})

    type: Literal["vnc"]
    """The protocol."""
    listen: IPv4 | None = None
    """The host's address it listens on; 0.0.0.0 for all."""
    port: Annotated[int, Field(ge=5900, le=65535, strict=True)] | None = None
    """A fixed port."""
    password: Secret | None = Field(None, examples=["${vnc_password}"])
    """Asked of whoever connects; VNC takes eight characters at the most."""

    @field_validator("password")
    @classmethod
    def _short(cls, value: str | None, info: ValidationInfo) -> str | None:
        store = (info.context or {}).get("secrets")
        if value is not None and len(store.reveal(value) if store else value) > _VNC_PASSWORD:
            raise PydanticCustomError("password", "a VNC password has at most 8 characters")
        return value
