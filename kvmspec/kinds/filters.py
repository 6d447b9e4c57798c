"""A network filter as others name it: interfaces, and filters themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Name, Text

_PARAMETER = re.compile(r"[A-Za-z0-9_]{1,64}")
_VALUE = re.compile(r"[A-Za-z0-9_.:/-]{1,255}")


def _parameters(values: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Each parameter as a list of its values."""
    found = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in values.items()}
    for name, listed in found.items():
        if not _PARAMETER.fullmatch(name) or not listed or not all(_VALUE.fullmatch(v) for v in listed):
            raise PydanticCustomError(
                "filter", "a filter's parameter is a name such as IP, and a value such as 192.168.150.10"
            )
    return found


class FilterSpec(Model):
    """Rules for what an interface may send and receive: a network filter."""

    short: ClassVar[str | None] = "name"
    examples: ClassVar[Sequence[Any]] = (
        "clean-traffic",
        {"name": "clean-traffic", "parameters": {"IP": "192.168.150.10"}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Name
    """A network filter of the manifest, or one that is on the host (`virsh nwfilter-list`)."""
    parameters: Annotated[dict[str, Text | tuple[Text, ...]], AfterValidator(_parameters)] = Field(
        default_factory=dict, examples=[{"IP": ["192.168.150.10", "192.168.150.11"]}]
    )
    """Values of the filter's variables; one of them, or a list."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(name, value), in the order in which libvirt writes them."""
        return [(name, value) for name in sorted(self.parameters) for value in self.parameters[name]]
