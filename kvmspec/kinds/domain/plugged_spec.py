"""Devices that can be plugged in and out, as the manifest writes them: random numbers, channels, input
devices.

Facts: https://libvirt.org/formatdomain.html#random-number-generator-device, #channel, #input-devices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.ends_spec import EndSpec
from kvmspec.kinds.domain.virtio_spec import VirtioModel, VirtioSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Size, parse_path, words


class RateSpec(Model):
    """How much entropy the guest may take."""

    examples: ClassVar[Sequence[Any]] = ({"bytes": "1KiB", "period": 2000},)
    least: ClassVar[frozenset[str]] = frozenset({"bytes"})

    bytes: Size
    """What it gets in one period at the most."""
    period: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(None, examples=[2000])
    """The period in milliseconds; one second when not given."""


def parse_source(value: Any) -> str:
    """A device of the host, or `builtin`. Raises PydanticCustomError (`path`)."""
    return "builtin" if value == "builtin" else parse_path(value)


Source = Annotated[
    str,
    BeforeValidator(parse_source),
    words({"type": "string", "examples": ["/dev/hwrng"]}, "device", "a device of the host, or `builtin`"),
]


class RngSpec(Placeable):
    """A virtio random number generator."""

    short: ClassVar[str | None] = "source"

    examples: ClassVar[Sequence[Any]] = (
        "/dev/hwrng",
        "builtin",
        {"source": "/dev/urandom", "rate": {"bytes": "1KiB", "period": 2000}},
        {"egd": {"type": "tcp", "host": "127.0.0.1", "port": 1234}},
    )

    source: Source = "/dev/urandom"
    """Where the host takes the entropy from: a device, or `builtin` for QEMU's own generator."""
    egd: EndSpec | None = None
    """A daemon that gives entropy (EGD), in the place of `source`."""
    rate: RateSpec | None = None
    """How much the guest may take of it; any amount when not given."""
    model: VirtioModel = "virtio"
    """The card the guest sees."""
    virtio: VirtioSpec | None = None
    """Options of a virtio device."""

    @model_validator(mode="after")
    def _one(self) -> RngSpec:
        if self.egd is not None and "source" in self.model_fields_set:
            raise PydanticCustomError("rng", "entropy comes from either a `source` or an `egd`")
        return self


class InputSpec(Placeable):
    """A keyboard, mouse or tablet besides those the machine has by itself; or an input device of the host."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        "tablet",
        {"type": "keyboard", "bus": "virtio"},
        {"type": "passthrough", "source": "/dev/input/event3", "bus": "virtio"},
        {
            "type": "evdev",
            "source": "/dev/input/event3",
            "grab": "all",
            "grab_toggle": "alt-alt",
            "repeat": True,
        },
        {"type": "mouse", "bus": "virtio", "virtio": {"packed": True}},
        {"type": "passthrough", "source": "/dev/input/event3", "model": "virtio-non-transitional"},
    )

    type: Literal["tablet", "mouse", "keyboard", "passthrough", "evdev"]
    """What it is. A tablet makes the pointer follow that of the viewer; `passthrough` gives the guest a
    device of the host, `evdev` what is typed on it."""
    bus: Literal["usb", "virtio"] | None = Field(None, examples=["virtio"])
    """How the guest sees it: on usb when not given, and `passthrough` on virtio. The PS/2 keyboard and mouse
    are part of the machine."""
    source: HostPath | None = Field(None)
    """The device of the host, of `passthrough` and `evdev`."""
    grab: Literal["all"] | None = Field(None)
    """With `all`, every device of the guest's follows the toggle of this one; of `evdev`."""
    grab_toggle: (
        Literal["ctrl-ctrl", "alt-alt", "shift-shift", "meta-meta", "scrolllock", "ctrl-scrolllock"] | None
    ) = Field(None)
    """The keys that switch between host and guest, of `evdev`."""
    repeat: bool | None = Field(None)
    """Whether keys that are held repeat, of `evdev`."""
    model: VirtioModel | None = Field(None)
    """The card the guest sees, on virtio."""
    virtio: VirtioSpec | None = Field(None)
    """Options of a virtio device."""

    @model_validator(mode="after")
    def _fits(self) -> InputSpec:
        hosts = self.type in ("passthrough", "evdev")
        if hosts != (self.source is not None):
            raise PydanticCustomError(
                "input", "`passthrough` and `evdev` need a `source`, and only they have one"
            )
        if (self.type == "passthrough" and self.bus == "usb") or (self.type == "evdev" and self.bus):
            raise PydanticCustomError("input", "`passthrough` is on virtio, and `evdev` on no bus")
        if self.type != "evdev" and (self.grab, self.grab_toggle, self.repeat) != (None, None, None):
            raise PydanticCustomError("input", "`grab`, `grab_toggle` and `repeat` are of `evdev` only")
        if (
            self.model not in (None, "virtio") and self.type != "passthrough"
        ):  # "not supported for input" (9.0)
            raise PydanticCustomError("input", "cards besides `virtio` are of `passthrough` only")
        if self.on_bus != "virtio" and (self.model or self.virtio):
            raise PydanticCustomError("input", "`model` and `virtio` are of a device on virtio only")
        return self

    @property
    def on_bus(self) -> str | None:
        """The bus it is on; None of one that is on none."""
        return self.bus or {"evdev": None, "passthrough": "virtio"}.get(self.type, "usb")
