"""Where a pool's volumes come from, and whose its folder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.auth import SecretName
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Text

_WWN = r"^(0x)?[0-9a-fA-F]{16}$"
_PCI = r"^[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$"

Line = Annotated[Text, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
Wwn = Annotated[str, Field(pattern=_WWN, examples=["20000000c9831b4b"])]


class PoolHost(Model):
    """A server."""

    short = "name"
    examples: ClassVar[Sequence[Any]] = ("ceph1", {"name": "ceph1", "port": 6789})
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Annotated[Line, Field(examples=["ceph1"])]
    """Its name or address."""
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None, examples=[6789])
    """The port there; the protocol's own when not given."""


class PoolDevice(Model):
    """A block device, partition or iSCSI target."""

    short = "path"
    examples: ClassVar[Sequence[Any]] = (
        "/dev/sdb",
        {"path": "/dev/mapper/mpatha", "part_separator": False},
    )
    least: ClassVar[frozenset[str]] = frozenset({"path"})

    path: Annotated[Line, Field(examples=["/dev/sdb"])]
    """A device of the host, or the name of an iSCSI target."""
    part_separator: bool | None = Field(None, examples=[False])
    """Whether partitions of a multipath device are called `p1` rather than `1`; for `disk`."""


class PoolAdapter(Model):
    """A SCSI or Fibre Channel adapter of the host, by its name, its PCI address or its WWNs."""

    short = "name"
    examples: ClassVar[Sequence[Any]] = (
        "scsi_host1",
        {"name": "scsi_host1"},
        {"address": "0000:00:1f.2", "unique_id": 1},
        {"parent": "scsi_host5", "wwnn": "20000000c9831b4b", "wwpn": "10000000c9831b4b", "managed": True},
    )
    along: ClassVar[dict[str, Sequence[str]]] = dict.fromkeys(
        ("parent", "parent_wwnn", "parent_wwpn", "parent_fabric_wwn", "managed"), ("wwnn", "wwpn")
    ) | {"unique_id": ("address",), "wwnn": ("wwpn",), "wwpn": ("wwnn",)}

    name: Annotated[Line, Field(examples=["scsi_host1"])] | None = None
    """A SCSI adapter; another one may have the name after a reboot."""
    address: Annotated[str, Field(pattern=_PCI, examples=["0000:00:1f.2"])] | None = None
    """The PCI address of a SCSI adapter."""
    unique_id: Annotated[int, Field(ge=0, strict=True)] | None = Field(None, examples=[1])
    """Which of the adapters at `address`."""
    wwnn: Wwn | None = None
    """The node's name of a virtual Fibre Channel adapter."""
    wwpn: Wwn | None = None
    """The port's name of a virtual Fibre Channel adapter."""
    parent: Annotated[Line, Field(examples=["scsi_host5"])] | None = None
    """The adapter that a virtual one is made on; a free one when not given."""
    parent_wwnn: Wwn | None = None
    """The parent, by its node's name; takes `parent_wwpn`."""
    parent_wwpn: Wwn | None = None
    """The parent, by its port's name."""
    parent_fabric_wwn: Wwn | None = None
    """The parent, by its fabric's name."""
    managed: bool | None = Field(None, examples=[True])
    """Whether libvirt takes the virtual adapter away when the pool stops."""

    @model_validator(mode="after")
    def _one(self) -> PoolAdapter:
        ways = [
            self.name is not None,
            self.address is not None,
            self.wwnn is not None or self.wwpn is not None,
        ]
        if sum(ways) != 1:
            raise PydanticCustomError(
                "adapter", "an adapter is known by `name`, `address`, or `wwnn` and `wwpn`"
            )
        if (self.wwnn is None) != (self.wwpn is None):
            raise PydanticCustomError("adapter", "`wwnn` and `wwpn` go together")
        if self.address is not None and self.unique_id is None:
            raise PydanticCustomError("adapter", "`address` takes `unique_id`")
        return self


class PoolAuth(Model):
    """How the storage is logged in to."""

    examples: ClassVar[Sequence[Any]] = ({"username": "libvirt", "secret": "ceph-key"},)
    least: ClassVar[frozenset[str]] = frozenset({"username", "secret"})

    username: Annotated[Line, Field(examples=["libvirt"])]
    """The user there."""
    secret: SecretName
    """The secret with the password or key: by its name in the manifest, by what one of the host is used for,
    or by its UUID."""


class PoolSource(Model):
    """Where the volumes come from; which of this a pool has, its type says."""

    examples: ClassVar[Sequence[Any]] = (
        {"hosts": ["nas"], "dir": "/export/vms", "format": "nfs", "protocol_version": "4.1"},
        {
            "name": "libvirt-pool",
            "hosts": ["ceph1", "ceph2"],
            "auth": {"username": "libvirt", "secret": "ceph-key"},
        },
        {"hosts": ["san"], "devices": ["iqn.2013-06.lan.shop:vms"], "initiator": "iqn.2013-06.lan.shop:hv1"},
        {"devices": ["/dev/sdb1"], "format": "ext4", "vendor": "acme", "product": "disk"},
        {"adapter": "scsi_host1"},
    )

    name: Annotated[Line, Field(examples=["libvirt-pool"])] | None = None
    """The storage's own name: a volume group, a pool of Ceph or ZFS, a volume of Gluster; the pool's name
    when not given."""
    hosts: tuple[PoolHost, ...] = Field((), examples=[["ceph1", "ceph2"]])
    """The servers it is on."""
    devices: tuple[PoolDevice, ...] = Field((), examples=[["/dev/sdb"]])
    """The devices it is on, or the one iSCSI target."""
    dir: Annotated[Line, Field(examples=["/export/vms"])] | None = None
    """The folder of the server."""
    adapter: PoolAdapter | None = None
    """The adapter its disks are on."""
    initiator: Annotated[Line, Field(examples=["iqn.2013-06.lan.shop:hv1"])] | None = None
    """The IQN by which the host is known to an iSCSI target."""
    auth: PoolAuth | None = None
    """How it is logged in to."""
    format: Annotated[str, Field(pattern=r"^[a-z0-9+]{1,16}$", examples=["nfs"])] | None = None
    """The file system (`ext4`, `nfs`, `cifs` …), or the kind of partition table (`gpt`, `dos` …)."""
    protocol_version: Annotated[str, Field(pattern=r"^[0-9.]{1,8}$", examples=["4.1"])] | None = None
    """The version of NFS."""
    vendor: Annotated[Line, Field(examples=["acme"])] | None = None
    """Who made the storage; for people."""
    product: Annotated[Line, Field(examples=["disk"])] | None = None
    """What it is; for people."""


class PoolPermissions(Model):
    """Whose the folder is."""

    examples: ClassVar[Sequence[Any]] = ({"mode": "0711", "owner": 0, "group": 0},)

    mode: Annotated[str, Field(pattern=r"^0?[0-7]{3,4}$", examples=["0711"])] | None = None
    """Its mode, octal and in quotes."""
    owner: Annotated[int, Field(ge=0, strict=True)] | None = Field(None, examples=[0])
    """The number of the user it belongs to."""
    group: Annotated[int, Field(ge=0, strict=True)] | None = Field(None, examples=[0])
    """The number of its group."""
    label: Annotated[Line, Field(examples=["system_u:object_r:virt_image_t:s0"])] | None = None
    """Its SELinux label."""


Allocation = Literal["default", "capacity"]
