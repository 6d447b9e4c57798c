"""What each type of pool needs, as libvirt's own table has it [source: storage_conf.c, poolTypeInfo]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Type(NamedTuple):
    """needs, takes: parts of `source` it must and may have. target: the folder or devices where its volumes
    are when no `path` is given: "" none is usual, None where volumes have no place on the host.
    files: volumes are files, else devices. names: whether the storage has a name of its own."""

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    target: str | None = ""
    files: bool = False
    names: bool = False


_ANY = ("vendor", "product", "format")
TYPES: Mapping[str, Type] = {
    "dir": Type((), _ANY, files=True),
    "fs": Type(("devices",), _ANY, files=True),
    "netfs": Type(("hosts", "dir"), (*_ANY, "protocol_version"), files=True),
    "logical": Type((), ("name", "devices", *_ANY), "/dev/{name}", names=True),
    "disk": Type(("devices",), _ANY, "/dev"),
    "iscsi": Type(("hosts", "devices"), ("initiator", "auth", *_ANY), "/dev/disk/by-path"),
    "iscsi-direct": Type(("hosts", "devices", "initiator"), ("auth",), None),
    "scsi": Type(("adapter",), _ANY, "/dev/disk/by-path"),
    "mpath": Type((), _ANY, "/dev/mapper"),
    "rbd": Type(("hosts",), ("name", "auth"), None, names=True),
    "sheepdog": Type(("hosts",), ("name",), None, names=True),
    "gluster": Type(("hosts",), ("name", "dir"), None, names=True),
    "zfs": Type((), ("name", "devices", *_ANY), "/dev/zvol/{name}", names=True),
    "vstorage": Type((), ("name",), "", files=True, names=True),
}
