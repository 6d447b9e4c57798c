"""Rows of an interface: where it is plugged in that is no network, bridge or host interface, and what serves
it. None of these can a running guest be given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kvmspec.kinds.domain.nic_spec import PLACES
from kvmspec.kinds.domain.row import ANY, Field, Path, attribute, number
from kvmspec.kinds.domain.rules import Rule, restart
from kvmspec.kinds.domain.tables.devices import switch
from kvmspec.kinds.ports import PORT_PARAMETERS

NIC: Path = ("devices", "interface", ANY)
FIRMWARE = restart("the firmware reads it at boot")
PASST = "a libvirt that knows passt"
REFUSED = restart("libvirt refuses it live")
PORT = restart("a port of the switch gets it when it is plugged in")
TAP = restart("the tap is made when the VM starts")
ANOTHER = restart("libvirt does not move an interface to where it would be another device")


def at_boot(manifest: str, canonical: Path, rule: Rule, show: Callable[[Any], Any]) -> Field:
    return Field(manifest, canonical, rule, show, removable=True, whole=True)


_GUEST = ("csum", "tso4", "tso6", "ecn", "ufo")
_OFFLOADS = {"host": (*_GUEST, "gso", "mrg_rxbuf"), "guest": _GUEST}


def served() -> Iterator[Field]:
    """What serves it: <driver>, <backend>, <tune>."""
    path, driver = "networks.{key}", (*NIC, "driver")
    yield Field(f"{path}.driver", (*driver, "@name"), REFUSED, removable=True)
    for name in ("txmode", "ioeventfd", "event_idx", "rss", "rss_hash_report"):
        yield Field(f"{path}.driver.{name}", (*driver, f"@{name}"), REFUSED, switch, removable=True)
    for name in ("rx_queue_size", "tx_queue_size"):
        yield Field(f"{path}.driver.{name}", (*driver, f"@{name}"), REFUSED, number, removable=True)
    for side, names in _OFFLOADS.items():
        for name in names:
            place = (*driver, side, f"@{name}")
            yield Field(f"{path}.driver.{side}.{name}", place, REFUSED, switch, removable=True)
    for name in ("iommu", "ats", "packed", "page_per_vq"):
        yield Field(f"{path}.virtio.{name}", (*driver, f"@{name}"), REFUSED, switch, removable=True)
    for name in ("tap", "vhost"):
        yield Field(f"{path}.backend.{name}", (*NIC, "backend", f"@{name}"), TAP, removable=True)
    yield at_boot(f"{path}.send_buffer", (*NIC, "tune"), TAP, lambda value: _send_buffer(value))
    yield at_boot(f"{path}.teaming", (*NIC, "teaming"), REFUSED, attribute("type"))
    yield Field(f"{path}.rom.enabled", (*NIC, "rom", "@enabled"), FIRMWARE, switch, removable=True)
    yield Field(f"{path}.rom.bar", (*NIC, "rom", "@bar"), FIRMWARE, switch, removable=True)
    yield Field(f"{path}.rom.file", (*NIC, "rom", "@file"), FIRMWARE, removable=True)


def _send_buffer(value: Any) -> Any:
    return number(value.get("sndbuf", {}).get("#")) if isinstance(value, dict) else value


def parameters() -> Iterator[Field]:
    """Of a virtual port, besides its type."""
    for field, name in PORT_PARAMETERS.items():
        place = (*NIC, "virtualport", "parameters", f"@{name}")
        show = number if field in ("manager_id", "type_id", "type_version") else str
        yield Field(f"networks.{{key}}.virtualport.{field}", place, PORT, _or_none(show), removable=True)


def _or_none(show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else show(value)


def placed() -> Iterator[Field]:
    """Where it is plugged in that is no network, bridge or host interface. A row of <source> stands for all
    that have one: `place` tells which it is."""
    path, source = "networks.{key}", (*NIC, "source")
    yield Field(
        f"{path}.trust_guest_rx_filters", (*NIC, "@trustGuestRxFilters"), REFUSED, switch, removable=True
    )
    yield Field(f"{path}.hostdev.managed", (*NIC, "@managed"), REFUSED, switch, removable=True)
    yield Field(f"{path}.user.backend", (*NIC, "backend", "@type"), ANOTHER, removable=True, unproved=PASST)
    yield Field(f"{path}.user.log", (*NIC, "backend", "@logFile"), ANOTHER, removable=True, unproved=PASST)
    yield Field(f"{path}.user.addresses", (*NIC, "ip"), ANOTHER, _addresses, removable=True, whole=True)
    yield Field(
        f"{path}.user.forwards", (*NIC, "portForward"), ANOTHER, _forwards, removable=True, unproved=PASST
    )
    yield Field(f"{path}.server.address", (*source, "@address"), ANOTHER, removable=True)
    yield Field(
        f"{path}.vhostuser.reconnect", (*source, "reconnect"), ANOTHER, _retry, removable=True, whole=True
    )
    yield Field(f"{path}.ethernet.addresses", (*source, "ip"), TAP, _addresses, removable=True)
    yield Field(f"{path}.ethernet.routes", (*source, "route"), TAP, _routes, removable=True)
    yield Field(f"{path}.ethernet.managed", (*NIC, "target", "@managed"), TAP, switch, removable=True)
    yield Field(f"{path}.udp", source, ANOTHER, _source, removable=True, whole=True)
    yield Field(f"{path}.guest_dev", (*NIC, "guest"), TAP, attribute("dev"), removable=True, whole=True)
    for name in ("script", "downscript"):
        yield Field(f"{path}.{name}", (*NIC, name), TAP, attribute("path"), removable=True, whole=True)


def place(path: Path, kind: Any, key: str) -> str | None:
    """The manifest path of what is in <source>, by libvirt's type of the interface; None where the row says
    it."""
    if path[:2] != NIC[:2] or path[3:4] != ("source",) or kind in (None, "network", "bridge", "direct"):
        return None
    return next((f"networks.{key}.{field}" for field, type_ in PLACES.items() if type_ == kind), None)


def _addresses(value: Any) -> Any:
    return [_with_prefix(one) for one in value or ()]


def _with_prefix(one: Any) -> str:
    return f"{one['@address']}/{one['@prefix']}" if "@prefix" in one else str(one["@address"])


def _routes(value: Any) -> Any:
    return [f"{_with_prefix(one)} via {one['@gateway']}" for one in value or ()]


def _forwards(value: Any) -> Any:
    return [" ".join((one.get("@proto", ""), *_ports(one))) for one in value or ()]


def _ports(forward: Any) -> list[str]:
    found = []
    for one in forward.get("range", ()):
        last, to = one.get("@end"), one.get("@to")
        found.append(one["@start"] + (f"-{last}" if last else "") + (f":{to}" if to else ""))
    return found


def _retry(value: Any) -> Any:
    timeout = value.get("@timeout") if isinstance(value, dict) else value
    return number(timeout) if timeout else None if value is None else 0


def _source(value: Any) -> Any:
    """`192.0.2.10:5558`, a socket, a device."""
    if not isinstance(value, dict):
        return value
    at = value.get("address")
    if isinstance(at, dict):
        return ":".join(at[name].removeprefix("0x") for name in ("@domain", "@bus", "@slot", "@function"))
    if "@port" in value:
        return f"{value.get('@address', '')}:{value['@port']}"
    return next((inner for name, inner in value.items() if name not in ("@type", "@mode")), True)
