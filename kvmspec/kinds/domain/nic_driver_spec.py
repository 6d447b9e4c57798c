"""What serves an interface of a VM on its host, and what the guest sees of it besides its card.

Facts: https://libvirt.org/formatdomain.html#setting-nic-driver-specific-options and the sections behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath

Ring = Annotated[int, Field(ge=1, le=65536, strict=True)]


def attributes(model: Model, names: Sequence[str]) -> Iterator[tuple[str, str | int]]:
    """libvirt's attributes for fields that are called alike: a bool is `on` or `off`."""
    for name in names:
        value = getattr(model, name)
        if value is not None:
            yield name, ("on" if value else "off") if isinstance(value, bool) else value


class GuestOffloadSpec(Model):
    """Work that the guest leaves to the host, of what it receives."""

    examples: ClassVar[Sequence[Any]] = ({"csum": False, "tso4": False},)

    csum: bool | None = Field(None, examples=[False])
    """Checksums."""
    tso4: bool | None = Field(None, examples=[False])
    """Segments of TCP over IPv4 put together."""
    tso6: bool | None = Field(None, examples=[False])
    """The same over IPv6."""
    ecn: bool | None = Field(None, examples=[False])
    """The same with congestion notification."""
    ufo: bool | None = Field(None, examples=[False])
    """Fragments of UDP."""

    @property
    def attributes(self) -> Iterator[tuple[str, str | int]]:
        """libvirt's attributes."""
        return attributes(self, tuple(type(self).model_fields))


class HostOffloadSpec(GuestOffloadSpec):
    """Work that the host takes over, of what the guest sends."""

    examples: ClassVar[Sequence[Any]] = ({"gso": False, "mrg_rxbuf": False},)

    gso: bool | None = Field(None, examples=[False])
    """Segmentation of any kind."""
    mrg_rxbuf: bool | None = Field(None, examples=[False])
    """Whether the guest's buffers may be put together for one packet."""


_DRIVER = (
    "name",
    "txmode",
    "ioeventfd",
    "event_idx",
    "queues",
    "rx_queue_size",
    "tx_queue_size",
    "rss",
    "rss_hash_report",
)


class DriverSpec(Model):
    """What serves a virtio card."""

    short: ClassVar[str | None] = "name"
    examples: ClassVar[Sequence[Any]] = (
        "vhost",
        {"name": "vhost", "rx_queue_size": 1024, "tx_queue_size": 1024},
        {"name": "qemu", "txmode": "timer", "ioeventfd": True, "event_idx": False},
        {"rss": True, "rss_hash_report": True},
        {"host": {"gso": False}, "guest": {"csum": False}},
    )

    name: Literal["qemu", "vhost", "vfio"] | None = Field(None, examples=["vhost"])
    """The host's kernel (`vhost`), or QEMU itself; vhost where the host has it, when not given. Of `hostdev`
    it is vfio."""
    txmode: Literal["iothread", "timer"] | None = Field(None, examples=["timer"])
    """When QEMU sends: at once, or what has gathered for a while."""
    ioeventfd: bool | None = Field(None, examples=[False])
    """Whether I/O goes on in a thread of its own while the guest does."""
    event_idx: bool | None = Field(None, examples=[False])
    """Whether there are fewer interrupts under load."""
    rx_queue_size: Ring | None = Field(None, examples=[1024])
    """How many packets a queue to the guest holds; a power of two."""
    tx_queue_size: Ring | None = Field(None, examples=[1024])
    """How many packets a queue from the guest holds; a power of two, of `vhostuser` and `vdpa`."""
    rss: bool | None = Field(None, examples=[True])
    """Whether the host spreads what the guest receives over its queues."""
    rss_hash_report: bool | None = Field(None, examples=[True])
    """Whether the guest is told by what it was spread."""
    host: HostOffloadSpec | None = None
    """Work that the host takes over, of what the guest sends."""
    guest: GuestOffloadSpec | None = None
    """Work that the guest leaves to the host, of what it receives."""

    @model_validator(mode="after")
    def _powers(self) -> DriverSpec:
        for size in (self.rx_queue_size, self.tx_queue_size):
            if size is not None and size & (size - 1):
                raise PydanticCustomError(
                    "driver", "`rx_queue_size` and `tx_queue_size` are powers of two, such as 512 or 1024"
                )
        return self

    @property
    def only_named(self) -> bool:
        """Whether nothing is stated but its name."""
        return self.model_fields_set <= {"name"}

    @property
    def attributes(self) -> Iterator[tuple[str, str | int]]:
        """<driver>'s attributes."""
        return attributes(self, [name for name in _DRIVER if name != "queues"])


class NicBackendSpec(Model):
    """Devices of the host's that a tap is made with."""

    examples: ClassVar[Sequence[Any]] = ({"tap": "/dev/net/tun", "vhost": "/dev/vhost-net"},)

    tap: HostPath | None = Field(None, examples=["/dev/net/tun"])
    """The one that gives taps."""
    vhost: HostPath | None = Field(None, examples=["/dev/vhost-net"])
    """The one of vhost."""


class RomSpec(Model):
    """The boot ROM of a PCI device."""

    short: ClassVar[str | None] = "file"
    examples: ClassVar[Sequence[Any]] = ("/usr/share/ipxe/nic.rom", {"bar": False}, {"enabled": True})

    enabled: bool | None = Field(None, examples=[True])
    """Whether it has one."""
    bar: bool | None = Field(None, examples=[False])
    """Whether the guest sees it in its memory."""
    file: HostPath | None = Field(None, examples=["/usr/share/ipxe/nic.rom"])
    """The file with it; that of the card when not given."""

    @model_validator(mode="after")
    def _fits(self) -> RomSpec:
        if self.enabled is False and (self.bar is not None or self.file is not None):
            raise PydanticCustomError("rom", "a ROM that is not enabled has neither `bar` nor `file`")
        return self

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """<rom>'s attributes."""
        if self.enabled is not None:
            yield "enabled", "yes" if self.enabled else "no"
        if self.bar is not None:
            yield "bar", "on" if self.bar else "off"
        if self.file is not None:
            yield "file", self.file


class TeamingSpec(Model):
    """One of two interfaces that a guest takes for one: a virtio one that stays, and a `hostdev` that goes
    while the guest is migrated."""

    short: ClassVar[str | None] = "type"
    examples: ClassVar[Sequence[Any]] = ("persistent", {"type": "transient", "persistent": "ua-stays"})

    type: Literal["persistent", "transient"] = Field(examples=["persistent"])
    """Whether it is the one that stays."""
    persistent: Annotated[str, Field(pattern=r"^ua-[A-Za-z0-9_-]+$")] | None = Field(None)
    """Of the one that goes: the alias of the one that stays."""

    @model_validator(mode="after")
    def _fits(self) -> TeamingSpec:
        if (self.type == "transient") != (self.persistent is not None):
            raise PydanticCustomError("teaming", "`persistent` goes with `type: transient`, which needs it")
        return self
