"""Rows of controllers: https://libvirt.org/formatdomain.html#controllers.

qemuDomainAttachDeviceControllerLive takes SCSI controllers alone ("controller cannot be hot plugged").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.row import ANY, Field, Path, number
from kvmspec.kinds.domain.rules import Plug, restart
from kvmspec.kinds.domain.tables.devices import switch

CONTROLLER: Path = ("devices", "controller", ANY)


def _not_scsi(controller: Mapping[str, Any]) -> tuple[str, str] | None:
    if controller.get("@type") == "scsi":
        return None
    return "libvirt plugs SCSI controllers, and no others", ""


def _hex(value: Any) -> Any:
    return int(value, 0) if isinstance(value, str) else value


def _kind(value: Any) -> Any:
    return value.get("@model", value.get("@type")) if isinstance(value, dict) else value


_PLUG = Plug("one of type scsi is plugged in and out where a PCI port is free", refusal=_not_scsi)
_FIXED = restart("the guest finds its controllers at boot")
_DRIVER = ("queues", "cmd_per_lun", "max_sectors", "iothread")

ROWS: tuple[Field, ...] = (
    Field("controllers.{key}.model", (*CONTROLLER, "@model"), _FIXED),
    Field("controllers.{key}.ports", (*CONTROLLER, "@ports"), _FIXED, number, removable=True),
    Field("controllers.{key}.vectors", (*CONTROLLER, "@vectors"), _FIXED, number, removable=True),
    *(
        Field(
            f"controllers.{{key}}.{name}", (*CONTROLLER, "driver", f"@{name}"), _FIXED, number, removable=True
        )
        for name in _DRIVER
    ),
    Field("controllers.{key}.chassis", (*CONTROLLER, "target", "@chassis"), _FIXED, number, removable=True),
    Field("controllers.{key}.port", (*CONTROLLER, "target", "@port"), _FIXED, _hex, removable=True),
    Field("controllers.{key}.hotplug", (*CONTROLLER, "target", "@hotplug"), _FIXED, switch, removable=True),
    Field("controllers.{key}.node", (*CONTROLLER, "target", "node"), _FIXED, number, removable=True),
    Field("controllers.{key}", CONTROLLER, _PLUG, _kind, removable=True, call=Call.PLUG, whole=True),
)
