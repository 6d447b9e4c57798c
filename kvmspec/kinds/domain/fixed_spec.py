"""Devices a guest boots with, as the manifest writes them: watchdog, sound, video, balloon, TPM …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.manifest.types import HostPath, Name, Size

MIB = 2**20


def _power_of_two(size: int) -> int:
    """libvirt rounds other sizes of a video card's memory up (measured on 9.0), and refuses them for shared
    memory."""
    if size < MIB or size & (size - 1):
        raise PydanticCustomError("size", "expected a power of two from 1MiB up, such as 16MiB")
    return size


PowerOfTwo = Annotated[Size, AfterValidator(_power_of_two)]


class WatchdogSpec(Placeable):
    """A watchdog: what becomes of a guest that no longer answers it."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = ("i6300esb", {"model": "ib700", "action": "poweroff"})

    model: Literal["i6300esb", "itco", "ib700"] = "i6300esb"
    """The card the guest sees. `itco` is part of q35, and takes libvirt 9.1."""
    action: Literal["reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi"] | None = None
    """What happens to the guest; it is reset when not given."""


class SoundSpec(Placeable):
    """A sound card."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = ("ich9", {"model": "ac97", "audio": "none"})

    model: Literal["ich9", "ich6", "ac97", "usb", "es1370", "sb16", "virtio"] = "ich9"
    """The card the guest sees. `virtio` takes libvirt 10.4."""
    audio: Literal["none", "alsa", "oss", "pulseaudio", "sdl", "spice"] | None = Field(
        None, examples=["none"]
    )
    """Where the sound goes on the host; libvirt's own choice by the display when not given."""


class PanicSpec(Placeable):
    """The device by which a guest tells that its kernel has crashed; then `on_crash` counts."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = ("isa", {"model": "hyperv"})

    model: Literal["isa", "hyperv"] = "isa"
    """The device the guest sees: `isa` is pvpanic, for Linux; `hyperv` is for Windows."""


class VsockSpec(Placeable):
    """A socket between programs in the guest and on the host, without a network."""

    short: ClassVar[str | None] = "cid"

    examples: ClassVar[Sequence[Any]] = ("auto", {"cid": 7})
    least: ClassVar[frozenset[str]] = frozenset({"cid"})

    cid: Literal["auto"] | Annotated[int, Field(ge=3, le=2**32 - 2, strict=True)] = "auto"
    """The guest's address. `auto` takes a free one at each start."""


class VideoSpec(Placeable):
    """The video card."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = (
        "vga",
        {"model": "virtio", "heads": 2},
        {"model": "qxl", "vram": "64MiB"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"model"})

    model: Literal["virtio", "vga", "qxl", "cirrus", "bochs", "ramfb", "none"]
    """The card the guest sees."""
    heads: Annotated[int, Field(ge=1, le=16, strict=True)] | None = Field(None, examples=[2])
    """How many screens it has."""
    vram: PowerOfTwo | None = Field(None, examples=["64MiB"])
    """Its memory, of all but `virtio` and `ramfb`."""
    accel3d: bool | None = Field(None, examples=[True])
    """Whether `virtio` draws in three dimensions, by the host's OpenGL."""

    @model_validator(mode="after")
    def _fits(self) -> VideoSpec:
        if self.vram is not None and self.model in ("virtio", "ramfb", "none"):
            raise PydanticCustomError("video", "a video card of this model has no `vram` of its own")
        if self.accel3d is not None and self.model != "virtio":
            raise PydanticCustomError("video", "`accel3d` goes with `model: virtio` only")
        if self.heads is not None and self.heads > 1 and self.model not in ("virtio", "qxl"):
            raise PydanticCustomError("video", "more than one of `heads` goes with virtio and qxl only")
        return self


class BalloonSpec(Placeable):
    """The memory balloon, by which memory goes back to the host while the guest runs."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = (
        "virtio",
        {"model": "virtio", "autodeflate": True, "free_page_reporting": True},
    )

    model: Literal["virtio", "virtio-transitional", "virtio-non-transitional", "none"] = "virtio"
    """The card the guest sees; with `none` its memory cannot change while it runs."""
    autodeflate: bool | None = Field(None, examples=[True])
    """Whether the guest may take memory back when it would have to kill a program."""
    free_page_reporting: bool | None = Field(None, examples=[True])
    """Whether the guest tells which pages it does not use, so that the host gets them back."""

    @model_validator(mode="after")
    def _fits(self) -> BalloonSpec:
        if self.model == "none" and (self.autodeflate or self.free_page_reporting):
            raise PydanticCustomError("balloon", "without a balloon there is nothing to state of it")
        return self


class TpmSpec(Placeable):
    """A TPM: emulated by swtpm, which has to be on the host, or the host's own."""

    short: ClassVar[str | None] = "version"

    examples: ClassVar[Sequence[Any]] = ("2.0", {"version": "2.0", "model": "tpm-crb"}, {"path": "/dev/tpm0"})

    version: Literal["1.2", "2.0"] | None = Field(None, examples=["2.0"])
    """Of an emulated one; 2.0 when not given."""
    model: Literal["tpm-tis", "tpm-crb"] | None = Field(None, examples=["tpm-crb"])
    """The interface the guest sees; tpm-tis when not given."""
    path: HostPath | None = Field(None, examples=["/dev/tpm0"])
    """The host's own TPM, which one guest at a time can have."""

    @model_validator(mode="after")
    def _one(self) -> TpmSpec:
        if self.path is not None and self.version is not None:
            raise PydanticCustomError("tpm", "`version` is of an emulated TPM: leave it out, or `path`")
        if self.version == "1.2" and self.model == "tpm-crb":
            raise PydanticCustomError("tpm", "`tpm-crb` is a TPM of version 2.0 only")
        return self


class ShmemSpec(Placeable):
    """Memory that several guests, or a guest and a program of the host, share (ivshmem)."""

    examples: ClassVar[Sequence[Any]] = (
        {"name": "ring", "size": "4MiB"},
        {"name": "bell", "model": "ivshmem-doorbell", "path": "/run/ivshmem.sock"},
    )

    name: Name = Field(examples=["ring"])
    """By this name others find it, in /dev/shm."""
    size: PowerOfTwo | None = Field(None, examples=["4MiB"])
    """Its size, of model `ivshmem-plain`."""
    model: Literal["ivshmem-plain", "ivshmem-doorbell"] = "ivshmem-plain"
    """The device the guest sees: with interrupts between its users, or without."""
    path: HostPath | None = Field(None)
    """The socket of the server that `ivshmem-doorbell` needs."""

    @model_validator(mode="after")
    def _fits(self) -> ShmemSpec:
        plain = self.model == "ivshmem-plain"
        if plain != (self.path is None) or plain != (self.size is not None):
            raise PydanticCustomError(
                "shmem",
                "`ivshmem-plain` needs its `size`; `ivshmem-doorbell` the server's `path`, and no `size`",
            )
        return self


class IommuSpec(Placeable):
    """An IOMMU that the guest sees, for devices it gives on to its own guests."""

    short: ClassVar[str | None] = "model"
    later: ClassVar[frozenset[str]] = frozenset({"intremap", "eim"})  # they need features.ioapic

    examples: ClassVar[Sequence[Any]] = ("intel", {"model": "intel", "caching_mode": True, "aw_bits": 48})
    least: ClassVar[frozenset[str]] = frozenset({"model"})

    model: Literal["intel", "virtio"]
    """The device the guest sees; `intel` is for q35."""
    caching_mode: bool | None = Field(None, examples=[True])
    """Whether the guest tells of every mapping: needed where it has devices of the host."""
    iotlb: bool | None = Field(None, examples=[True])
    """Whether devices may cache translations."""
    aw_bits: Literal[39, 48] | None = Field(None, examples=[48])
    """Bits of an address."""

    @model_validator(mode="after")
    def _fits(self) -> IommuSpec:
        if self.model != "intel" and (self.caching_mode, self.iotlb, self.aw_bits) != (None, None, None):
            raise PydanticCustomError("iommu", "only `model: intel` has options")
        return self

    @property
    def has_options(self) -> bool:
        return (self.caching_mode, self.iotlb, self.aw_bits) != (None, None, None)
