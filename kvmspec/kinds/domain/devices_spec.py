"""What `devices:` of a VM holds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model

if TYPE_CHECKING:
    from kvmspec.kinds.domain.fixed_spec import (
        BalloonSpec,
        IommuSpec,
        PanicSpec,
        ShmemSpec,
        VsockSpec,
        WatchdogSpec,
    )
    from kvmspec.kinds.domain.hostdev_spec import HostdevSpec
    from kvmspec.kinds.domain.lines_spec import ChannelSpec, ConsoleSpec, ParallelSpec, SerialSpec
    from kvmspec.kinds.domain.plugged_spec import InputSpec, RngSpec
    from kvmspec.kinds.domain.rare_spec import CryptoSpec, LeaseSpec, NvramSpec
    from kvmspec.kinds.domain.sound_spec import AudioSpec, SoundSpec
    from kvmspec.kinds.domain.usb_spec import HubSpec, RedirdevSpec, SmartcardSpec, UsbRuleSpec
    from kvmspec.kinds.domain.video_spec import VideoSpec
else:
    BalloonSpec = deferred("kvmspec.kinds.domain.fixed_spec", "BalloonSpec")
    IommuSpec = deferred("kvmspec.kinds.domain.fixed_spec", "IommuSpec")
    PanicSpec = deferred("kvmspec.kinds.domain.fixed_spec", "PanicSpec")
    ShmemSpec = deferred("kvmspec.kinds.domain.fixed_spec", "ShmemSpec")
    VsockSpec = deferred("kvmspec.kinds.domain.fixed_spec", "VsockSpec")
    WatchdogSpec = deferred("kvmspec.kinds.domain.fixed_spec", "WatchdogSpec")
    HostdevSpec = deferred("kvmspec.kinds.domain.hostdev_spec", "HostdevSpec")
    ChannelSpec = deferred("kvmspec.kinds.domain.lines_spec", "ChannelSpec")
    ConsoleSpec = deferred("kvmspec.kinds.domain.lines_spec", "ConsoleSpec")
    ParallelSpec = deferred("kvmspec.kinds.domain.lines_spec", "ParallelSpec")
    SerialSpec = deferred("kvmspec.kinds.domain.lines_spec", "SerialSpec")
    InputSpec = deferred("kvmspec.kinds.domain.plugged_spec", "InputSpec")
    RngSpec = deferred("kvmspec.kinds.domain.plugged_spec", "RngSpec")
    CryptoSpec = deferred("kvmspec.kinds.domain.rare_spec", "CryptoSpec")
    LeaseSpec = deferred("kvmspec.kinds.domain.rare_spec", "LeaseSpec")
    NvramSpec = deferred("kvmspec.kinds.domain.rare_spec", "NvramSpec")
    AudioSpec = deferred("kvmspec.kinds.domain.sound_spec", "AudioSpec")
    SoundSpec = deferred("kvmspec.kinds.domain.sound_spec", "SoundSpec")
    HubSpec = deferred("kvmspec.kinds.domain.usb_spec", "HubSpec")
    RedirdevSpec = deferred("kvmspec.kinds.domain.usb_spec", "RedirdevSpec")
    SmartcardSpec = deferred("kvmspec.kinds.domain.usb_spec", "SmartcardSpec")
    UsbRuleSpec = deferred("kvmspec.kinds.domain.usb_spec", "UsbRuleSpec")
    VideoSpec = deferred("kvmspec.kinds.domain.video_spec", "VideoSpec")


class DevicesSpec(Model):
    """Further devices; false, or an empty list, takes away what is there."""

    examples: ClassVar[Sequence[Any]] = (
        {"rng": False},
        {"rng": ["builtin"], "inputs": ["tablet"], "watchdog": "i6300esb"},
        {"hostdevs": [{"pci": "0000:41:00.0"}]},
        {"video": ["qxl", "qxl"], "sound": ["ich9", "usb"], "audio": ["pulseaudio"]},
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
    """Keyboards, mice and tablets on USB or virtio, and input devices of the host."""
    hostdevs: tuple[HostdevSpec, ...] | None = None
    """Devices of the host that the guest gets for itself."""
    redirdevs: Annotated[int, Field(ge=0, le=16, strict=True)] | tuple[RedirdevSpec, ...] | None = Field(
        None, examples=[0]
    )
    """How many USB devices a SPICE client can lend to the guest; or each place, with where it ends."""
    redirfilter: tuple[UsbRuleSpec, ...] | None = None
    """Which USB devices may be lent; the first rule that fits counts."""
    vsock: VsockSpec | Literal[False] | None = None
    """A socket between guest and host, without a network."""
    watchdog: WatchdogSpec | Literal[False] | tuple[WatchdogSpec, ...] | None = None
    """The watchdog; or several, from libvirt 9.1 on."""
    sound: SoundSpec | Literal[False] | tuple[SoundSpec, ...] | None = None
    """The sound card, or several."""
    audio: tuple[AudioSpec, ...] | None = None
    """Where the sound goes on the host; libvirt's own choice by the display when not given."""
    panic: PanicSpec | bool | tuple[PanicSpec, ...] | None = None
    """Tells the host of a crash in the guest; true is pvpanic."""
    video: VideoSpec | Literal[False] | tuple[VideoSpec, ...] | None = None
    """The video card, or several. With `graphics` a VM has one in any case, unless this is false."""
    balloon: BalloonSpec | bool | None = None
    """The memory balloon; libvirt gives every VM one where nothing is stated."""
    shmem: tuple[ShmemSpec, ...] | None = None
    """Memory shared with other guests, or with programs of the host."""
    iommu: IommuSpec | Literal[False] | None = None
    """An IOMMU that the guest sees."""
    smartcard: SmartcardSpec | Literal[False] | tuple[SmartcardSpec, ...] | None = Field(
        None, examples=["host"]
    )
    """A smartcard reader, or several."""
    hubs: tuple[HubSpec, ...] | None = None
    """Hubs, besides those that libvirt adds where there are more USB devices than ports."""
    crypto: tuple[CryptoSpec, ...] | None = None
    """Devices that cipher for the guest."""
    nvram: NvramSpec | None = None
    """The NVRAM of a pseries machine."""
    leases: tuple[LeaseSpec, ...] | None = None
    """Leases of a lock manager that the VM holds while it runs."""

    @model_validator(mode="after")
    def _distinct(self) -> DevicesSpec:
        each: dict[str, Iterable[Hashable]] = {
            "rng": map(repr, self.rngs),
            "channels": [channel.key for channel in self.channels or () if channel.key],
            "hostdevs": [repr(getattr(device, device.kind)) for device in self.hostdevs or ()],
            "shmem": [memory.name for memory in self.shmem or ()],
            "leases": [(lease.lockspace, lease.key) for lease in self.leases or ()],
        }
        for name, keys in each.items():
            listed = list(keys)
            if len(set(listed)) != len(listed):
                raise PydanticCustomError("twice", "one of `{name}` is listed twice", {"name": name})
        return self

    @property
    def rngs(self) -> tuple[RngSpec, ...]:
        """The random number generators that are stated."""
        if self.rng is not True:
            return self.rng or ()
        from kvmspec.kinds.domain.plugged_spec import RngSpec

        return (RngSpec(),)

    @property
    def panics(self) -> tuple[PanicSpec, ...]:
        """The panic devices that are stated."""
        if self.panic is not True:
            return _each(self.panic)
        from kvmspec.kinds.domain.fixed_spec import PanicSpec

        return (PanicSpec(),)

    @property
    def watchdogs(self) -> tuple[WatchdogSpec, ...]:
        """The watchdogs that are stated."""
        return _each(self.watchdog)

    @property
    def sounds(self) -> tuple[SoundSpec, ...]:
        """The sound cards that are stated."""
        return _each(self.sound)

    @property
    def smartcards(self) -> tuple[SmartcardSpec, ...]:
        """The smartcard readers that are stated."""
        return _each(self.smartcard)

    @property
    def redirected(self) -> tuple[RedirdevSpec, ...]:
        """The places for USB devices that are lent."""
        if isinstance(self.redirdevs, int):
            from kvmspec.kinds.domain.usb_spec import RedirdevSpec

            return (RedirdevSpec(type="spicevmc"),) * self.redirdevs
        return self.redirdevs or ()

    @property
    def balloons(self) -> BalloonSpec | None:
        """The balloon that is stated, that it be none included."""
        if isinstance(self.balloon, bool):
            from kvmspec.kinds.domain.fixed_spec import BalloonSpec

            return BalloonSpec(model="virtio" if self.balloon else "none")
        return self.balloon

    @property
    def cards(self) -> tuple[VideoSpec, ...]:
        """The video cards that are stated, that there be none included: libvirt gives one with every
        display."""
        if self.video is not False:
            return _each(self.video)
        from kvmspec.kinds.domain.video_spec import VideoSpec

        return (VideoSpec(model="none"),)

    @property
    def lines(self) -> tuple[SerialSpec | ParallelSpec | ConsoleSpec | ChannelSpec, ...]:
        """Its ports, consoles and channels."""
        listed = (self.serials, self.parallels, self.consoles, self.channels)
        return tuple(line for group in listed for line in group or ())

    @property
    def asks_for_spice(self) -> bool:
        """Whether something of it works through SPICE."""
        channels = any(line.type in ("spicevmc", "spiceport") for line in self.lines)
        usb = any(place.type == "spicevmc" for place in self.redirected)
        return channels or usb or any(card.mode == "spicevmc" for card in self.smartcards)


def _each(value: Any) -> tuple[Any, ...]:
    """One device, or several, as a tuple."""
    return value if isinstance(value, tuple) else (value,) if value else ()
