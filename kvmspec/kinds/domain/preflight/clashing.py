"""What two VMs of a host cannot both have, whoever they belong to."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from kvmspec.core.memo import once
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds.domain.preflight.claims import Claim, device_claims

_MAC = re.compile(r"<mac address=['\"]([0-9A-Fa-f:]+)")
_WORDS = {
    "mac": ("MAC address {}", "choose another `mac`, or leave it out"),
    "port": ("port {}", "choose another `port`, or leave it out: libvirt then takes a free one"),
    "pci": ("PCI device {}", "give each its own device"),
}


class Clash(NamedTuple):
    """A claim that another domain has. `mild`: a stopped domain has it, and libvirt would start the other. A
    MAC is always one too many, though libvirt does not care."""

    claim: Claim
    message: str
    hint: str
    mild: bool


def judge(claims: Iterable[Claim], uuid: str, apart: Container[str], view: HostView) -> Iterator[Clash]:
    """The claims that another domain has. Those `apart`, by name, are gone by then, or the manifest
    says what they have."""
    for claim in claims:
        if claim.what not in _WORDS:
            continue
        holders = _macs(view) if claim.what == "mac" else _devices(view)
        for other in holders.get((claim.what, claim.value), ()):
            if other.uuid == uuid or other.name in apart:
                continue
            words, hint = _WORDS[claim.what]
            state = "runs with" if other.running else "is defined with"
            message = f"vm/{other.name} on {view.host} {state} {words.format(claim.value)} already"
            yield Clash(claim, message, hint, claim.what != "mac" and not other.running)


Holders = Mapping[tuple[str, str], list[Observed]]


@once
def _macs(view: HostView) -> Holders:
    """The domains by their MACs. Text, not a parse: there may be thousands."""
    found: dict[tuple[str, str], list[Observed]] = {}
    for domain in view.domains.values():
        for mac in {each.lower() for text in _texts(domain) for each in _MAC.findall(text)}:
            found.setdefault(("mac", mac), []).append(domain)
    return found


@once
def _devices(view: HostView) -> Holders:
    """The domains by ports of their displays and by devices of the host that they are given."""
    found: dict[tuple[str, str], list[Observed]] = {}
    for domain in view.domains.values():
        texts = [text for text in _texts(domain) if "<graphics " in text or "<hostdev " in text]
        for held in {(claim.what, claim.value) for text in texts for claim in _read(text)}:
            found.setdefault(held, []).append(domain)
    return found


def _texts(domain: Observed) -> Iterator[str]:
    yield domain.xml
    if domain.active_xml:
        yield domain.active_xml


def _read(text: str) -> Iterator[Claim]:
    root = ET.fromstring(text)
    devices = root.find("devices")
    if devices is None:
        return
    if root.get("id"):  # a port that was drawn is taken all the same
        for graphics in devices.iterfind("graphics[@autoport='yes']"):
            graphics.set("autoport", "no")
    yield from (claim for claim in device_claims(devices, None) if claim.what in ("port", "pci"))
