"""Devices that few guests have, as the manifest writes them: a crypto device, leases, NVRAM.

Facts: https://libvirt.org/formatdomain.html#crypto, #device-leases, #nvram-device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.virtio_spec import VirtioSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Text


class CryptoSpec(Placeable):
    """A device that ciphers for the guest. It takes libvirt 9.1."""

    short: ClassVar[str | None] = "backend"

    examples: ClassVar[Sequence[Any]] = ("builtin", {"backend": "lkcf", "queues": 2})

    backend: Literal["builtin", "lkcf"] = "builtin"
    """Who does the work: QEMU, or the host's kernel."""
    queues: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = Field(None, examples=[2])
    """How many queues it has."""
    virtio: VirtioSpec | None = None
    """Options of a virtio device."""


class NvramSpec(Placeable):
    """The NVRAM of a pseries machine, which libvirt gives it anyway: where it is to be."""

    examples: ClassVar[Sequence[Any]] = ({"address": {"spapr_vio": "0x4000"}},)


class LeaseSpec(Model):
    """A lease of a lock manager (sanlock) that the VM holds while it runs."""

    examples: ClassVar[Sequence[Any]] = (
        {"lockspace": "shop", "key": "web", "path": "/var/lib/leases/shop", "offset": 1024},
    )
    least: ClassVar[frozenset[str]] = frozenset({"lockspace", "key", "path"})

    lockspace: Text = Field(examples=["shop"])
    """The space that the key is in."""
    key: Text = Field(examples=["web"])
    """The name of the lease."""
    path: HostPath = Field(examples=["/var/lib/leases/shop"])
    """The file of the lockspace."""
    offset: Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)] | None = Field(None, examples=[1024])
    """Where in the file the lease is."""
