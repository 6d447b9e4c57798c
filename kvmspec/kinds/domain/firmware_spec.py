"""Firmware, and what it boots, as the manifest writes them.

Facts: https://libvirt.org/formatdomain.html#operating-system-booting and measurements on libvirt 9.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.words import format_delay
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Text, words

if TYPE_CHECKING:
    from kvmspec.kinds.domain.source_spec import SourceSpec
else:
    SourceSpec = deferred("kvmspec.kinds.domain.source_spec", "SourceSpec")

_DELAY = re.compile(r"(\d{1,5})(ms|s)")
_LONGEST = 65535  # ms


def parse_delay(value: Any) -> int:
    """`3s`, `500ms` as milliseconds. Raises PydanticCustomError (`delay`)."""
    if isinstance(value, str) and (match := _DELAY.fullmatch(value.strip())):
        delay = int(match[1]) * (1000 if match[2] == "s" else 1)
        if delay <= _LONGEST:
            return delay
    raise PydanticCustomError("delay", "expected up to 65s with a unit, such as 3s or 500ms")


Delay = Annotated[
    int,
    BeforeValidator(parse_delay),
    PlainSerializer(format_delay),
    words(
        {"type": "string", "pattern": r"^\d{1,5}(ms|s)$", "examples": ["3s"]},
        "delay",
        "up to 65s with a unit, such as 3s or 500ms",
    ),
]


class FirmwareSpec(Model):
    """What starts the guest: a BIOS, or UEFI from an image that libvirt finds on the host."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        "uefi",
        {"type": "uefi", "secure_boot": True, "enrolled_keys": True},
        {
            "type": "uefi",
            "loader": "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "loader_type": "pflash",
            "readonly": True,
            "secure": False,
            "nvram": "/var/lib/libvirt/qemu/nvram/web_VARS.fd",
            "nvram_template": "/usr/share/OVMF/OVMF_VARS_4M.fd",
        },
        {"type": "uefi", "loader": "/usr/share/OVMF/OVMF_CODE.fd", "stateless": True},
        {"type": "bios", "auto": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"type"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        name: ["loader"] for name in ("loader_type", "readonly", "nvram_template", "stateless")
    }

    type: Literal["bios", "uefi"] = "uefi"
    """The firmware."""
    secure_boot: bool | None = Field(None, examples=[True])
    """Whether libvirt takes an image that boots nothing but what is signed, or one that cannot."""
    enrolled_keys: bool | None = Field(None, examples=[True])
    """Whether it takes one that knows the usual keys already, as Windows and most Linuxes need them."""
    auto: bool | None = Field(None, examples=[True])
    """Of a BIOS: whether libvirt chooses its image by the descriptions on the host, as it does for UEFI."""
    loader: HostPath | None = Field(None)
    """An image of the host, instead of one that libvirt finds."""
    loader_type: Literal["rom", "pflash"] | None = Field(None, examples=["pflash"])
    """How the guest sees it: as flash memory where it is UEFI, and nothing else is said."""
    readonly: bool | None = Field(None, examples=[True])
    """Whether the guest may not write to it; true where it is UEFI, and nothing else is said."""
    secure: bool | None = Field(None, examples=[False])
    """Whether its variables are protected from the guest's kernel. That takes `features.smm`."""
    stateless: bool | None = Field(None, examples=[True])
    """Whether it keeps no variables."""
    nvram: HostPath | None = Field(None)
    """The file that keeps the VM's variables; libvirt's own choice when not given."""
    nvram_source: SourceSpec | None = None
    """Where the variables are kept instead, said as of a disk. A secret in it is named by what it is used
    for, or by its UUID. Takes libvirt 8.5."""
    nvram_template: HostPath | None = Field(None)
    """What that file is made from."""

    @model_validator(mode="after")
    def _fits(self) -> FirmwareSpec:
        if problem := self._contradiction():
            raise PydanticCustomError("firmware", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        chosen = (self.secure_boot, self.enrolled_keys) != (None, None)
        if self.type == "bios" and (chosen or self.secure or self.keeps):
            return "secure boot and variables are of `type: uefi` only"
        if self.auto is not None and self.type != "bios":
            return (
                "`auto` is of `type: bios` only: an image for UEFI is chosen in any case without a `loader`"
            )
        if self.loader is not None and (chosen or self.auto):
            return "state either a `loader`, or what libvirt is to choose one by"
        if self.loader is None and (self.loader_type or self.readonly is not None or self.nvram_template):
            return "`loader_type`, `readonly` and `nvram_template` go with a `loader`"
        if self.type == "bios" and self.stateless and not self.auto:
            return "a BIOS keeps no variables: `stateless` is of UEFI, or goes with `auto`"
        if self.stateless and self.keeps:
            return "firmware that is `stateless` has no `nvram`"
        if self.nvram and self.nvram_source:
            return "state either `nvram`, or `nvram_source`"
        return None

    @property
    def keeps(self) -> bool:
        """Whether something is said of its variables."""
        return bool(self.nvram or self.nvram_template or self.nvram_source)

    @property
    def chosen(self) -> str:
        """By what libvirt is to choose an image; "" where it is not."""
        if self.loader is not None:
            return ""
        return "efi" if self.type == "uefi" else "bios" if self.auto else ""

    @property
    def wanted(self) -> Iterator[tuple[str, str]]:
        """<feature>s of the image that libvirt chooses, in libvirt's order."""
        for name, on in (("enrolled-keys", self.enrolled_keys), ("secure-boot", self.secure_boot)):
            if on is not None:
                yield name, _yes(on)

    @property
    def loading(self) -> tuple[tuple[str, str], ...]:
        """<loader>'s attributes."""
        flash = self.loader is not None and self.type == "uefi"
        kind = self.loader_type or ("pflash" if flash else None)
        flashed = flash and kind == "pflash"
        readonly = self.readonly if self.readonly is not None else True if flashed else None
        named = (("readonly", readonly), ("secure", self.secure), ("stateless", self.stateless))
        said = tuple((name, _yes(on)) for name, on in named if on is not None)
        return (*said, ("type", kind)) if kind else said

    @property
    def absent(self) -> Iterator[tuple[str, ...]]:
        """Canonical paths of what another firmware has."""
        if self.type == "bios":
            yield ("os", "nvram")
            if not self.auto:
                yield ("os", "@firmware")
            if self.loader is None and not self.loading:
                yield ("os", "loader")
        elif self.loader is not None:
            yield ("os", "@firmware")
            yield ("os", "firmware")


def _yes(on: bool) -> str:
    return "yes" if on else "no"


class BootSpec(Model):
    """What is started: a list of devices, or a kernel of the host."""

    short: ClassVar[str | None] = "devices"

    examples: ClassVar[Sequence[Any]] = (
        ["cdrom", "disk"],
        {"devices": ["network", "disk"], "menu": True, "menu_timeout": "3s"},
        {"serial": True, "reboot_timeout": "5s"},
        {"kernel": "/srv/tiny/vmlinuz", "initrd": "/srv/tiny/initrd", "cmdline": "console=ttyS0"},
    )
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "menu_timeout": ["menu"],
        **{name: ["kernel"] for name in ("initrd", "cmdline", "dtb")},
    }

    devices: tuple[Literal["disk", "cdrom", "network", "floppy"], ...] | None = None
    """Kinds of devices, tried in this order."""
    menu: bool | None = Field(None, examples=[True])
    """Whether one can choose another at the console."""
    menu_timeout: Delay | None = Field(None, examples=["3s"])
    """How long the menu waits."""
    serial: bool | None = Field(None, examples=[True])
    """Whether the BIOS speaks on the serial port, too."""
    reboot_timeout: Literal["never"] | Delay | None = Field(None, examples=["5s"])
    """When it is tried again if nothing could be started."""
    kernel: HostPath | None = None
    """A kernel on the host, started directly."""
    initrd: HostPath | None = None
    """The initial RAM disk for `kernel`."""
    cmdline: Text | None = None
    """The command line for `kernel`."""
    dtb: HostPath | None = Field(None, examples=["/srv/board.dtb"])
    """The device tree for `kernel`."""
    slic: HostPath | None = Field(None, examples=["/srv/slic.bin"])
    """An ACPI table of the host that the guest sees, as of a Windows licence."""

    @model_validator(mode="after")
    def _one_way(self) -> BootSpec:
        if self.kernel is None and (self.initrd or self.cmdline is not None or self.dtb):
            raise PydanticCustomError("boot", "`initrd`, `cmdline` and `dtb` need a `kernel`")
        if self.devices is not None and len(set(self.devices)) != len(self.devices):
            raise PydanticCustomError("boot", "a boot device is listed twice")
        if self.menu_timeout is not None and self.menu is None:
            raise PydanticCustomError("boot", "`menu_timeout` goes with `menu`")
        return self

    @property
    def bios(self) -> tuple[tuple[str, str | int], ...]:
        """<bios>'s attributes."""
        delay = -1 if self.reboot_timeout == "never" else self.reboot_timeout
        serial = (("useserial", _yes(self.serial)),) if self.serial is not None else ()
        return (*serial, ("rebootTimeout", delay)) if delay is not None else serial
