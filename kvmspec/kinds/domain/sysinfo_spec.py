"""What the guest reads of its hardware (SMBIOS), as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#smbios-system-information.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from kvmspec.kinds.domain.words import BLOCKS
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Text

_Bios = Literal["vendor", "version", "date", "release"]
_System = Literal["manufacturer", "product", "version", "serial", "uuid", "sku", "family"]
_Board = Literal["manufacturer", "product", "version", "serial", "asset", "location"]
_Chassis = Literal["manufacturer", "version", "serial", "asset", "sku"]


class FwCfgSpec(Model):
    """What an entry of the firmware's configuration holds."""

    short: ClassVar[str | None] = "value"

    examples: ClassVar[Sequence[Any]] = ("some text", {"file": "/srv/config.ign"}, {"value": "some text"})

    value: Text | None = Field(None, examples=["some text"])
    """A text."""
    file: HostPath | None = Field(None, examples=["/srv/config.ign"])
    """A file of the host, with the text in it."""

    @model_validator(mode="after")
    def _one(self) -> FwCfgSpec:
        if (self.value is None) == (self.file is None):
            raise PydanticCustomError("fw_cfg", "state either a text or a `file`")
        return self


class _ByName:
    """Entries by their names, in the JSON Schema."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        names = ["opt/com.example/name", "opt/com.coreos/config", "opt/com.example/other"]
        return handler(schema) | {"propertyNames": {"examples": names}}


class SysinfoSpec(Model):
    """What the guest reads of its hardware: QEMU's own, the host's, or what is stated here."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = (
        "host",
        {"system": {"manufacturer": "Example", "product": "Shop", "serial": "0001"}},
        {"bios": {"vendor": "Example"}, "base_board": {"product": "B1"}, "chassis": {"asset": "7"}},
        {"oem_strings": ["example:first", "example:second"]},
        {"fw_cfg": {"opt/com.coreos/config": {"file": "/srv/config.ign"}}},
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
    fw_cfg: Annotated[dict[Text, FwCfgSpec], _ByName()] = Field(
        default_factory=dict, examples=[{"opt/com.coreos/config": {"file": "/srv/config.ign"}}]
    )
    """What QEMU's firmware interface hands the guest, as Ignition reads it; names begin with `opt/`."""

    @model_validator(mode="after")
    def _one(self) -> SysinfoSpec:
        if self.mode is not None and self.model_fields_set - {"mode", "fw_cfg"}:
            raise PydanticCustomError("sysinfo", "with a `mode` nothing else is stated but `fw_cfg`")
        return self

    @property
    def smbios(self) -> str | None:
        """Whose tables the guest gets; None where nothing is said of them."""
        return self.mode or ("sysinfo" if self.oem_strings or any(self.blocks) else None)

    @property
    def blocks(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Elements with their named entries."""
        for name, tag in BLOCKS.items():
            if entries := getattr(self, name):
                yield tag, entries
