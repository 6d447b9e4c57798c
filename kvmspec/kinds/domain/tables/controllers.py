"""Rows of controllers: https://libvirt.org/formatdomain.html#controllers.

qemuDomainAttachDeviceControllerLive takes SCSI controllers alone ("controller cannot be hot plugged").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.row import ANY, Field, Path, number, size
from kvmspec.kinds.domain.rules import Plug, restart
from kvmspec.kinds.domain.tables.devices import switch
from kvmspec.kinds.domain.words import CONTROLLER_DRIVER as DRIVER
from kvmspec.kinds.domain.words import CONTROLLER_TARGET as TARGET

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
_ATTRIBUTES = {
    "ports": "ports",
    "vectors": "vectors",
    "max_grant_frames": "maxGrantFrames",
    "max_event_channels": "maxEventChannels",
}
_SHOWN = dict.fromkeys(("ioeventfd", "iommu", "ats", "packed", "page_per_vq", "hotplug"), switch)


def _row(field: str, *path: str) -> Field:
    show = _SHOWN.get(field, _hex if field == "port" else number)
    return Field(f"controllers.{{key}}.{field}", (*CONTROLLER, *path), _FIXED, show, removable=True)


ROWS: tuple[Field, ...] = (
    Field("controllers.{key}.model", (*CONTROLLER, "@model"), _FIXED),
    *(_row(field, f"@{name}") for field, name in _ATTRIBUTES.items()),
    *(_row(field, "driver", f"@{name}") for field, name in DRIVER.items()),
    *(_row(field, "target", f"@{name}") for field, name in TARGET.items()),
    _row("node", "target", "node"),
    Field("controllers.{key}.model_name", (*CONTROLLER, "model", "@name"), _FIXED, removable=True),
    Field("controllers.{key}.pcihole64", (*CONTROLLER, "pcihole64"), _FIXED, size, removable=True),
    Field("controllers.{key}", CONTROLLER, _PLUG, _kind, removable=True, call=Call.PLUG, whole=True),
)
