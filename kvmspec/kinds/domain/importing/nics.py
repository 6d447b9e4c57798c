"""Network interfaces, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, burst, number, rate, said, switch

_WHERE = {
    "network": ("@network", "network"),
    "bridge": ("@bridge", "bridge"),
    "direct": ("@dev", "macvtap.dev"),
}
"""type → where it is plugged in, and the field for that."""

NIC = (
    Leaf("source/@network", "network"),
    Leaf("source/@portgroup", "portgroup"),
    Leaf("source/@bridge", "bridge"),
    Leaf("source/@dev", "macvtap.dev"),
    Leaf("source/@mode", "macvtap.mode"),
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
    Leaf("virtualport/parameters/@profileid", "virtualport.profile"),
    Leaf("mtu/@size", "mtu", number),
    Leaf("driver/@queues", "queues", number),
    Leaf("driver/@name", "driver"),
    Leaf("coalesce/rx/frames/@max", "coalesce.rx_frames", number),
    Leaf("target/@dev", "tap"),
    Leaf("boot/@order", "boot_order", number),
)


def nic(device: Mapping[str, Any]) -> Data | None:
    """An interface as a manifest writes it; None where it has no word for what it is on."""
    place, _ = _WHERE.get(device.get("@type", ""), ("", ""))
    if get(device, ("source", place)) is None:
        return None
    found = said(device, NIC)
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
    return ({"trunk": numbers} if numbers else {}) | ({"native": native[0]} if native else {})
