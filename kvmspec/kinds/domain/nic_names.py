"""Names of interfaces of the host."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import words

_LINK = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # the kernel's IFNAMSIZ less the final zero
DRAWN = re.compile(r"(vnet|vif|macvtap|macvlan)\d")  # libvirt's own names: it forgets one that is stated


def _device(value: Any) -> str:
    if isinstance(value, str) and _LINK.fullmatch(value) and value not in (".", ".."):
        return value
    raise PydanticCustomError(
        "device", "expected the name of a network interface of the host, such as eno1 (at most 15 characters)"
    )


def drawn_by_nobody(name: str) -> str:
    """A tap's name that libvirt would not draw itself. Raises PydanticCustomError (`tap`)."""
    if DRAWN.match(name):
        raise PydanticCustomError(
            "tap", "names such as vnet0 and macvtap0 are drawn by libvirt, which forgets a stated one"
        )
    return name


DeviceName = Annotated[
    str,
    BeforeValidator(_device),
    words(
        {"type": "string", "examples": ["eno1"]},
        "interface",
        "the name of an interface of the host, at most 15 characters",
    ),
]
