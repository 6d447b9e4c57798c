"""Parts of where a disk's data lies: servers, encryption, locks, labels.

Facts: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms and
https://libvirt.org/formatstorageencryption.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.auth import SecretName
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Size, Text

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]

PORTS: Mapping[str, int] = {
    "http": 80,
    "https": 443,
    "ftp": 21,
    "ftps": 990,
    "tftp": 69,
    "sheepdog": 7000,
    "nbd": 10809,
    "ssh": 22,
    "iscsi": 3260,
    "gluster": 24007,
    "vxhs": 9999,
}
"""Ports that libvirt writes down where none is stated (virStorageSourceNetworkDefaultPort). Of rbd and nfs it
knows none."""


def usual_port(protocol: str, transport: str | None) -> int | None:
    """The port that libvirt writes down where none is stated; by RDMA it knows none."""
    return PORTS.get(protocol) if transport in (None, "tcp") else None


class HostSpec(Model):
    """A storage server."""

    short: ClassVar[str | None] = "name"

    examples: ClassVar[Sequence[Any]] = (
        "ceph1",
        {"name": "ceph2", "port": 6789},
        {"socket": "/run/nbd.sock"},
        {"name": "gluster1", "transport": "rdma"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"name", "socket"})

    name: Text | None = None
    """Its name or address."""
    port: Port | None = None
    """Its port; that of the protocol when not given."""
    socket: HostPath | None = None
    """A socket of the host, in the place of a name."""
    transport: Literal["tcp", "rdma"] | None = None
    """What carries the data to it; TCP when not given."""

    @model_validator(mode="after")
    def _one(self) -> HostSpec:
        if (self.name is None) == (self.socket is None):
            raise PydanticCustomError("host", "a server has either a `name` or a `socket`")
        if self.socket is not None and (self.port is not None or self.transport is not None):
            raise PydanticCustomError("host", "`port` and `transport` go with `name`, not with `socket`")
        return self

    def attributes(self, protocol: str) -> Iterator[tuple[str, str | int]]:
        """<host>'s attributes."""
        if self.socket is not None:
            yield from (("transport", "unix"), ("socket", self.socket))
            return
        if self.transport is not None:
            yield "transport", self.transport
        yield "name", str(self.name)
        if port := self.port or usual_port(protocol, self.transport):
            yield "port", port


class CipherSpec(Model):
    """How the data is encrypted, where the format leaves that open."""

    examples: ClassVar[Sequence[Any]] = ({"name": "aes", "size": 256, "mode": "cbc", "hash": "sha256"},)
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Text = Field(examples=["aes"])
    """Its name."""
    size: Annotated[int, Field(ge=1, le=65536, strict=True)] | None = Field(None, examples=[256])
    """The size of its key in bits."""
    mode: Text | None = Field(None, examples=["cbc"])
    """How blocks are chained."""
    hash: Text | None = Field(None, examples=["sha256"])
    """How the key is derived."""


class IvgenSpec(Model):
    """Where the initialisation vectors come from."""

    examples: ClassVar[Sequence[Any]] = ({"name": "plain64", "hash": "sha256"},)
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Text = Field(examples=["plain64"])
    """The generator's name."""
    hash: Text | None = Field(None, examples=["sha256"])
    """The hash it uses."""


class EncryptionSpec(Model):
    """The encryption of a disk's data, which QEMU undoes for the guest."""

    short: ClassVar[str | None] = "secret"

    examples: ClassVar[Sequence[Any]] = (
        "data-key",
        {"secret": "rbd-key", "secrets": ["base-key"], "format": "luks2", "engine": "librbd"},
        {"secret": "old", "cipher": {"name": "aes"}, "ivgen": {"name": "plain64"}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"secret"})

    secret: SecretName | None = Field(None, examples=["data-key"])
    """The secret with the passphrase: by its name in the manifest, by what one of the host is used for, or by
    its UUID."""
    secrets: tuple[SecretName, ...] = Field((), examples=[["base-key"]])
    """More of them: of each layer of an rbd image that was cloned, from the top down (libvirt 9.3)."""
    format: Literal["luks", "luks2", "qcow", "luks-any", "default"] = "luks"
    """How it is encrypted."""
    engine: Literal["qemu", "librbd"] = "qemu"
    """What undoes it."""
    cipher: CipherSpec | None = None
    """The cipher, where the format leaves it open."""
    ivgen: IvgenSpec | None = None
    """Where the initialisation vectors come from, where the format leaves it open."""

    @property
    def every(self) -> tuple[str, ...]:
        """All of its secrets."""
        return (self.secret, *self.secrets) if self.secret is not None else self.secrets


class SliceSpec(Model):
    """The part of a file or device that the guest sees as the whole disk."""

    examples: ClassVar[Sequence[Any]] = ({"offset": 4096, "size": "10GiB"},)
    least: ClassVar[frozenset[str]] = frozenset({"size"})

    offset: Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)] = Field(0, examples=[4096])
    """Where it begins, in bytes."""
    size: Size
    """How long it is."""


class ReservationsSpec(Model):
    """Persistent reservations, by which machines that share a LUN keep each other out."""

    short: ClassVar[str | None] = "managed"

    examples: ClassVar[Sequence[Any]] = (True, {"managed": False, "path": "/run/pr-helper.sock"})
    least: ClassVar[frozenset[str]] = frozenset({"managed", "path"})

    managed: bool = True
    """Whether libvirt starts the helper that makes them."""
    path: HostPath | None = Field(None, examples=["/run/pr-helper.sock"])
    """The socket of a helper that runs already."""

    @model_validator(mode="after")
    def _helper(self) -> ReservationsSpec:
        if self.managed == (self.path is not None):
            raise PydanticCustomError(
                "reservations", "`path` is the helper's socket: it goes with `managed: false`, and only so"
            )
        return self


class SourceLabelSpec(Model):
    """How one security driver labels the data."""

    examples: ClassVar[Sequence[Any]] = (
        {"model": "selinux", "label": "system_u:object_r:svirt_image_t:s0"},
        {"model": "dac", "relabel": False},
    )
    least: ClassVar[frozenset[str]] = frozenset({"label", "relabel"})

    model: Text | None = Field(None, examples=["dac"])
    """The security driver; every one when not given."""
    label: Text | None = Field(None, examples=["system_u:object_r:svirt_image_t:s0"])
    """The label it gets."""
    relabel: bool | None = Field(None, examples=[False])
    """Whether it is labelled at all; it is where a `label` is stated."""


class IdentitySpec(Model):
    """As whom the server is spoken to."""

    examples: ClassVar[Sequence[Any]] = (
        {"user": "+107", "group": "+107"},
        {"user": "backup", "keyfile": "/etc/ssh/disk.key"},
        {"user": "backup", "agentsock": "/run/ssh-agent.sock"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"user"})

    user: Text | None = Field(None, examples=["+107"])
    """The user: a name, or with `+` a number."""
    group: Text | None = Field(None, examples=["+107"])
    """The group, for nfs."""
    keyfile: HostPath | None = Field(None, examples=["/etc/ssh/disk.key"])
    """The private key, for ssh."""
    agentsock: HostPath | None = Field(None, examples=["/run/ssh-agent.sock"])
    """The socket of the agent that has the key, for ssh."""

    def attributes(self, protocol: str | None) -> Iterator[tuple[str, str]]:
        """<identity>'s attributes: ssh calls the user otherwise than nfs."""
        names = {"user": "username"} if protocol == "ssh" else {}
        for field in ("user", "group", "keyfile", "agentsock"):
            if (value := getattr(self, field)) is not None:
                yield names.get(field, field), value
