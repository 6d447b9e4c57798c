"""What changing a disk or a drive costs.

libvirt 9.0 refuses live whatever is no I/O limit and no other medium: "cannot modify field 'cache' of the
disk", "disk source can be changed only in removable drives" (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain import limits_spec, rules
from kvmspec.kinds.domain.row import ANY, Field, Path, attribute, number, present, size
from kvmspec.kinds.domain.rules import Plug, live, replace, restart

DISK: Path = ("devices", "disk", ANY)
SWAP = replace("another disk takes its place; the old one stays as it is")
MEDIUM = live("another CD in the drive")
_REFUSED = restart("libvirt refuses it live")
_CONTROLLER = restart("the guest sees another controller")
_SEEN = restart("the guest reads it when it finds the disk")
_ORDER = restart("the firmware reads it at boot")
_PLUG = Plug(
    "plugged in and out on virtio, scsi and usb; drives, and other buses, at boot only",
    lambda disk: rules.disk_bus(disk) == "virtio",
    rules.unpluggable_disk,
)


def _content(show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Of the text of an element."""
    return lambda value: show(value["#"] if isinstance(value, dict) else value) if value is not None else None


def _seconds(value: Any) -> str:
    return f"{int(value)}s"


def _limits() -> Iterator[Field]:
    """virDomainSetBlockIoTune sets them all at once; 0 is none (measured on 9.0, qcow2 and raw)."""
    for path, name in limits_spec.ELEMENTS:
        counts = number if path.startswith("iops.") and path != "iops.operation_size" else size
        show = _content(_seconds if name.endswith("_length") else counts)
        yield Field(
            f"disks.{{key}}.{path}",
            (*DISK, "iotune", name),
            live("from its next operation on"),
            show,
            removable=True,
            call=Call.BLOCK_TUNE,
            whole=True,
        )


def _driver(name: str) -> Field:
    return Field(f"disks.{{key}}.{name}", (*DISK, "driver", f"@{name}"), _REFUSED, removable=True)


ROWS: tuple[Field, ...] = (
    Field("disks.{key}.bus", (*DISK, "target", "@bus"), _CONTROLLER),
    Field("disks.{key}.rotation_rate", (*DISK, "target", "@rotation_rate"), _SEEN, number, removable=True),
    Field("disks.{key}.removable", (*DISK, "target", "@removable"), _SEEN, removable=True),
    Field("disks.{key}.bus", (*DISK, "target", "@dev"), _CONTROLLER),
    _driver("cache"),
    _driver("io"),
    _driver("discard"),
    Field("disks.{key}.iothread", (*DISK, "driver", "@iothread"), _REFUSED, number, removable=True),
    Field("disks.{key}.queues", (*DISK, "driver", "@queues"), _REFUSED, number, removable=True),
    _driver("detect_zeroes"),
    _driver("error_policy"),
    Field(
        "disks.{key}.format", (*DISK, "driver", "@type"), replace("the same bytes are read as something else")
    ),
    *_limits(),
    Field("disks.{key}.serial", (*DISK, "serial"), _SEEN, removable=True),
    Field("disks.{key}.wwn", (*DISK, "wwn"), _SEEN, removable=True),
    Field("disks.{key}.readonly", (*DISK, "readonly"), _REFUSED, present, removable=True),
    Field("disks.{key}.shareable", (*DISK, "shareable"), _REFUSED, present, removable=True),
    Field(
        "disks.{key}.boot_order",
        (*DISK, "boot"),
        _ORDER,
        lambda value: number(attribute("order")(value)),
        removable=True,
        whole=True,
    ),
    Field(
        "disks.{key}.startup_policy",
        (*DISK, "source", "@startupPolicy"),
        live("at the next start"),
        removable=True,
        call=Call.UPDATE,
    ),
    Field("disks.{key}.source", (*DISK, "source"), SWAP, call=Call.UPDATE),
    Field("disks.{key}.source", (*DISK, "@type"), SWAP, call=Call.UPDATE),
    Field("disks.{key}", DISK, _PLUG, removable=True, call=Call.PLUG),
)
