"""A storage pool as the manifest writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.broken import Broken, enforce
from kvmspec.kinds.fragments import PoolFragment
from kvmspec.kinds.parts import Uuid
from kvmspec.kinds.pool.source_spec import Line, PoolPermissions, PoolSource
from kvmspec.kinds.pool.types import TYPES, Type
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import HostPath

EXAMPLE = "<pool><source><product name='disk'/></source></pool>"


def _folder(value: Any) -> Any:
    if value == "/":
        raise PydanticCustomError("path", "a pool cannot be the root folder")
    return value


class PoolFeatures(Model):
    """What the folder's file system does."""

    examples: ClassVar[Sequence[Any]] = ({"cow": False},)

    cow: bool | None = Field(None, examples=[False])
    """Whether new files are copied on write; false suits images on btrfs."""


class PoolSpec(Model):
    """A storage pool: where volumes lie."""

    examples: ClassVar[Sequence[Any]] = (
        {"path": "/srv/vms"},
        {"path": "/mnt/nvme/vms", "autostart": False},
        {"type": "netfs", "path": "/mnt/vms", "mount_options": ["noatime"],
         "source": {"hosts": ["nas"], "dir": "/export/vms", "format": "nfs", "protocol_version": "4.1",
                    "vendor": "acme", "product": "nas"}},
        {"type": "logical", "source": {"name": "vg0", "devices": ["/dev/sdb"]}},
        {"type": "rbd", "source": {"name": "libvirt-pool", "hosts": ["ceph1", "ceph2"],
                                   "auth": {"username": "libvirt", "secret": "ceph-key"}},
         "rbd_options": {"rbd_default_features": "3"}, "volume_allocation": "capacity"},
        {"type": "iscsi", "source": {"hosts": ["san"], "devices": ["iqn.2013-06.lan.shop:vms"],
                                     "initiator": "iqn.2013-06.lan.shop:hv1"}},
        {"type": "scsi", "source": {"adapter": "scsi_host1"}},
    )  # fmt: skip
    least: ClassVar[frozenset[str]] = frozenset({"path", "type"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "type": ("path", "source"),
        "source": ("type", "path"),
        "mount_options": ("type", "path", "source"),
        "rbd_options": ("type", "source"),
        "volume_allocation": ("type", "source"),
    } | {f"source.{part}": () for part in PoolSource.model_fields}

    type: Literal["dir", "fs", "netfs", "logical", "disk", "iscsi", "iscsi-direct", "scsi", "mpath", "rbd",
                  "sheepdog", "gluster", "zfs", "vstorage"] = "dir"  # fmt: skip
    """What holds the volumes: a folder of the host (`dir`), a file system that is mounted (`fs`, `netfs`),
    a volume group of LVM's (`logical`), a disk's partitions (`disk`), disks of a SAN or of an adapter
    (`iscsi`, `iscsi-direct`, `scsi`, `mpath`), or storage of Ceph, Sheepdog, Gluster, ZFS or Virtuozzo."""
    path: Annotated[HostPath, BeforeValidator(_folder)] | None = None
    """The folder; made where it is missing. It cannot change. For devices, where the host has them: not
    needed where there is a usual place."""
    source: PoolSource | None = None
    """Where the volumes come from, for every type but `dir` and `mpath`."""
    permissions: PoolPermissions | None = None
    """Whose the folder is."""
    features: PoolFeatures | None = None
    """What its file system does."""
    mount_options: tuple[Line, ...] = Field((), examples=[["noatime"]])
    """Options of the mount, for `fs` and `netfs`. libvirt tests none of them."""
    rbd_options: dict[Line, Line] = Field(default_factory=dict, examples=[{"rbd_default_features": "3"}])
    """Options of librados, for `rbd`. libvirt tests none of them."""
    volume_allocation: Literal["default", "capacity"] | None = Field(None, examples=["capacity"])
    """How much of a volume counts as used, for `rbd`: what is written, which takes long to
    find out, or all."""
    state: Literal["running", "any"] = Field("running", examples=["any"])
    """Whether it shall run; `any` leaves it as it is."""
    autostart: bool | None = None
    """Whether it starts with the host."""
    uuid: Uuid | None = None
    """Adopts the existing pool of this UUID; only stated fields are then compared."""
    xml: PoolFragment | None = Field(None, examples=[EXAMPLE])
    """What libvirt knows and no field says: a piece of its XML, merged by identity into the pool's."""

    @model_validator(mode="after")
    def _fits(self) -> PoolSpec:
        enforce("pool", [*self._of_other_types(), *self._place(), *self._parts()])
        return self

    def _of_other_types(self) -> Iterator[Broken]:
        for field, types in _ONLY_WITH.items():
            if getattr(self, field) and self.type not in types:
                others = " or ".join(f"`{name}`" for name in types)
                yield (field,), "rule", f"`{field}` goes with type {others} only"

    def _place(self) -> Iterator[Broken]:
        if self.kind.target == "" and self.path is None:
            yield (), "required", "`path` is required"
        for field in ("path", "permissions"):
            if self.kind.target is None and getattr(self, field) is not None:
                message = (
                    f"a pool of type `{self.type}` has no place on the host, so `{field}` makes no sense"
                )
                yield (field,), "rule", message

    def _parts(self) -> Iterator[Broken]:
        given = [part for part in PoolSource.model_fields if getattr(self.origin, part)]
        for part in self.kind.needs:
            if part not in given and self.uuid is None:
                yield ("source",), "required", f"`source.{part}` is required with `type: {self.type}`"
        for part in given:
            if part not in (*self.kind.needs, *self.kind.takes):
                yield ("source", part), "rule", f"a pool of type `{self.type}` has no `{part}`"

    @property
    def kind(self) -> Type:
        """What its type needs."""
        return TYPES[self.type]

    @property
    def origin(self) -> PoolSource:
        """Its source, with nothing in it where none is stated."""
        return self.source or PoolSource()

    def target_of(self, name: str) -> str | None:
        """Where its volumes are on the host; None where they have no place there."""
        usual = self.kind.target
        return self.path or (usual.format(name=self.origin.name or name) if usual else None)

    def references(self) -> Sequence[Reference]:
        """The secret that its storage is logged in to with."""
        auth = self.source.auth if self.source is not None else None
        return [("secret", auth.secret)] if auth is not None else []


_ONLY_WITH = {
    "mount_options": ("fs", "netfs"),
    "rbd_options": ("rbd",),
    "volume_allocation": ("rbd",),
    "features": ("dir", "fs", "netfs"),
}
"""field → types that libvirt takes it with."""
