"""Devices a guest boots with, as the manifest writes them: watchdog, panic, vsock, balloon, IOMMU …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.device_types import PowerOfTwo
from kvmspec.kinds.domain.virtio_spec import VirtioModel, VirtioSpec
from kvmspec.manifest.types import HostPath, Text


class WatchdogSpec(Placeable):
    """A watchdog: what becomes of a guest that no longer answers it."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = ("i6300esb", {"model": "ib700", "action": "poweroff"})

    model: Literal["i6300esb", "itco", "ib700", "diag288"] = "i6300esb"
    """The card the guest sees. `itco` is part of q35, and takes libvirt 9.1; `diag288` is of s390x."""
    action: Literal["reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi"] | None = None
    """What happens to the guest; it is reset when not given."""


class PanicSpec(Placeable):
    """The device by which a guest tells that its kernel has crashed; then `on_crash` counts."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = ("isa", {"model": "hyperv"})

    model: Literal["isa", "hyperv", "pvpanic", "pseries", "s390"] = "isa"
    """The device the guest sees: `isa` is pvpanic, for Linux; `pvpanic` the same on PCI, from libvirt 9.1 on;
    `hyperv` is for Windows; `pseries` and `s390` are part of such machines."""


class VsockSpec(Placeable):
    """A socket between programs in the guest and on the host, without a network."""

    short: ClassVar[str | None] = "cid"

    examples: ClassVar[Sequence[Any]] = ("auto", {"cid": 7, "model": "virtio-non-transitional"})
    least: ClassVar[frozenset[str]] = frozenset({"cid"})

    cid: Literal["auto"] | Annotated[int, Field(ge=3, le=2**32 - 2, strict=True)] = "auto"
    """The guest's address. `auto` takes a free one at each start."""
    model: VirtioModel = "virtio"
    """The card the guest sees."""
    virtio: VirtioSpec | None = None
    """Options of a virtio device."""


class BalloonSpec(Placeable):
    """The memory balloon, by which memory goes back to the host while the guest runs."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = (
        "virtio",
        {"model": "virtio", "autodeflate": True, "free_page_reporting": True},
    )

    model: VirtioModel | Literal["none"] = "virtio"
    """The card the guest sees; with `none` its memory cannot change while it runs."""
    autodeflate: bool | None = Field(None, examples=[True])
    """Whether the guest may take memory back when it would have to kill a program."""
    free_page_reporting: bool | None = Field(None, examples=[True])
    """Whether the guest tells which pages it does not use, so that the host gets them back."""
    virtio: VirtioSpec | None = None
    """Options of a virtio device."""

    @model_validator(mode="after")
    def _fits(self) -> BalloonSpec:
        if self.model == "none" and (self.autodeflate or self.free_page_reporting or self.virtio):
            raise PydanticCustomError("balloon", "without a balloon there is nothing to state of it")
        return self


class ShmemSpec(Placeable):
    """Memory that several guests, or a guest and a program of the host, share (ivshmem)."""

    examples: ClassVar[Sequence[Any]] = (
        {"name": "ring", "size": "4MiB"},
        {"name": "log", "size": "4MiB", "role": "master"},
        {
            "name": "bell",
            "model": "ivshmem-doorbell",
            "path": "/run/ivshmem.sock",
            "vectors": 8,
            "ioeventfd": True,
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"name", "size"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "model": ("name", "path"),
        "path": ("name", "model"),
        "vectors": ("name", "model", "path"),
        "ioeventfd": ("name", "model", "path"),
    }

    name: Annotated[Text, Field(pattern=r"^[^/]{1,255}$")] = Field(examples=["ring"])
    """By this name others find it, in /dev/shm."""
    size: PowerOfTwo | None = Field(None, examples=["4MiB"])
    """Its size, of model `ivshmem-plain`; 4MiB when not given."""
    model: Literal["ivshmem-plain", "ivshmem-doorbell", "ivshmem"] = "ivshmem-plain"
    """The device the guest sees: with interrupts between its users, or without; `ivshmem` is the old one."""
    role: Literal["master", "peer"] | None = Field(None, examples=["master"])
    """Whether its data goes with the guest that is migrated: it does with the `master`."""
    path: HostPath | None = Field(None)
    """The socket of the server that `ivshmem-doorbell` needs."""
    vectors: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None)
    """How many interrupts `ivshmem-doorbell` has."""
    ioeventfd: bool | None = Field(None)
    """Whether an interrupt wakes QEMU by an event and not by an exit of the guest, of `ivshmem-doorbell`."""

    @model_validator(mode="after")
    def _fits(self) -> ShmemSpec:
        if self.model == "ivshmem":
            return self
        plain = self.model == "ivshmem-plain"
        if plain != (self.path is None) or (self.size is not None and not plain):
            raise PydanticCustomError(
                "shmem", "`ivshmem-doorbell` needs the server's `path`, and only `ivshmem-plain` has a `size`"
            )
        if plain and (self.vectors is not None or self.ioeventfd is not None):
            raise PydanticCustomError("shmem", "`vectors` and `ioeventfd` are of `ivshmem-doorbell` only")
        return self


class IommuSpec(Placeable):
    """An IOMMU that the guest sees, for devices it gives on to its own guests."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = (
        "intel",
        {"model": "intel", "caching_mode": True, "aw_bits": 48},
        {"model": "intel", "intremap": True, "eim": True, "iotlb": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"model"})

    model: Literal["intel", "virtio", "smmuv3"]
    """The device the guest sees; `intel` is for q35, `smmuv3` for aarch64."""
    intremap: bool | None = Field(None, examples=[True])
    """Whether it maps interrupts, too; with `features: {ioapic: qemu}` where KVM is the accelerator."""
    caching_mode: bool | None = Field(None, examples=[True])
    """Whether the guest tells of every mapping: needed where it has devices of the host."""
    eim: bool | None = Field(None, examples=[True])
    """Whether interrupts reach more than 255 vCPUs; with `intremap`."""
    iotlb: bool | None = Field(None, examples=[True])
    """Whether devices may cache translations."""
    aw_bits: Literal[39, 48] | None = Field(None, examples=[48])
    """Bits of an address."""

    @model_validator(mode="after")
    def _fits(self) -> IommuSpec:
        if self.model != "intel" and self.model_fields_set - {"model", *Placeable.model_fields}:
            raise PydanticCustomError("iommu", "only `model: intel` has options")
        return self
