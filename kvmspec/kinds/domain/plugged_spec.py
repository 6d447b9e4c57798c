"""Devices that can be plugged in and out, as the manifest writes them: random numbers, channels, input
devices, devices of the host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Size, parse_path, words


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
    )

    source: Source = "/dev/urandom"
    """Where the host takes the entropy from: a device, or `builtin` for QEMU's own generator."""
    rate: RateSpec | None = None
    """How much the guest may take of it; any amount when not given."""
    model: Literal["virtio", "virtio-transitional", "virtio-non-transitional"] = "virtio"
    """The card the guest sees."""


class InputSpec(Placeable):
    """A keyboard, mouse or tablet besides those the machine has by itself."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = ("tablet", {"type": "keyboard", "bus": "virtio"})
    least: ClassVar[frozenset[str]] = frozenset({"type"})

    type: Literal["tablet", "mouse", "keyboard"]
    """What it is. A tablet makes the pointer follow that of the viewer."""
    bus: Literal["usb", "virtio"] = "usb"
    """How the guest sees it. The PS/2 keyboard and mouse are part of the machine."""


# --- devices of the host
_PCI = re.compile(r"(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-1][0-9a-f])\.([0-7])")
_USB = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_SCSI = re.compile(r"\d{1,5}(:\d{1,5}){3}")


def parse_pci(value: Any) -> str:
    """`0000:41:00.0`, with its domain or without. Raises PydanticCustomError (`pci`)."""
    if isinstance(value, str) and (match := _PCI.fullmatch(value.lower())):
        domain, bus, slot, function = match.groups()
        return f"{domain or '0000'}:{bus}:{slot}.{function}"
    raise PydanticCustomError("pci", 'expected a PCI address as lspci shows it, in quotes: "0000:41:00.0"')


def parse_usb(value: Any) -> str:
    """`1d6b:0002`: vendor and product. Raises PydanticCustomError (`usb`)."""
    if isinstance(value, str) and _USB.fullmatch(value.lower()):
        return value.lower()
    raise PydanticCustomError(
        "usb", 'expected vendor and product as lsusb shows them, in quotes: "1d6b:0002"'
    )


def parse_scsi(value: Any) -> str:
    """`2:0:0:1`: host, bus, target and unit. Raises PydanticCustomError (`scsi`)."""
    if isinstance(value, str) and _SCSI.fullmatch(value):
        return ":".join(str(int(part)) for part in value.split(":"))
    raise PydanticCustomError("scsi", 'expected a SCSI address as lsscsi shows it, in quotes: "2:0:0:1"')


def _address(parse: Any, example: str, brief: str, text: str) -> Any:
    schema = {"type": "string", "examples": [example]}
    return BeforeValidator(parse), words(schema, brief, text)


PciAddress = Annotated[
    str, *_address(parse_pci, "0000:41:00.0", "PCI address", "a PCI address as lspci shows it, in quotes")
]
UsbId = Annotated[
    str, *_address(parse_usb, "1d6b:0002", "USB ID", "vendor and product as lsusb shows them, in quotes")
]
ScsiAddress = Annotated[
    str, *_address(parse_scsi, "2:0:0:1", "SCSI address", "a SCSI address as lsscsi shows it, in quotes")
]


class UsbPlace(Model):
    """A USB device by where it is, which changes when it is plugged in again."""

    examples: ClassVar[Sequence[Any]] = ({"bus": 1, "device": 3},)
    least: ClassVar[frozenset[str]] = frozenset({"bus", "device"})

    bus: Annotated[int, Field(ge=0, le=255, strict=True)] = Field(examples=[1])
    """The bus, as lsusb counts."""
    device: Annotated[int, Field(ge=0, le=255, strict=True)] = Field(examples=[3])
    """The device on it."""


_KINDS = ("pci", "usb", "mdev", "scsi")


class HostdevSpec(Placeable):
    """A device of the host that is given to the guest: exactly one of `pci`, `usb`, `mdev` and `scsi`."""

    examples: ClassVar[Sequence[Any]] = (
        {"pci": "0000:41:00.0"},
        {"usb": "1d6b:0002"},
        {"usb": {"bus": 1, "device": 3}},
        {"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8804"},
        {"scsi": "2:0:0:1"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"pci"})

    pci: PciAddress | None = None
    """A PCI device, by its address."""
    usb: UsbId | UsbPlace | None = None
    """A USB device, by vendor and product, or by where it is."""
    mdev: Uuid | None = None
    """A mediated device, by its UUID."""
    scsi: ScsiAddress | None = None
    """A SCSI device, by its address."""
    managed: bool | None = Field(None, examples=[False])
    """Whether libvirt takes a PCI device from the host's driver, and gives it back; it does when not
    given."""

    @model_validator(mode="after")
    def _one(self) -> HostdevSpec:
        if sum(getattr(self, kind) is not None for kind in _KINDS) != 1:
            raise PydanticCustomError(
                "hostdev", "a host device is exactly one of `pci`, `usb`, `mdev` or `scsi`"
            )
        if self.managed is not None and self.pci is None:
            raise PydanticCustomError("hostdev", "only a PCI device is `managed`")
        return self

    @property
    def type(self) -> str:
        """`pci`, `usb`, `mdev` or `scsi`."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)

    @property
    def parts(self) -> list[str]:
        """The numbers of a PCI, SCSI or USB device's address or ID, in their order."""
        return re.split("[:.]", str(getattr(self, self.type)))
