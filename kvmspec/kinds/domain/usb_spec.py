"""What a viewer's or the host's devices are lent to the guest through: USB redirection, smartcards, hubs.

Facts: https://libvirt.org/formatdomain.html#redirected-devices, #smartcard-devices and libvirt 9.0's schema.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.ends_spec import ENDS, EndSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Text, words

_HEX = re.compile(r"0x[0-9a-fA-F]{1,4}")
_VERSION = re.compile(r"\d{1,2}\.\d{1,2}")


def _hexadecimal(digits: int) -> Any:
    """`0x08`, as libvirt writes it: with all its digits, in upper case."""

    def parse(value: Any) -> str:
        if isinstance(value, str) and _HEX.fullmatch(value) and int(value, 16) < 16**digits:
            return f"0x{int(value, 16):0{digits}X}"
        raise PydanticCustomError(
            "hex", 'expected a number as lsusb shows it, in quotes: "0x{digits}"', {"digits": "1" * digits}
        )

    return BeforeValidator(parse)


def _version(value: Any) -> str:
    """`1.10`: libvirt takes `1.1` for it, as USB itself writes versions. Raises PydanticCustomError
    (`version`)."""
    if isinstance(value, str) and _VERSION.fullmatch(value):
        major, _, minor = value.partition(".")
        return f"{int(major)}.{minor:0<2}"
    raise PydanticCustomError("version", 'expected a version in quotes, such as "2.56"')


def _words(digits: int) -> Any:
    example = "0x08" if digits == 2 else "0x1D6B"
    return words({"type": "string", "examples": [example]}, "number", "a hexadecimal number, in quotes")


Class = Annotated[str, _hexadecimal(2), _words(2)]
Number = Annotated[str, _hexadecimal(4), _words(4)]


class RedirdevSpec(Placeable, EndSpec):
    """A place for a USB device that is lent to the guest, by a SPICE client or another program."""

    examples: ClassVar[Sequence[Any]] = (
        "spicevmc",
        {"type": "unix", "path": "/run/usb.sock", "mode": "bind"},
        {"type": "tcp", "host": "127.0.0.1", "port": 4000, "boot_order": 1},
        *ENDS,
    )

    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None, examples=[1])
    """Its place among the devices that are started from."""


class UsbRuleSpec(Model):
    """Whether USB devices of a kind may be lent to the guest."""

    examples: ClassVar[Sequence[Any]] = (
        {"allow": True, "class": "0x08", "vendor": "0x1234", "product": "0xbeef", "version": "2.56"},
        {"allow": False},
    )
    least: ClassVar[frozenset[str]] = frozenset({"allow"})

    allow: bool
    """Whether they may."""
    class_: Class | None = Field(None, alias="class", examples=["0x08"])
    """The class of the device; any when not given."""
    vendor: Number | None = None
    """Its vendor."""
    product: Number | None = None
    """Its product."""
    version: Annotated[str, BeforeValidator(_version)] | None = Field(None, examples=["2.56"])
    """Its version."""


class SmartcardSpec(Placeable):
    """A smartcard reader, with the host's card, certificates of the host, or a card at the other end."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = (
        "host",
        "spicevmc",
        {"mode": "certificates", "certificates": ["one", "two", "three"], "database": "/etc/pki/nssdb"},
        {"mode": "passthrough", "end": {"type": "tcp", "host": "127.0.0.1", "port": 4000}},
    )

    mode: Literal["host", "spicevmc", "certificates", "passthrough"]
    """Where the card is: in the host's reader, at the SPICE client, made of `certificates`, at an `end`."""
    certificates: tuple[Text, ...] | None = Field(None)
    """The names of the three certificates it is made of."""
    database: HostPath | None = Field(None)
    """The database that has the certificates; /etc/pki/nssdb when not given."""
    end: EndSpec | None = None
    """Where a card's program is, of `passthrough`."""

    @model_validator(mode="after")
    def _fits(self) -> SmartcardSpec:
        made = self.mode == "certificates"
        if made != (self.certificates is not None) or (self.database is not None and not made):
            raise PydanticCustomError(
                "smartcard", "`mode: certificates` needs `certificates`, and only it has them"
            )
        if self.certificates is not None and len(self.certificates) != 3:
            raise PydanticCustomError("smartcard", "a card is made of three certificates")
        if (self.mode == "passthrough") != (self.end is not None):
            raise PydanticCustomError("smartcard", "`mode: passthrough` needs an `end`, and only it has one")
        return self


class HubSpec(Placeable):
    """A hub that the guest sees."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = ("usb",)

    type: Literal["usb"] = "usb"
    """Its bus."""
