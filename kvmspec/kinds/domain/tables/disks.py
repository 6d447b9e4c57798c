"""What changing a disk or a drive costs.

libvirt 9.0 refuses live whatever is no I/O limit and no other medium: "cannot modify field 'cache' of the
disk", "disk source can be changed only in removable drives" (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kvmspec.canon.identities import data_of
from kvmspec.core.live import Call
from kvmspec.kinds.domain import limits, rules
from kvmspec.kinds.domain.devices import DRIVER
from kvmspec.kinds.domain.row import ANY, Field, Path, attribute, number, present, size
from kvmspec.kinds.domain.rules import Plug, Rule, live, replace, restart
from kvmspec.kinds.domain.tables.devices import switch

DISK: Path = ("devices", "disk", ANY)
SWAP = replace("another disk takes its place; the old one stays as it is")
MEDIUM = live("another CD in the drive")
_REFUSED = restart("libvirt refuses it live")
_CONTROLLER = restart("the guest sees another controller")
_REACHED = restart("QEMU opens the source when it starts")
_LIBVIRT_10 = "libvirt 10.0"
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
    for path, name in limits.ELEMENTS:
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


def _driver(name: str, show: Callable[[Any], Any] = lambda value: value) -> Field:
    return Field(f"disks.{{key}}.{name}", (*DISK, "driver", f"@{name}"), _REFUSED, show, removable=True)


_COUNTS = {"iothread", "queues", "queue_size"}
_CHOICES = ("cache", "io", "discard", "detect_zeroes", "error_policy", "rerror_policy")


def _drivers() -> Iterator[Field]:
    """libvirt 9.0: "cannot modify field 'ioeventfd' of the disk", and so of all of them."""
    for name in DRIVER:
        show = number if name in _COUNTS else switch
        yield _driver(name, show) if name not in _CHOICES else _driver(name)


def _whole(name: str, path: Path, show: Callable[[Any], Any], rule: Rule = _REFUSED) -> Field:
    """An element that is told with all that is in it."""
    return Field(f"disks.{{key}}.{name}", (*DISK, *path), rule, show, removable=True, whole=True)


def _pairs(value: Any) -> Any:
    """`cyls 16383, heads 16, secs 63`"""
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{name.lstrip('@')} {inner}" for name, inner in value.items()) or True


def _secret(value: Any) -> Any:
    """`secret ceph`, and of a user its name before: no secret is in the definition itself."""
    if not isinstance(value, dict):
        return value
    secrets = value.get("secret")
    listed = secrets if isinstance(secrets, list) else [secrets] if secrets else []
    named = [f"secret {secret.get('@usage') or secret.get('@uuid')}" for secret in listed]
    return ", ".join(filter(None, (value.get("@username"), value.get("@format"), *named)))


def _hosts(value: Any) -> Any:
    """`ceph1:6789, ceph2`"""
    listed = value if isinstance(value, list) else [value] if value else []
    return ", ".join(_host(host) for host in listed if isinstance(host, dict)) or None


def _host(host: dict[str, Any]) -> str:
    name = host.get("@name") or host.get("@socket") or ""
    return f"{name}:{host['@port']}" if "@port" in host else str(name)


def _layers(value: Any) -> Any:
    """`below.qcow2, base.qcow2`, or `none`."""
    found = []
    while isinstance(value, dict) and (source := value.get("source")) is not None:
        found.append(data_of(source) or "?")
        value = value.get("backingStore")
    return ", ".join(found) or "none"


def _there(value: Any) -> Any:
    """Whether an element is there that says nothing, or what it says."""
    return _pairs(value) if value else present(value)


def _source(name: str, path: tuple[str, ...], show: Callable[[Any], Any] = lambda value: value) -> Field:
    """A part of the source by which the same data is reached in another way."""
    return Field(
        f"disks.{{key}}.source.{name}", (*DISK, "source", *path), _REACHED, show, removable=True, whole=True
    )


def _one(attribute_name: str, show: Callable[[Any], Any] = lambda value: value) -> Callable[[Any], Any]:
    return lambda value: show(attribute(attribute_name)(value))


def _at(name: str) -> Field:
    """An attribute of the source."""
    return Field(
        f"disks.{{key}}.source.{name}",
        (*DISK, "source", f"@{_SPELLED.get(name, name)}"),
        _REACHED,
        switch,
        removable=True,
    )


_SPELLED = {"tls_hostname": "tlsHostname", "fd_group": "fdgroup"}

_SOURCES: tuple[Field, ...] = (
    *(_at(name) for name in ("query", "tls", "tls_hostname", "mode", "managed", "fd_group")),
    _source("hosts", ("host",), _hosts),
    _source("config", ("config",), _one("file")),
    _source("ssl_verify", ("ssl",), _one("verify", switch)),
    _source("readahead", ("readahead",), _one("size", size)),
    _source("timeout", ("timeout",), _one("seconds", _seconds)),
    _source("initiator", ("initiator",), lambda value: _one("name")(value["iqn"]) if value else value),
    _source("identity", ("identity",), _pairs),
    _source("known_hosts", ("knownHosts",), _one("path")),
    _source("reconnect", ("reconnect",), _pairs),
    _source("auth", ("auth",), _secret),
    _source("encryption", ("encryption",), _secret),
    _source("reservations", ("reservations",), _one("managed", switch)),
    _source("seclabels", ("seclabel",), lambda value: bool(value)),
    Field(
        "disks.{key}.source.cookies",
        (*DISK, "source", "cookies", "cookie", ANY),
        _REACHED,
        lambda value: None if value is None else "(secret)",
        removable=True,
        sensitive=True,
    ),
)

ROWS: tuple[Field, ...] = (
    Field("disks.{key}.bus", (*DISK, "target", "@bus"), _CONTROLLER),
    Field("disks.{key}.rotation_rate", (*DISK, "target", "@rotation_rate"), _SEEN, number, removable=True),
    Field("disks.{key}.removable", (*DISK, "target", "@removable"), _SEEN, removable=True),
    Field("disks.{key}.bus", (*DISK, "target", "@dev"), _CONTROLLER),
    Field("disks.{key}.tray", (*DISK, "target", "@tray"), _SEEN, removable=True),
    *_drivers(),
    _whole("metadata_cache", ("driver", "metadata_cache"), lambda value: _content(size)(value["max_size"])),
    Field(
        "disks.{key}.iothreads",
        (*DISK, "driver", "iothreads"),
        _REFUSED,
        lambda value: None if value is None else True,
        removable=True,
        whole=True,
        unproved=_LIBVIRT_10,
    ),
    Field(
        "disks.{key}.format", (*DISK, "driver", "@type"), replace("the same bytes are read as something else")
    ),
    *_limits(),
    Field("disks.{key}.iotune_group", (*DISK, "iotune", "group_name"), _REFUSED, removable=True),
    Field("disks.{key}.model", (*DISK, "@model"), _CONTROLLER, removable=True),
    Field("disks.{key}.device", (*DISK, "@device"), _CONTROLLER),
    Field("disks.{key}.snapshot", (*DISK, "@snapshot"), _REFUSED, removable=True),
    Field("disks.{key}.rawio", (*DISK, "@rawio"), _REFUSED, switch, removable=True),
    Field("disks.{key}.sgio", (*DISK, "@sgio"), _REFUSED, removable=True),
    _whole("auth", ("auth",), _secret),
    _whole("encryption", ("encryption",), _secret),
    _whole("geometry", ("geometry",), _pairs, _SEEN),
    _whole("blockio", ("blockio",), _pairs, _SEEN),
    _whole("transient", ("transient",), _there),
    _whole("backing_store", ("backingStore",), _layers),
    _whole("backend_domain", ("backenddomain",), attribute("name")),
    Field("disks.{key}.vendor", (*DISK, "vendor"), _SEEN, removable=True),
    Field("disks.{key}.product", (*DISK, "product"), _SEEN, removable=True),
    Field("disks.{key}.serial", (*DISK, "serial"), _SEEN, removable=True),
    Field("disks.{key}.wwn", (*DISK, "wwn"), _SEEN, removable=True),
    Field("disks.{key}.readonly", (*DISK, "readonly"), _REFUSED, present, removable=True),
    Field("disks.{key}.shareable", (*DISK, "shareable"), _REFUSED, present, removable=True),
    Field("disks.{key}.loadparm", (*DISK, "boot", "@loadparm"), _ORDER, removable=True),
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
    *_SOURCES,
    Field("disks.{key}.source", (*DISK, "source"), SWAP, call=Call.UPDATE),
    Field("disks.{key}.source", (*DISK, "@type"), SWAP, call=Call.UPDATE),
    Field("disks.{key}", DISK, _PLUG, removable=True, call=Call.PLUG),
)
