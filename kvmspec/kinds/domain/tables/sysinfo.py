"""Rows of what the guest reads of its hardware."""

from __future__ import annotations

from typing import Any

from kvmspec.kinds.domain.row import ANY, Field, present
from kvmspec.kinds.domain.rules import restart
from kvmspec.kinds.domain.words import BLOCKS

_READ = restart("the guest reads it at boot")


def _text(value: Any) -> Any:
    return value.get("#", "") if isinstance(value, dict) else value


def _texts(value: Any) -> Any:
    entries = value.get("entry") if isinstance(value, dict) else value
    return [_text(entry) for entry in entries] if isinstance(entries, list) else entries


ROWS: tuple[Field, ...] = (
    Field("sysinfo.mode", ("os", "smbios", "@mode"), _READ),
    Field(
        "sysinfo.mode",
        ("os", "smbios"),
        _READ,
        lambda value: value and value.get("@mode"),
        removable=True,
        whole=True,
    ),
    *(
        Field(
            f"sysinfo.{name}.{{key}}",
            ("sysinfo", "smbios", tag, "entry", ANY),
            _READ,
            _text,
            removable=True,
            whole=True,
        )
        for name, tag in BLOCKS.items()
    ),
    Field(
        "sysinfo.oem_strings", ("sysinfo", "smbios", "oemStrings"), _READ, _texts, removable=True, whole=True
    ),
    *(
        Field("sysinfo.fw_cfg.{key}", ("sysinfo", "fwcfg", "entry", ANY, part), _READ, removable=True)
        for part in ("@file", "#")
    ),
    Field(
        "sysinfo.fw_cfg.{key}",
        ("sysinfo", "fwcfg", "entry", ANY),
        _READ,
        lambda value: value.get("@file", value.get("#")) if isinstance(value, dict) else value,
        removable=True,
        whole=True,
    ),
    Field("sysinfo.fw_cfg", ("sysinfo", "fwcfg"), _READ, present, removable=True),
    Field("sysinfo", ("sysinfo", "smbios"), _READ, present, removable=True),
)
