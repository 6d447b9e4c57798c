"""What the guest reads of its hardware (SMBIOS), as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#smbios-system-information.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Text

BLOCKS: Mapping[str, str] = {
    "bios": "bios",
    "system": "system",
    "base_board": "baseBoard",
    "chassis": "chassis",
}
"""Fields, and elements of named entries."""

_Bios = Literal["vendor", "version", "date", "release"]
_System = Literal["manufacturer", "product", "version", "serial", "uuid", "sku", "family"]
_Board = Literal["manufacturer", "product", "version", "serial", "asset", "location"]
_Chassis = Literal["manufacturer", "version", "serial", "asset", "sku"]


class SysinfoSpec(Model):
    """What the guest reads of its hardware: QEMU's own, the host's, or what is stated here."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = (
        "host",
        {"system": {"manufacturer": "Example", "product": "Shop", "serial": "0001"}},
        {"bios": {"vendor": "Example"}, "base_board": {"product": "B1"}, "chassis": {"asset": "7"}},
        {"oem_strings": ["example:first", "example:second"]},
        {"mode": "host"},
    )

    mode: Literal["emulate", "host"] | None = Field(None, examples=["host"])
    """QEMU's own, or the host's; then nothing else is stated."""
    bios: dict[_Bios, Text] = Field(default_factory=dict, examples=[{"vendor": "Example"}])
    """Of the firmware."""
    system: dict[_System, Text] = Field(default_factory=dict, examples=[{"product": "Shop"}])
    """Of the machine; a `uuid` here has to be the VM's own."""
    base_board: dict[_Board, Text] = Field(default_factory=dict, examples=[{"product": "B1"}])
    """Of its board."""
    chassis: dict[_Chassis, Text] = Field(default_factory=dict, examples=[{"asset": "7"}])
    """Of its case."""
    oem_strings: tuple[Text, ...] = Field((), examples=[["example:first"]])
    """Texts for programs in the guest, in their order."""

    @model_validator(mode="after")
    def _one(self) -> SysinfoSpec:
        if self.mode is not None and self.model_fields_set - {"mode"}:
            raise PydanticCustomError("sysinfo", "with a `mode` nothing else is stated of `sysinfo`")
        return self

    @property
    def blocks(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Elements with their named entries."""
        for name, tag in BLOCKS.items():
            if entries := getattr(self, name):
                yield tag, entries
