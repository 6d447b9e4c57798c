"""Rows of what is said to QEMU past libvirt: it is read when QEMU starts."""

from __future__ import annotations

from typing import Any

from kvmspec.canon.shape import QEMU
from kvmspec.kinds.domain.row import ANY, Field, Path, attribute
from kvmspec.kinds.domain.rules import restart

COMMANDLINE, CAPABILITIES = QEMU + "commandline", QEMU + "capabilities"
DEPRECATION, OVERRIDE = QEMU + "deprecation", QEMU + "override"
ARG, ENV, DEVICE = QEMU + "arg", QEMU + "env", QEMU + "device"
PROPERTIES: Path = (QEMU + "frontend", QEMU + "property")
ABLE = {QEMU + "add": True, QEMU + "del": False}

_STARTED = restart("QEMU reads it when it starts")

GROUPS: frozenset[Path] = frozenset(
    {(COMMANDLINE,), (COMMANDLINE, ENV), (CAPABILITIES,), (OVERRIDE,), (OVERRIDE, DEVICE)}
    | {(CAPABILITIES, way) for way in ABLE}
)
"""Elements that are not changed as a whole, but each of what is in them."""


def _args(value: Any) -> Any:
    return [arg["@value"] for arg in value] if isinstance(value, list) else value


def _env(value: Any) -> Any:
    return value.get("@value", "") if isinstance(value, dict) else value


def _properties(value: Any) -> Any:
    """`logical_block_size=4096, share-rw removed`"""
    if not isinstance(value, dict):
        return value
    found = value.get(PROPERTIES[0], {}).get(PROPERTIES[1], {}) if PROPERTIES[0] in value else {}
    return ", ".join(f"{name}{_told(one)}" for name, one in found.items()) or True


def _told(one: Any) -> str:
    return " removed" if one.get("@type") == "remove" else f"={one.get('@value')}"


def _able(on: bool) -> Any:
    return lambda value: on if value is not None else None


ROWS: tuple[Field, ...] = (
    Field("qemu.args", (COMMANDLINE, ARG), _STARTED, _args, removable=True),
    Field("qemu.env.{key}", (COMMANDLINE, ENV, ANY), _STARTED, _env, removable=True, whole=True),
    *(
        Field(
            "qemu.capabilities.{key}",
            (CAPABILITIES, way, ANY),
            _STARTED,
            _able(on),
            removable=True,
            whole=True,
        )
        for way, on in ABLE.items()
    ),
    Field("qemu.deprecation", (DEPRECATION,), _STARTED, attribute("behavior"), removable=True, whole=True),
    Field(
        "qemu.override.{key}",
        (OVERRIDE, DEVICE, ANY, *PROPERTIES, ANY),
        _STARTED,
        lambda value: _told(value).lstrip(" =") if isinstance(value, dict) else value,
        removable=True,
        whole=True,
    ),
    Field("qemu.override.{key}", (OVERRIDE, DEVICE, ANY), _STARTED, _properties, removable=True, whole=True),
)
