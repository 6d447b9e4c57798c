"""What a failed change of a NIC's bandwidth leaves on the host."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import libvirt

_DIRECTIONS = ("inbound", "outbound")
_FIGURES = ("average", "peak", "burst", "floor")  # KiB/s, and KiB for burst


def take_back(domain: Any, wanted: str) -> None:
    """After a failed update of an interface to `wanted`: have its tap shaped as its active XML says.

    libvirt sets the parts of a bandwidth with `tc`, one after the other. Where one fails, those before it
    stay: the guest is limited, its active XML shows nothing, and an update to no bandwidth changes
    nothing (measured on 9.0, on a kernel without sch_sfq). virDomainSetInterfaceParameters sets anew.
    Raises libvirtError.
    """
    device = ET.fromstring(wanted)
    mac = device.find("mac")
    if device.tag != "interface" or mac is None or device.find("bandwidth") is None:
        return
    address = mac.get("address", "").lower()
    figures = _figures(ET.fromstring(domain.XMLDesc()), address)
    domain.setInterfaceParameters(address, figures, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _figures(root: ET.Element, mac: str) -> dict[str, int]:
    """The parameters of the interface's bandwidth; an average of 0 is none."""
    found: dict[str, int] = {f"{direction}.average": 0 for direction in _DIRECTIONS}
    for direction in _DIRECTIONS:
        element = root.find(f"devices/interface/mac[@address='{mac}']/../bandwidth/{direction}")
        if element is not None:
            found |= {
                f"{direction}.{key}": int(element.get(key, "0")) for key in _FIGURES if key in element.attrib
            }
    return found
