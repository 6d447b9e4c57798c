"""Where a disk's data lies when it is no plain file and no volume of libvirt's, as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms and libvirt 9.0's schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.auth import AuthSpec
from kvmspec.kinds.domain.device_types import PciAddress
from kvmspec.kinds.domain.source_parts import (
    EncryptionSpec,
    HostSpec,
    IdentitySpec,
    ReservationsSpec,
    SliceSpec,
    SourceLabelSpec,
)
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, HostPath, Name, Secret, Size, Text, parse_duration, words

_TYPES: Mapping[str, str] = {
    "file": "file",
    "block": "block",
    "dir": "dir",
    "pool": "volume",
    "nvme": "nvme",
    "vhostuser": "vhostuser",
    "vhostvdpa": "vhostvdpa",
    "protocol": "network",
}
"""The field that says where it lies → libvirt's type."""
_WEB = ("http", "https", "ftp", "ftps")
_ONLY: Mapping[str, tuple[str, ...]] = {
    "volume": ("pool",),
    "mode": ("pool",),
    "namespace": ("nvme",),
    "managed": ("nvme",),
    "fd_group": ("file",),
    "query": ("http", "https"),
    "snapshot": ("rbd",),
    "config": ("rbd",),
    "tls": ("nbd", "vxhs"),
    "tls_hostname": ("nbd",),
    "ssl_verify": ("https", "ftps"),
    "cookies": ("http", "https"),
    "readahead": (*_WEB, "tftp", "sheepdog"),
    "timeout": (*_WEB, "tftp", "sheepdog"),
    "initiator": ("iscsi",),
    "identity": ("nfs", "ssh"),
    "known_hosts": ("ssh",),
    "reconnect": ("vhostuser", "nbd"),
    "auth": ("rbd", "iscsi", *_WEB),
    "reservations": ("block",),
    "seclabels": ("file", "block", "pool", "dir", "nvme"),
}
"""field → the protocols, or the fields that say where the data lies, with which it goes."""
_OPTIONAL_NAME, _OPTIONAL_HOSTS = ("nbd", "rbd"), ("rbd",)


def parse_reconnect(value: Any) -> int | bool:
    """`false`, or a duration in seconds. Raises PydanticCustomError (`duration`)."""
    return False if value is False else parse_duration(value)


Reconnect = Annotated[
    int | bool,
    BeforeValidator(parse_reconnect),
    words({"type": ["string", "boolean"], "examples": ["10s"]}, "duration", "a duration, or false"),
]


class SourceSpec(Model):
    """Where the data lies: exactly one of `file`, `block`, `dir`, `pool` with `volume`, `nvme`, `vhostuser`,
    `vhostvdpa`, or `protocol` for a storage server."""

    examples: ClassVar[Sequence[Any]] = (
        {"protocol": "rbd", "name": "vms/web", "hosts": ["ceph1", "ceph2"], "config": "/etc/ceph/ceph.conf"},
        {"protocol": "rbd", "name": "vms/web", "snapshot": "monday"},
        {"protocol": "iscsi", "name": "iqn.2026-01.lan.shop:web/1", "hosts": ["san"],
         "initiator": "iqn.2026-01.lan.shop:hv1"},
        {"protocol": "nbd", "name": "web", "hosts": ["nbd1"], "tls": True, "tls_hostname": "nbd1.lan",
         "reconnect": "10s"},
        {"protocol": "https", "name": "isos/a.iso", "hosts": ["web.lan"], "query": "v=1", "ssl_verify": False,
         "readahead": "64KiB", "timeout": "10s", "cookies": {"session": "${cookie}"}},
        {"protocol": "nfs", "name": "/export/web.raw", "hosts": ["nas"], "identity": {"user": "+107"}},
        {"protocol": "ssh", "name": "/srv/web.raw", "hosts": ["nas"], "known_hosts": "/etc/ssh/known"},
        {"pool": "san", "volume": "unit:0:0:1", "mode": "direct"},
        {"nvme": "0000:01:00.0", "namespace": 1, "managed": True},
        {"vhostuser": "/run/spdk/web.sock", "reconnect": "10s"},
        {"vhostvdpa": "/dev/vhost-vdpa-0"},
        {"dir": "/srv/files"},
        {"block": "/dev/mapper/mpatha", "reservations": True},
        {"file": "/srv/disks/web.raw", "seclabels": SourceLabelSpec.examples},
        {"file": "/srv/disks/all.raw", "slice": {"offset": 4096, "size": "10GiB"}, "fd_group": "web"},
    )  # fmt: skip

    file: HostPath | None = Field(None, examples=["/srv/disks/web.raw"])
    """A file of the host. `path` of the disk is the short way to say it."""
    block: HostPath | None = Field(None, examples=["/dev/mapper/mpatha"])
    """A block device of the host."""
    dir: HostPath | None = Field(None, examples=["/srv/files"])
    """A directory of the host, which the guest sees as a disk with a FAT file system."""
    pool: Name | None = Field(None, examples=["san"])
    """A pool of libvirt's, in which libvirt looks for `volume` at each start."""
    volume: Text | None = Field(None, examples=["unit:0:0:1"])
    """The volume in `pool`."""
    mode: Literal["host", "direct"] | None = Field(None, examples=["direct"])
    """How a volume of an iSCSI pool is reached: as a device of the host, or by QEMU itself."""
    nvme: PciAddress | None = None
    """An NVMe drive of the host, by its PCI address."""
    namespace: Annotated[int, Field(ge=1, le=2**32 - 1, strict=True)] | None = Field(None, examples=[1])
    """The namespace of `nvme`."""
    managed: bool | None = Field(None, examples=[True])
    """Whether libvirt takes the NVMe drive from the host's driver, and gives it back."""
    vhostuser: HostPath | None = Field(None, examples=["/run/spdk/web.sock"])
    """The socket of another process that serves the disk by vhost-user."""
    vhostvdpa: HostPath | None = Field(None, examples=["/dev/vhost-vdpa-0"])
    """A vDPA block device of the host (libvirt 9.8)."""
    protocol: (
        Literal[
            "rbd", "iscsi", "nbd", "http", "https", "ftp", "ftps", "tftp", "gluster", "sheepdog", "ssh",
            "nfs", "vxhs",
        ]
        | None
    ) = Field(None, examples=["rbd"])  # fmt: skip
    """How a storage server is spoken to."""
    name: Text | None = Field(None, examples=["vms/web"])
    """What it is called there: pool and image, target and LUN, export, or path."""
    query: Text | None = Field(None, examples=["v=1"])
    """What a URL has behind its `?`."""
    hosts: tuple[HostSpec, ...] = Field((), examples=[["ceph1", "ceph2"]])
    """The servers. Those of rbd can be left to its configuration."""
    snapshot: Text | None = Field(None, examples=["monday"])
    """A snapshot of the rbd image."""
    config: HostPath | None = Field(None, examples=["/etc/ceph/ceph.conf"])
    """A configuration file for rbd."""
    tls: bool | None = Field(None, examples=[True])
    """Whether it is spoken to in TLS; as libvirt's qemu.conf says when not given."""
    tls_hostname: Text | None = Field(None, examples=["nbd1.lan"])
    """The name that the server's certificate is for, where that is another one than `hosts` has."""
    ssl_verify: bool | None = Field(None, examples=[False])
    """Whether the server's certificate is checked; it is when not given."""
    cookies: dict[str, Secret] = Field({}, examples=[{"session": "${cookie}"}])
    """Cookies that are sent along."""
    readahead: Size | None = Field(None, examples=["64KiB"])
    """How much is read ahead."""
    timeout: Duration | None = Field(None, examples=["10s"])
    """How long an answer is waited for."""
    initiator: Text | None = Field(None, examples=["iqn.2026-01.lan.shop:hv1"])
    """The IQN that the iSCSI target is logged in to with."""
    identity: IdentitySpec | None = None
    """As whom an nfs or ssh server is spoken to."""
    known_hosts: HostPath | None = Field(None, examples=["/etc/ssh/known"])
    """The file with the keys of ssh servers (libvirt 9.8)."""
    reconnect: Reconnect | None = None
    """How long a lost connection to nbd is tried again (libvirt 9.1), and how long to wait before each try of
    vhostuser; `false` of vhostuser does not."""
    fd_group: Text | None = Field(None, examples=["web"])
    """The name of open files that were handed to libvirt, which are used instead of `file`."""
    auth: AuthSpec | None = None
    """The user of the server, and its secret."""
    encryption: EncryptionSpec | None = None
    """How the data is encrypted."""
    slice: SliceSpec | None = None
    """The part of it that is the disk."""
    reservations: ReservationsSpec | None = None
    """Persistent reservations on the device."""
    seclabels: tuple[SourceLabelSpec, ...] = ()
    """How security drivers label it, where the VM's own labels will not do."""

    @model_validator(mode="after")
    def _one_place(self) -> SourceSpec:
        given = [name for name in _TYPES if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError("source", "a source has exactly one of {names}", {"names": _NAMES})
        place = self.protocol or given[0]
        for field, places in _ONLY.items():
            if getattr(self, field) not in (None, (), {}) and place not in places:
                raise PydanticCustomError(
                    "source",
                    "`{field}` goes with {places} only; this source is {place}",
                    {"field": field, "places": " or ".join(places), "place": place},
                )
        if self.pool is not None and self.volume is None:
            raise PydanticCustomError("source", "`pool` needs the name of its `volume`")
        if self.nvme is not None and self.namespace is None:
            raise PydanticCustomError("source", "`nvme` needs the number of its `namespace`")
        self._on_server()
        return self

    def _on_server(self) -> None:
        if self.protocol is None:
            if self.name is not None or self.hosts:
                raise PydanticCustomError("source", "`name` and `hosts` go with `protocol` only")
        elif self.name is None and self.protocol not in _OPTIONAL_NAME:
            raise PydanticCustomError("source", "`protocol: {protocol}` needs a `name`", vars(self))
        elif not self.hosts and self.protocol not in _OPTIONAL_HOSTS:
            raise PydanticCustomError("source", "`protocol: {protocol}` needs `hosts`", vars(self))

    @property
    def type(self) -> str:
        """libvirt's type of it: `network`, `volume`, `file`, …"""
        return next(kind for name, kind in _TYPES.items() if getattr(self, name) is not None)

    @property
    def usual_format(self) -> str:
        """The format libvirt gives it when none is stated: none of a volume's, whose pool tells it."""
        return "" if self.pool is not None else "raw"

    @property
    def identity_of_data(self) -> str:
        """What it is known by; the same as canon.identities.source makes of libvirt's XML."""
        if self.protocol is not None:
            return f"{self.protocol}:{self.name or ''}"
        if self.pool is not None:
            return f"{self.pool}/{self.volume}"
        if self.nvme is not None:
            return f"nvme:{self.nvme}/{self.namespace}"
        return str(self.file or self.block or self.dir or self.vhostuser or self.vhostvdpa)

    @property
    def attributes(self) -> Iterator[tuple[str, Any]]:
        """<source>'s attributes but for those that start with a file."""
        for name, attribute in _ATTRIBUTES.items():
            value = getattr(self, name)
            if value is not None:
                yield attribute, ("yes" if value else "no") if isinstance(value, bool) else value
        if self.nvme is not None:
            yield "type", "pci"
        if self.vhostuser is not None:
            yield from (("type", "unix"), ("path", self.vhostuser))

    @property
    def nvme_address(self) -> Iterator[tuple[str, str]]:
        """<address>'s attributes."""
        parts = re.split("[:.]", str(self.nvme))
        yield from ((name, f"0x{part}") for name, part in zip(_PCI, parts, strict=True))

    @property
    def reconnecting(self) -> Iterator[tuple[str, Any]]:
        """<reconnect>'s attributes."""
        waits = None if isinstance(self.reconnect, bool) else self.reconnect
        if self.vhostuser is not None:
            yield "enabled", "no" if self.reconnect is False else "yes"
        if waits is not None:
            yield ("timeout" if self.vhostuser is not None else "delay"), waits


_PCI = ("domain", "bus", "slot", "function")
_NAMES = ", ".join(f"`{name}`" for name in _TYPES)
_ATTRIBUTES: Mapping[str, str] = {
    "file": "file",
    "fd_group": "fdgroup",
    "block": "dev",
    "vhostvdpa": "dev",
    "dir": "dir",
    "pool": "pool",
    "volume": "volume",
    "mode": "mode",
    "protocol": "protocol",
    "name": "name",
    "query": "query",
    "tls": "tls",
    "tls_hostname": "tlsHostname",
    "managed": "managed",
    "namespace": "namespace",
}
