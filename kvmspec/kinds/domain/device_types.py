"""Value types that several devices have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import Size

MIB = 2**20

AudioId = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
"""The number of an audio backend."""


def _power_of_two(size: int) -> int:
    """libvirt rounds other sizes of a video card's memory up (measured on 9.0), and refuses them for shared
    memory."""
    if size < MIB or size & (size - 1):
        raise PydanticCustomError("size", "expected a power of two from 1MiB up, such as 16MiB")
    return size


PowerOfTwo = Annotated[Size, AfterValidator(_power_of_two)]
