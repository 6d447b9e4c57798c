"""What is said to QEMU past libvirt, as the manifest writes it.

Facts: https://libvirt.org/drvqemu.html#pass-through-of-arbitrary-qemu-commands and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Text, words


class Property(NamedTuple):
    """A property of a device: libvirt's type of it, and its value as libvirt has it."""

    kind: str
    text: str | None


def parse_property(value: Any) -> Property:
    """`"on"`, `42`, `true`; `{signed: 42}` where the value does not tell, `{remove: true}` where libvirt is
    not to state it. Raises PydanticCustomError (`property`)."""
    kind = kind_of(value)
    if isinstance(value, dict) and len(value) == 1:
        ((kind, value),) = value.items()
        if kind == "remove" and value is True:
            return Property(kind, None)
        if kind not in ("signed", "string") or kind_of(value) not in _STATED[kind]:
            kind = ""
    if not kind:
        raise PydanticCustomError(
            "property", "expected text, a number or true or false, or `{signed: 42}`, or `{remove: true}`"
        )
    return Property(kind, str(value).lower() if isinstance(value, bool) else str(value))


def kind_of(value: Any) -> str:
    """What a value is taken for where nothing is said; "" where it is none."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "unsigned" if value >= 0 else "signed"
    return "string" if isinstance(value, str) else ""


_STATED = {"signed": ("signed", "unsigned"), "string": ("string",)}


def _written(value: Property) -> Any:
    """As a manifest says it."""
    match value.kind:
        case "remove":
            return {"remove": True}
        case "bool":
            return value.text == "true"
        case "string":
            return value.text
    number = int(value.text or "0")
    return number if kind_of(number) == value.kind else {value.kind: number}


_Property = Annotated[
    Property,
    BeforeValidator(parse_property),
    PlainSerializer(_written),
    words(
        {"type": ["string", "integer", "boolean", "object"], "examples": ["on"]},
        "property",
        "text, a number or true or false; `{signed: 42}`, `{remove: true}`",
    ),
]
_Name = Annotated[str, Field(pattern=r"^[^<>&\"']{1,128}$")]


class QemuSpec(Model):
    """What is said to QEMU past libvirt, which does not support it, and marks the VM as tainted."""

    examples: ClassVar[Sequence[Any]] = (
        {"args": ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]},
        {"env": {"QEMU_AUDIO_DRV": "none"}, "deprecation": "reject"},
        {"capabilities": {"blockdev": False}, "override": {"ua-disk": {"physical_block_size": 4096}}},
    )

    args: tuple[Text, ...] = Field((), examples=[["-device", "pvpanic"]])
    """Arguments of its command line, in their order."""
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Text | None] = Field(
        default_factory=dict, examples=[{"QEMU_AUDIO_DRV": "none"}]
    )
    """Variables of its environment; null leaves one empty."""
    capabilities: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,128}$")], bool] = Field(
        default_factory=dict, examples=[{"blockdev": False}]
    )
    """What libvirt is to believe that this QEMU can, or cannot."""
    deprecation: Literal["none", "omit", "reject", "crash"] | None = Field(None, examples=["reject"])
    """What QEMU does where libvirt uses something deprecated."""
    override: dict[_Name, dict[_Name, _Property]] = Field(
        default_factory=dict, examples=[{"ua-disk": {"physical_block_size": 4096}}]
    )
    """Properties of devices that QEMU gets, whatever libvirt would say, by the device's alias. Takes libvirt
    8.2."""

    @property
    def able(self) -> Iterator[tuple[str, str]]:
        """(`add` or `del`, capability)"""
        for way in (True, False):
            yield from (
                ("add" if way else "del", name) for name, on in self.capabilities.items() if on is way
            )
