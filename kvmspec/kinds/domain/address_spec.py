"""Where a device is plugged in, as the manifest writes it, and the name a user gives it.

Facts: https://libvirt.org/formatdomain.html#device-addresses and libvirt 9.0's schema.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import words

Attributes = Mapping[str, str]

_PCI = re.compile(r"(?:0000:)?([0-9a-f]{2}):([01][0-9a-f])\.([0-7])")
_NUMBERS = re.compile(r"\d{1,5}(?::\d{1,5})*")
_USB = re.compile(r"\d{1,3}(?::\d{1,3}(?:\.\d{1,3}){0,3})?")
_CCW = re.compile(r"(fe|[0-9a-f]{1,2})\.([0-3])\.([0-9a-f]{4})")


def parse_place(value: Any) -> str:
    """`00:05.0`: bus, slot and function, as lspci shows them. Raises PydanticCustomError (`address`)."""
    if isinstance(value, str) and (match := _PCI.fullmatch(value.lower())):
        return "{}:{}.{}".format(*match.groups())
    raise PydanticCustomError(
        "address", 'expected bus, slot and function as lspci shows them, in quotes: "00:05.0"'
    )


def _parts(count: int, name: str) -> Any:
    def parse(value: Any) -> str:
        if isinstance(value, str) and _NUMBERS.fullmatch(value) and value.count(":") == count - 1:
            return ":".join(str(int(part)) for part in value.split(":"))
        raise PydanticCustomError("address", f"expected {name}, with colons and in quotes")

    return parse


def _fullmatch(pattern: re.Pattern[str], name: str) -> Any:
    def parse(value: Any) -> str:
        if isinstance(value, str) and pattern.fullmatch(value.lower()):
            return value.lower()
        raise PydanticCustomError("address", f"expected {name}, in quotes")

    return parse


def _text(parse: Any, example: str, name: str) -> Any:
    schema = {"type": "string", "examples": [example]}
    return BeforeValidator(parse), words(schema, name, f"{name}, in quotes")


PciPlace = Annotated[str, *_text(parse_place, "00:05.0", "bus, slot and function")]
_DRIVE, _SERIAL, _READER = (
    "controller, bus, target and unit",
    "controller, bus and port",
    "controller and slot",
)
_USB_NAME, _CCW_NAME = "bus and port such as 0:1.2", "a subchannel such as fe.0.0001"
DrivePlace = Annotated[str, *_text(_parts(4, _DRIVE), "0:0:0:1", _DRIVE)]
SerialPlace = Annotated[str, *_text(_parts(3, _SERIAL), "0:0:1", _SERIAL)]
ReaderPlace = Annotated[str, *_text(_parts(2, _READER), "0:0", _READER)]
UsbPort = Annotated[str, *_text(_fullmatch(_USB, _USB_NAME), "0:1", _USB_NAME)]
CcwPlace = Annotated[str, *_text(_fullmatch(_CCW, _CCW_NAME), "fe.0.0001", _CCW_NAME)]
Hex = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-f]{1,16}$",
        json_schema_extra={"x-type": ["0x…", "a hexadecimal number, in quotes"], "examples": ["0x3f8"]},
    ),
]
_KINDS = (
    "pci", "drive", "usb", "virtio_serial", "ccid", "isa", "dimm", "ccw", "spapr_vio", "virtio_mmio",
    "unassigned",
)  # fmt: skip


class IsaSpec(Model):
    """An address on the ISA bus."""

    examples: ClassVar[Sequence[Any]] = ({"iobase": "0x3f8", "irq": "0x4"},)

    iobase: Hex | None = Field(None, examples=["0x3f8"])
    """The first of its I/O ports."""
    irq: Hex | None = Field(None, examples=["0x4"])
    """Its interrupt."""


class SlotSpec(Model):
    """A slot for memory."""

    short: ClassVar[str | None] = "slot"
    examples: ClassVar[Sequence[Any]] = (0, {"slot": 1, "base": "0x100000000"})
    least: ClassVar[frozenset[str]] = frozenset({"slot"})

    slot: Annotated[int, Field(ge=0, le=1023, strict=True)] = Field(examples=[0])
    """Its number."""
    base: Hex | None = Field(None, examples=["0x100000000"])
    """Where its memory begins in the guest."""


class ZpciSpec(Model):
    """What a PCI device of s390 has besides."""

    examples: ClassVar[Sequence[Any]] = ({"uid": 1, "fid": 0},)

    uid: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None, examples=[1])
    """The number by which the guest knows it."""
    fid: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)] | None = Field(None, examples=[0])
    """The number of its function."""

    @property
    def attributes(self) -> dict[str, str]:
        """<zpci>'s attributes, in libvirt's digits."""
        found = {} if self.uid is None else {"uid": f"0x{self.uid:04x}"}
        return found if self.fid is None else found | {"fid": f"0x{self.fid:08x}"}


class AddressSpec(Model):
    """Where a device is plugged in. libvirt gives every device a place; a manifest states one where it is to
    be another, or shall stay the same when the VM is made anew."""

    short: ClassVar[str | None] = "pci"

    examples: ClassVar[Sequence[Any]] = (
        "00:05.0",
        {"pci": "00:1c.0", "multifunction": True},
        {"drive": "0:0:0:1"},
        {"usb": "0:1"},
        {"virtio_serial": "0:0:1"},
        {"ccid": "0:0"},
        {"isa": {"iobase": "0x3f8", "irq": "0x4"}},
        {"dimm": 0},
        {"ccw": "fe.0.0001"},
        {"spapr_vio": "0x30000000"},
        {"virtio_mmio": True},
        {"unassigned": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"pci"})

    pci: PciPlace | None = None
    """On a PCI bus: bus, slot and function. The bus is the number of a `pci` controller."""
    multifunction: bool | None = Field(None, examples=[True])
    """Whether its PCI slot has other functions; libvirt finds out when not given."""
    zpci: ZpciSpec | None = None
    """What a PCI device of s390 has besides."""
    drive: DrivePlace | None = Field(None, examples=["0:0:0:1"])
    """Of a disk: controller, bus, target and unit."""
    usb: UsbPort | None = Field(None, examples=["0:1"])
    """On USB: controller and port; `0:1.2` is the second port of a hub at the first one."""
    virtio_serial: SerialPlace | None = Field(None, examples=["0:0:1"])
    """Of a channel: controller, bus and port."""
    ccid: ReaderPlace | None = Field(None, examples=["0:0"])
    """Of a smartcard: controller and slot."""
    isa: IsaSpec | None = Field(None, examples=[{"iobase": "0x3f8", "irq": "0x4"}])
    """On the ISA bus."""
    dimm: SlotSpec | None = Field(None, examples=[0])
    """Of memory: its slot."""
    ccw: CcwPlace | None = Field(None, examples=["fe.0.0001"])
    """On s390: subchannel set, and device number."""
    spapr_vio: Hex | None = Field(None, examples=["0x30000000"])
    """On pseries: its register."""
    virtio_mmio: bool | None = Field(None, examples=[True])
    """On a virtio-mmio bus, which has no numbers."""
    unassigned: bool | None = Field(None, examples=[True])
    """Of a PCI device of the host: that the guest does not get it."""

    @model_validator(mode="after")
    def _one(self) -> AddressSpec:
        given = [name for name in _KINDS if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            raise PydanticCustomError(
                "address", "an address is exactly one of {kinds}", {"kinds": ", ".join(_KINDS)}
            )
        if self.pci is None and (self.multifunction is not None or self.zpci is not None):
            raise PydanticCustomError("address", "`multifunction` and `zpci` go with `pci` only")
        return self

    @property
    def kind(self) -> str:
        """Of which kind it is, such as `pci`."""
        return next(name for name in _KINDS if getattr(self, name) not in (None, False))

    @property
    def place(self) -> str:
        """The place alone, in words: `pci 00:05.0`."""
        value = getattr(self, self.kind)
        return f"{self.kind} {value.slot if isinstance(value, SlotSpec) else value}"

    @property
    def element(self) -> ET.Element:
        """<address>, as libvirt writes it."""
        kind = self.kind
        node = ET.Element("address", type=kind.replace("_", "-"))
        if kind in _WRITE:
            node.attrib.update(_WRITE[kind](getattr(self, kind)))
        if self.multifunction is not None:
            node.set("multifunction", "on" if self.multifunction else "off")
        if self.zpci is not None:
            ET.SubElement(node, "zpci", self.zpci.attributes)
        return node


def _pci(value: str) -> Attributes:
    bus, slot, function = re.split("[:.]", value)
    return {"domain": "0x0000", "bus": f"0x{bus}", "slot": f"0x{slot}", "function": f"0x{function}"}


def _listed(*names: str) -> Any:
    return lambda value: dict(zip(names, str(value).split(":", len(names) - 1), strict=False))


def _ccw(value: str) -> Attributes:
    cssid, ssid, devno = value.split(".")
    return {"cssid": f"0x{cssid}", "ssid": f"0x{ssid}", "devno": f"0x{devno}"}


def _model(value: Model) -> Attributes:
    return {name: str(part) for name, part in value.model_dump(exclude_none=True).items()}


_WRITE: Mapping[str, Any] = {
    "pci": _pci,
    "drive": _listed("controller", "bus", "target", "unit"),
    "usb": _listed("bus", "port"),
    "virtio_serial": _listed("controller", "bus", "port"),
    "ccid": _listed("controller", "slot"),
    "isa": _model,
    "dimm": _model,
    "ccw": _ccw,
    "spapr_vio": lambda value: {"reg": value},
}


class Placeable(Model):
    """A device of the guest: what any may state."""

    address: AddressSpec | None = Field(None, examples=["00:05.0"])
    """Where it is plugged in; libvirt finds a place when not given."""
    alias: Annotated[str, Field(pattern=r"^ua-[A-Za-z0-9_.-]{1,124}$")] | None = Field(
        None, examples=["ua-first"]
    )
    """A name for it in QEMU, and in libvirt's messages; it begins with `ua-`."""
    acpi_index: Annotated[int, Field(ge=1, le=16383, strict=True)] | None = Field(None, examples=[1])
    """Of a PCI device: its number in ACPI, by which a guest names its interfaces (`eno1`)."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """These come behind a device's own fields, wherever these are listed."""
        for name in Placeable.__annotations__:
            if name in cls.__pydantic_fields__:
                cls.__pydantic_fields__[name] = cls.__pydantic_fields__.pop(name)

    @property
    def place(self) -> Iterator[ET.Element]:
        """What is stated of it, as elements: the last in the device."""
        if self.acpi_index is not None:
            yield ET.Element("acpi", index=str(self.acpi_index))
        if self.alias is not None:
            yield ET.Element("alias", name=self.alias)
        if self.address is not None:
            yield self.address.element
