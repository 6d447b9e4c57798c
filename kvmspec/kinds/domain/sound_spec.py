"""Sound cards of the guest, and where the host plays them, as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#sound-devices, #audio-backends and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.device_types import AudioId
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Text

Count = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]

_STREAMS: Mapping[str, tuple[str, ...]] = {
    "buffer_count": ("coreaudio", "oss", "sdl"),
    "dev": ("alsa", "oss"),
    "try_poll": ("alsa", "oss"),
    "server_name": ("jack",),
    "client_name": ("jack",),
    "connect_ports": ("jack",),
    "exact_name": ("jack",),
    "name": ("pulseaudio",),
    "stream_name": ("pulseaudio",),
    "latency": ("pulseaudio",),
}
_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "server": ("pulseaudio",),
    "driver": ("sdl",),
    "path": ("file",),
    "try_mmap": ("oss",),
    "exclusive": ("oss",),
    "dsp_policy": ("oss",),
}
"""Fields that not every backend has."""


class StreamSpec(Model):
    """How the sound that goes one way is made: at a rate, in a format, with a buffer."""

    examples: ClassVar[Sequence[Any]] = (
        {"mixing_engine": True, "fixed_settings": True, "frequency": 44100, "channels": 2, "format": "s16"},
        {"buffer_length": 100, "voices": 1, "mixing_engine": True},
    )

    mixing_engine: bool | None = Field(None, examples=[True])
    """Whether QEMU mixes the sound of several voices."""
    fixed_settings: bool | None = Field(None, examples=[True])
    """Whether the host gets it as stated here, whatever the guest asks for."""
    voices: Count | None = Field(None, examples=[2])
    """How many sounds can be heard at once."""
    buffer_length: Count | None = Field(None, examples=[100])
    """The length of the buffer, in microseconds."""
    frequency: Count | None = Field(None, examples=[44100])
    """Samples a second; with `fixed_settings`."""
    channels: Count | None = Field(None, examples=[2])
    """How many channels: 2 is stereo; with `fixed_settings`."""
    format: Literal["s8", "u8", "s16", "u16", "s32", "u32", "f32"] | None = Field(None, examples=["s16"])
    """How a sample is written; with `fixed_settings`."""
    buffer_count: Count | None = Field(None, examples=[4])
    """How many buffers; of `coreaudio`, `oss` and `sdl`."""
    dev: Text | None = Field(None, examples=["/dev/dsp0"])
    """The device of the host; of `alsa` and `oss`."""
    try_poll: bool | None = Field(None, examples=[True])
    """Whether the device is asked when it is ready; of `alsa` and `oss`."""
    server_name: Text | None = Field(None, examples=["studio"])
    """The server; of `jack`."""
    client_name: Text | None = Field(None, examples=["guest"])
    """By this name the server knows it; of `jack`."""
    connect_ports: Text | None = Field(None, examples=["system:.*"])
    """The ports it is connected to, as a regular expression; of `jack`."""
    exact_name: bool | None = Field(None, examples=[True])
    """Whether it fails where the name is taken; of `jack`."""
    name: Text | None = Field(None, examples=["alsa_output.hdmi"])
    """The sink or source; of `pulseaudio`."""
    stream_name: Text | None = Field(None, examples=["guest"])
    """The stream's name in a mixer; of `pulseaudio`."""
    latency: Count | None = Field(None, examples=[2000])
    """The latency that is asked for, in microseconds; of `pulseaudio`."""

    @model_validator(mode="after")
    def _settings(self) -> StreamSpec:
        """virDomainAudioCommonParse: "fixed audio settings requires mixing engine" (9.0)."""
        if self.fixed_settings and not self.mixing_engine:
            raise PydanticCustomError("audio", "`fixed_settings` takes `mixing_engine: true`")
        if (self.frequency, self.channels, self.format) != (None, None, None) and not self.fixed_settings:
            raise PydanticCustomError(
                "audio", "`frequency`, `channels` and `format` take `fixed_settings: true`"
            )
        return self


_OSS = {"dev": "/dev/dsp0", "try_poll": True, "buffer_count": 4}
_JACK = {"server_name": "studio", "client_name": "guest", "connect_ports": "system:.*", "exact_name": True}
_PULSE = {"name": "alsa_output.hdmi", "stream_name": "guest", "latency": 2000}


class AudioSpec(Model):
    """Where the guest's sound goes on the host."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        "pulseaudio",
        {"type": "pulseaudio", "server": "/run/user/1000/pulse/native", "timer_period": 50},
        {"type": "file", "path": "/tmp/guest.wav", "output": {"voices": 1}},
        {"type": "oss", "id": 2, "input": _OSS, "output": _OSS, "exclusive": True, "try_mmap": True,
         "dsp_policy": 3},
        {"type": "sdl", "driver": "alsa"},
        {"type": "jack", "input": _JACK, "output": _JACK},
        {"type": "pulseaudio", "input": _PULSE, "output": _PULSE},
    )  # fmt: skip
    least: ClassVar[frozenset[str]] = frozenset({"type"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        f"{way}.{field}": () for way in ("input", "output") for field in _STREAMS
    }

    type: Literal[
        "none", "alsa", "oss", "pulseaudio", "jack", "sdl", "spice", "dbus", "coreaudio", "file", "pipewire"
    ]
    """The host's sound system. `pipewire` takes libvirt 9.9."""
    id: AudioId | None = Field(None, examples=[2])
    """Its number, by which sound cards and displays name it; its place in the list when not given."""
    timer_period: Count | None = Field(None, examples=[50])
    """How often it is served, in microseconds."""
    input: StreamSpec | None = None
    """What the guest records."""
    output: StreamSpec | None = None
    """What the guest plays."""
    server: Text | None = Field(None, examples=["/run/user/1000/pulse/native"])
    """The server's name or socket; of `pulseaudio`."""
    driver: Literal["esd", "alsa", "arts", "pulseaudio"] | None = Field(None, examples=["alsa"])
    """SDL's own driver; of `sdl`."""
    path: Text | None = Field(None, examples=["/tmp/guest.wav"])
    """The file; of `file`."""
    try_mmap: bool | None = Field(None, examples=[True])
    """Whether the device's memory is used; of `oss`."""
    exclusive: bool | None = Field(None, examples=[True])
    """Whether nobody else gets the device; of `oss`."""
    dsp_policy: Annotated[int, Field(ge=-1, le=10, strict=True)] | None = Field(None, examples=[3])
    """How latency is weighed against load: -1, or 0 to 10; of `oss`."""

    @model_validator(mode="after")
    def _fits(self) -> AudioSpec:
        for field, types in _BACKENDS.items():
            if getattr(self, field) is not None and self.type not in types:
                _refuse(field, types)
        for stream in (self.input, self.output):
            for field, types in _STREAMS.items():
                if stream is not None and getattr(stream, field) is not None and self.type not in types:
                    _refuse(field, types)
        return self


def _refuse(field: str, types: Sequence[str]) -> None:
    raise PydanticCustomError(
        "audio", "`{field}` is of {types} only", {"field": field, "types": " and ".join(types)}
    )


class SoundSpec(Placeable):
    """A sound card."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = (
        "ich9",
        {"model": "ac97", "audio": "none"},
        {"model": "ich6", "codecs": ["micro"]},
        {"model": "usb", "multichannel": True},
    )

    model: Literal["ich9", "ich7", "ich6", "ac97", "usb", "es1370", "sb16", "pcspk", "virtio"] = "ich9"
    """The card the guest sees. `virtio` takes libvirt 10.4."""
    audio: (
        Literal["none", "alsa", "oss", "pulseaudio", "sdl", "spice", "jack", "dbus", "file"] | AudioId | None
    ) = Field(None, examples=["none"])
    """Where the sound goes on the host, or the number of one of `devices.audio`; libvirt's own choice by the
    display when not given."""
    codecs: tuple[Literal["duplex", "micro", "output"], ...] | None = Field(None, examples=[["micro"]])
    """What the cards ich6 and ich9 consist of; `duplex` when not given."""
    multichannel: bool | None = Field(None, examples=[True])
    """Whether a `usb` card has more than two channels. It takes libvirt 9.4."""

    @model_validator(mode="after")
    def _fits(self) -> SoundSpec:
        if self.codecs is not None and self.model not in ("ich6", "ich7", "ich9"):
            raise PydanticCustomError("sound", "`codecs` is of ich6 and ich9 only")
        if self.multichannel is not None and self.model != "usb":
            raise PydanticCustomError("sound", "`multichannel` is of `model: usb` only")
        return self
