"""Value types that several devices have."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import Size, words

MIB = 2**20
_PCI = re.compile(r"(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-1][0-9a-f])\.([0-7])")

AudioId = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
"""The number of an audio backend."""


def _power_of_two(size: int) -> int:
    """libvirt rounds other sizes of a video card's memory up (measured on 9.0), and refuses them for shared
    memory."""
    if size < MIB or size & (size - 1):
        raise PydanticCustomError("size", "expected a power of two from 1MiB up, such as 16MiB")
    return size


PowerOfTwo = Annotated[Size, AfterValidator(_power_of_two)]


def parse_pci(value: Any) -> str:
    """`0000:41:00.0`, with its domain or without. Raises PydanticCustomError (`pci`)."""
    if isinstance(value, str) and (match := _PCI.fullmatch(value.lower())):
        domain, bus, slot, function = match.groups()
        return f"{domain or '0000'}:{bus}:{slot}.{function}"
    raise PydanticCustomError("pci", 'expected a PCI address as lspci shows it, in quotes: "0000:41:00.0"')


def addressed(parse: Any, example: str, brief: str, text: str) -> Any:
    """What makes a type of text that is parsed, and how the reference tells it."""
    schema = {"type": "string", "examples": [example]}
    return BeforeValidator(parse), words(schema, brief, text)


PciAddress = Annotated[
    str, *addressed(parse_pci, "0000:41:00.0", "PCI address", "a PCI address as lspci shows it, in quotes")
]
