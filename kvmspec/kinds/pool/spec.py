"""A storage pool as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath

_LATER = frozenset(
    {"fs", "netfs", "logical", "disk", "iscsi", "scsi", "rbd", "gluster", "zfs", "vstorage", "mpath"}
)


def _type(value: Any) -> Any:
    if isinstance(value, str) and value in _LATER:
        raise PydanticCustomError(
            "not_built",
            "`{field}` is part of the format, but this version does not support it yet",
            {"field": value},
        )
    return value


def _folder(value: Any) -> Any:
    if value == "/":
        raise PydanticCustomError("path", "a pool cannot be the root folder")
    return value


class PoolSpec(Model):
    """A storage pool: where volumes lie."""

    later: ClassVar[frozenset[str]] = frozenset({"source", "permissions", "features"})

    examples: ClassVar[Sequence[Any]] = ({"path": "/srv/vms"}, {"path": "/mnt/nvme/vms", "autostart": False})
    least: ClassVar[frozenset[str]] = frozenset({"path"})

    type: Annotated[Literal["dir"], BeforeValidator(_type)] = "dir"
    """What holds the volumes: `dir`, a folder of the host."""
    path: Annotated[HostPath, BeforeValidator(_folder)]
    """The folder; made where it is missing. It cannot change."""
    autostart: bool | None = None
    """Whether it starts with the host."""
    uuid: Uuid | None = None
    """Adopts the existing pool of this UUID; only stated fields are then compared."""
