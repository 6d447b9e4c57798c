"""Rows of the firmware and of what it boots: all of it is read when the guest starts.

libvirt 9.0 chooses an image for UEFI at each start: the definition keeps `firmware='efi'`, the running
guest's XML has a loader and the NVRAM's file instead (measured).
"""

from __future__ import annotations

from typing import Any

from kvmspec.canon.identities import data_of
from kvmspec.kinds.domain.row import Field, Path, attribute, boot_devices
from kvmspec.kinds.domain.rules import restart
from kvmspec.kinds.domain.tables.devices import switch
from kvmspec.kinds.domain.words import format_delay

CHOSEN: Path = ("os", "@firmware")
LOADER: Path = ("os", "loader")
NVRAM: Path = ("os", "nvram")

_BOOT = restart("read at boot")
_LOADED = restart("the firmware is loaded at boot; a guest that was installed with another may not start")


def _type(value: Any) -> Any:
    return {"efi": "uefi"}.get(value, value)


def _enabled(value: Any) -> Any:
    return switch(attribute("enabled")(value))


def _delay(value: Any) -> Any:
    if value is None:
        return None
    return "never" if int(value) < 0 else format_delay(int(value))


def _text(value: Any) -> Any:
    return value.get("#", True) if isinstance(value, dict) else value


def _place(value: Any) -> Any:
    return data_of(value) if isinstance(value, dict) else value


def _feature(field: str, name: str) -> Field:
    path = ("os", "firmware", "feature", name)
    return Field(f"firmware.{field}", path, _LOADED, _enabled, removable=True, whole=True)


ROWS: tuple[Field, ...] = (
    Field("firmware.type", CHOSEN, _LOADED, _type, removable=True),
    _feature("secure_boot", "secure-boot"),
    _feature("enrolled_keys", "enrolled-keys"),
    Field("firmware.loader_type", (*LOADER, "@type"), _LOADED, removable=True),
    Field("firmware.readonly", (*LOADER, "@readonly"), _LOADED, switch, removable=True),
    Field("firmware.secure", (*LOADER, "@secure"), _LOADED, switch, removable=True),
    Field("firmware.stateless", (*LOADER, "@stateless"), _LOADED, switch, removable=True),
    Field("firmware.loader", LOADER, _LOADED, _text, removable=True, whole=True),
    Field("firmware.nvram_template", (*NVRAM, "@template"), _LOADED, removable=True),
    Field("firmware.nvram_source", (*NVRAM, "@type"), _LOADED, removable=True, twin=True),
    Field("firmware.nvram_source", (*NVRAM, "source"), _LOADED, _place, removable=True, whole=True),
    Field("firmware.nvram", NVRAM, _LOADED, _text, removable=True, whole=True),
    Field("boot.devices", ("os", "boot"), _BOOT, boot_devices, removable=True),
    Field("boot.menu_timeout", ("os", "bootmenu", "@timeout"), _BOOT, _delay, removable=True),
    Field(
        "boot.menu",
        ("os", "bootmenu"),
        _BOOT,
        lambda value: switch(attribute("enable")(value)),
        removable=True,
        whole=True,
    ),
    Field("boot.serial", ("os", "bios", "@useserial"), _BOOT, switch, removable=True),
    Field("boot.reboot_timeout", ("os", "bios", "@rebootTimeout"), _BOOT, _delay, removable=True),
    Field("boot.kernel", ("os", "kernel"), _BOOT, removable=True),
    Field("boot.initrd", ("os", "initrd"), _BOOT, removable=True),
    Field("boot.cmdline", ("os", "cmdline"), _BOOT, removable=True),
    Field("boot.dtb", ("os", "dtb"), _BOOT, removable=True),
    Field(
        "boot.slic",
        ("os", "acpi"),
        _BOOT,
        lambda value: _text(value["table"]) if isinstance(value, dict) else value,
        removable=True,
        whole=True,
    ),
)
