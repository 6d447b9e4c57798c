"""What `devices:` of a VM holds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.fixed_spec import (
    BalloonSpec,
    IommuSpec,
    PanicSpec,
    ShmemSpec,
    SoundSpec,
    VideoSpec,
    VsockSpec,
    WatchdogSpec,
)
from kvmspec.kinds.domain.lines_spec import ChannelSpec, ConsoleSpec, ParallelSpec, SerialSpec
from kvmspec.kinds.domain.plugged_spec import HostdevSpec, InputSpec, RngSpec
from kvmspec.manifest.model import Model


class DevicesSpec(Model):
    """Further devices; false, or an empty list, takes away what is there."""

    examples: ClassVar[Sequence[Any]] = (
        {"rng": False},
        {"rng": ["builtin"], "inputs": ["tablet"], "watchdog": "i6300esb"},
        {"hostdevs": [{"pci": "0000:41:00.0"}]},
    )

    rng: bool | tuple[RngSpec, ...] | None = None
    """Random number generators; true is one on virtio, fed from /dev/urandom."""
    serials: tuple[SerialSpec, ...] | None = None
    """Serial ports; with `console: true` besides that one. libvirt makes the first console of the first."""
    parallels: tuple[ParallelSpec, ...] | None = None
    """Parallel ports."""
    consoles: tuple[ConsoleSpec, ...] | None = None
    """Consoles that are no serial ports."""
    channels: tuple[ChannelSpec, ...] | None = None
    """Channels to programs on the host, besides the guest agent's."""
    inputs: tuple[InputSpec, ...] | None = None
    """Keyboards, mice and tablets on USB or virtio."""
    hostdevs: tuple[HostdevSpec, ...] | None = None
    """Devices of the host that the guest gets for itself."""
    redirdevs: Annotated[int, Field(ge=0, le=16, strict=True)] | None = Field(None, examples=[0])
    """How many USB devices a SPICE client can lend to the guest."""
    vsock: VsockSpec | Literal[False] | None = None
    """A socket between guest and host, without a network."""
    watchdog: WatchdogSpec | Literal[False] | None = None
    """The watchdog."""
    sound: SoundSpec | Literal[False] | None = None
    """The sound card."""
    panic: PanicSpec | bool | None = None
    """Tells the host of a crash in the guest; true is pvpanic."""
    video: VideoSpec | Literal[False] | None = None
    """The video card. With `graphics` a VM has one in any case, unless this is false."""
    balloon: BalloonSpec | bool | None = None
    """The memory balloon; libvirt gives every VM one where nothing is stated."""
    shmem: tuple[ShmemSpec, ...] | None = None
    """Memory shared with other guests, or with programs of the host."""
    iommu: IommuSpec | Literal[False] | None = None
    """An IOMMU that the guest sees."""
    smartcard: Literal["host", "spicevmc"] | Literal[False] | None = Field(None, examples=["host"])
    """A smartcard reader: with the host's card, or that of the SPICE client."""

    @model_validator(mode="after")
    def _distinct(self) -> DevicesSpec:
        each: dict[str, Iterable[Hashable]] = {
            "rng": self.rngs,
            "channels": [channel.key for channel in self.channels or () if channel.key],
            "inputs": self.inputs or (),
            "hostdevs": [device.model_copy(update={"managed": None}) for device in self.hostdevs or ()],
            "shmem": [memory.name for memory in self.shmem or ()],
        }
        for name, keys in each.items():
            listed = list(keys)
            if len(set(listed)) != len(listed):
                raise PydanticCustomError("twice", "one of `{name}` is listed twice", {"name": name})
        return self

    @property
    def rngs(self) -> tuple[RngSpec, ...]:
        """The random number generators that are stated."""
        return (RngSpec(),) if self.rng is True else self.rng or ()

    @property
    def panics(self) -> PanicSpec | None:
        """The panic device that is stated."""
        return PanicSpec() if self.panic is True else self.panic or None

    @property
    def balloons(self) -> BalloonSpec | None:
        """The balloon that is stated, that it be none included."""
        if isinstance(self.balloon, bool):
            return BalloonSpec(model="virtio" if self.balloon else "none")
        return self.balloon

    @property
    def card(self) -> VideoSpec | None:
        """The video card that is stated, that it be none included: libvirt gives one with every display."""
        return VideoSpec(model="none") if self.video is False else self.video

    @property
    def asks_for_spice(self) -> bool:
        """Whether something of it works through SPICE."""
        listed = (
            *(self.channels or ()),
            *(self.serials or ()),
            *(self.consoles or ()),
            *(self.parallels or ()),
        )
        channels = any(line.type in ("spicevmc", "spiceport") for line in listed)
        return channels or bool(self.redirdevs) or self.smartcard == "spicevmc"
