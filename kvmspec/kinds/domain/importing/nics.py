"""Network interfaces, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, burst, number, rate, said, switch, text
from kvmspec.kinds.domain.importing.nic_places import READERS
from kvmspec.kinds.domain.nic_driver_spec import GuestOffloadSpec, HostOffloadSpec
from kvmspec.kinds.domain.virtio_spec import VirtioSpec
from kvmspec.kinds.ports import PORT_PARAMETERS

_NUMBERS = ("manager_id", "type_id", "type_version")


def _parameter(field: str) -> Callable[[Any], Any]:
    return number if field in _NUMBERS else text


NIC = (
    Leaf("source/@portgroup", "portgroup"),
    Leaf("mac/@address", "mac"),
    Leaf("model/@type", "model"),
    Leaf("link/@state", "link"),
    Leaf("filterref/@filter", "filter.name"),
    *(
        Leaf(f"bandwidth/{way}/@{name}", f"bandwidth.{way}.{name}", burst if name == "burst" else rate)
        for way in ("inbound", "outbound")
        for name in ("average", "peak", "burst", "floor")
    ),
    Leaf("port/@isolated", "isolated", switch),
    Leaf("virtualport/@type", "virtualport.type"),
    *(
        Leaf(f"virtualport/parameters/@{name}", f"virtualport.{field}", _parameter(field))
        for field, name in PORT_PARAMETERS.items()
    ),
    Leaf("mtu/@size", "mtu", number),
    Leaf("driver/@queues", "queues", number),
    Leaf("driver/@name", "driver.name"),
    Leaf("driver/@txmode", "driver.txmode"),
    *(Leaf(f"driver/@{name}", f"driver.{name}", switch) for name in ("ioeventfd", "event_idx")),
    *(Leaf(f"driver/@{name}", f"driver.{name}", number) for name in ("rx_queue_size", "tx_queue_size")),
    *(Leaf(f"driver/@{name}", f"driver.{name}", switch) for name in ("rss", "rss_hash_report")),
    *(
        Leaf(f"driver/{side}/@{name}", f"driver.{side}.{name}", switch)
        for side, model in (("host", HostOffloadSpec), ("guest", GuestOffloadSpec))
        for name in model.model_fields
    ),
    *(Leaf(f"driver/@{name}", f"virtio.{name}", switch) for name in VirtioSpec.model_fields),
    Leaf("backend/@tap", "backend.tap"),
    Leaf("backend/@vhost", "backend.vhost"),
    Leaf("tune/sndbuf/#", "send_buffer", number),
    Leaf("coalesce/rx/frames/@max", "coalesce.rx_frames", number),
    Leaf("target/@dev", "tap"),
    Leaf("script/@path", "script"),
    Leaf("downscript/@path", "downscript"),
    Leaf("guest/@dev", "guest_dev"),
    Leaf("@trustGuestRxFilters", "trust_guest_rx_filters", switch),
    Leaf("teaming/@type", "teaming.type"),
    Leaf("teaming/@persistent", "teaming.persistent"),
    Leaf("rom/@enabled", "rom.enabled", switch),
    Leaf("rom/@bar", "rom.bar", switch),
    Leaf("rom/@file", "rom.file"),
    Leaf("boot/@order", "boot_order", number),
    Leaf("boot/@loadparm", "loadparm"),
)


def nic(device: Mapping[str, Any]) -> Data | None:
    """An interface as a manifest writes it; None where it has no word for what it is on."""
    if device.get("@type") not in READERS:
        return None
    field, read = READERS[device["@type"]]
    found = {field: read(device)} | said(device, NIC)
    if found.get("rom") == {"enabled": False}:
        found["rom"] = False
    if parameters := _parameters(device):
        found["filter"]["parameters"] = parameters
    if vlan := _vlan(device):
        found["vlan"] = vlan
    return found


def _parameters(device: Mapping[str, Any]) -> Data:
    found: dict[str, list[str]] = {}
    for parameter in get(device, ("filterref", "parameter")) or ():
        found.setdefault(parameter["@name"], []).append(parameter["@value"])
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _vlan(device: Mapping[str, Any]) -> Data:
    tags = get(device, ("vlan", "tag")) or ()
    numbers = [int(tag["@id"]) for tag in tags]
    if get(device, ("vlan", "@trunk")) != "yes" and len(numbers) == 1:
        return {"tag": numbers[0]}
    native = [int(tag["@id"]) for tag in tags if tag.get("@nativeMode") == "untagged"]
    if not native and (native := [int(tag["@id"]) for tag in tags if tag.get("@nativeMode") == "tagged"]):
        return {"trunk": numbers, "native": native[0], "native_mode": "tagged"}
    return ({"trunk": numbers} if numbers else {}) | ({"native": native[0]} if native else {})
