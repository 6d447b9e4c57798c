"""A video card, as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#video-devices and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.device_types import PowerOfTwo
from kvmspec.kinds.domain.virtio_spec import VirtioSpec
from kvmspec.manifest.types import HostPath

_ONLY_OF: Mapping[str, tuple[str, ...]] = {
    "accel3d": ("virtio",),
    "rendernode": ("virtio",),
    "blob": ("virtio",),
    "backend": ("virtio",),
    "virtio": ("virtio",),
    "ram": ("qxl",),
    "vgamem": ("qxl",),
    "vram64": ("qxl",),
    "resolution": ("virtio", "vga", "qxl", "bochs", "ramfb"),
}
"""Fields that not every model has."""
_WITHOUT_VRAM = ("virtio", "ramfb", "none")


def _resolution(value: Any) -> str:
    """`1280x720`. Raises PydanticCustomError (`resolution`)."""
    wide, _, high = str(value).partition("x")
    if isinstance(value, str) and wide.isascii() and wide.isdigit() and high.isascii() and high.isdigit():
        return f"{int(wide)}x{int(high)}"
    raise PydanticCustomError("resolution", "expected a width and a height such as 1280x720")


class VideoSpec(Placeable):
    """The video card."""

    short: ClassVar[str | None] = "model"

    examples: ClassVar[Sequence[Any]] = (
        "vga",
        {"model": "virtio", "heads": 2, "accel3d": True, "rendernode": "/dev/dri/renderD128"},
        {"model": "qxl", "vram": "64MiB", "ram": "64MiB", "vgamem": "16MiB", "vram64": "64MiB"},
        {"model": "virtio", "resolution": "1280x720"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"model"})

    model: Literal["virtio", "vga", "qxl", "cirrus", "vmvga", "bochs", "ramfb", "none"]
    """The card the guest sees."""
    heads: Annotated[int, Field(ge=1, le=16, strict=True)] | None = Field(None, examples=[2])
    """How many screens it has."""
    vram: PowerOfTwo | None = Field(None, examples=["64MiB"])
    """Its memory, of all but `virtio` and `ramfb`."""
    ram: PowerOfTwo | None = Field(None, examples=["64MiB"])
    """The first half of the memory of `qxl`; 64MiB when not given."""
    vgamem: PowerOfTwo | None = Field(None, examples=["16MiB"])
    """What `qxl` has for its VGA mode, a part of `ram`; 16MiB when not given."""
    vram64: PowerOfTwo | None = Field(None, examples=["64MiB"])
    """What `qxl` has beyond the first 4GiB of addresses."""
    primary: bool | None = Field(None, examples=[True])
    """Whether it is the one that the firmware shows; the first is, when none is said to be."""
    resolution: Annotated[str, BeforeValidator(_resolution)] | None = Field(None, examples=["1280x720"])
    """The size of the screen at boot, in pixels."""
    accel3d: bool | None = Field(None, examples=[True])
    """Whether `virtio` draws in three dimensions, by the host's OpenGL."""
    rendernode: HostPath | None = Field(None, examples=["/dev/dri/renderD128"])
    """The host's device that draws, of a `backend: vhostuser`."""
    backend: Literal["qemu", "vhostuser"] | None = Field(None, examples=["vhostuser"])
    """Who draws: QEMU itself, or a process of its own."""
    blob: bool | None = Field(None, examples=[True])
    """Whether pictures are shared with the host and not copied. It takes libvirt 9.2."""
    virtio: VirtioSpec | None = None
    """Options of a virtio device."""

    @model_validator(mode="after")
    def _fits(self) -> VideoSpec:
        if self.vram is not None and self.model in _WITHOUT_VRAM:
            raise PydanticCustomError("video", "a video card of this model has no `vram` of its own")
        for field, models in _ONLY_OF.items():
            if getattr(self, field) is not None and self.model not in models:
                raise PydanticCustomError(
                    "video",
                    "`{field}` goes with `model: {models}` only",
                    {"field": field, "models": "` or `".join(models)},
                )
        if self.heads is not None and self.heads > 1 and self.model not in ("virtio", "qxl"):
            raise PydanticCustomError("video", "more than one of `heads` goes with virtio and qxl only")
        return self

    @property
    def size(self) -> tuple[str, str] | None:
        """The resolution's width and height."""
        return None if self.resolution is None else (*self.resolution.split("x"),)  # type: ignore[return-value]  # two
