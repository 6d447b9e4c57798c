"""Running guests on a network: who they are, and what they do not get at once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from kvmspec.adapters.libvirt.taps import HOLD
from kvmspec.core.observed import HostView
from kvmspec.kinds import compare
from kvmspec.kinds.network.fields import Fact, Facts


def on_network(root: ET.Element, name: str) -> bool:
    """Whether a domain has a NIC on the network."""
    return any(source.get("network") == name for source in root.iterfind("devices/interface/source"))


def on(view: HostView, name: str) -> list[str]:
    """Names of the running domains with a NIC on the network, or taken from it by a restart that
    was never finished."""
    return sorted(
        domain.name for domain in compare.users(view, name, lambda root: on_network(root, name), running=True)
    )


def held(view: HostView, name: str) -> list[str]:
    """Names of the running domains whose NICs an unfinished restart of the network left aside."""
    return on(view, HOLD + name) if HOLD + name in view.networks else []


def notes(view: HostView, name: str, changed: Iterable[Fact], active: Facts) -> Iterator[str]:
    """libvirt looks into a portgroup, and for an interface of the host, when a NIC is attached; no
    update of the network reaches those that are (9.0)."""
    for row, key in changed:
        if row not in ("portgroup", "interface") or (row, key) not in active:
            continue
        default = row == "portgroup" and active[row, key].get("@default") == "yes"
        attribute = "portgroup" if row == "portgroup" else "dev"

        def uses(
            root: ET.Element, key: str = key, attribute: str = attribute, default: bool = default
        ) -> bool:
            found = (
                each for each in root.iterfind("devices/interface/source") if each.get("network") == name
            )
            return any(each.get(attribute, key if default else None) == key for each in found)

        domains = compare.users(view, name, uses, running=True)
        if domains:
            what = f"portgroup {key} as it is" if row == "portgroup" else f"its macvtap on {key}"
            keeps = "keeps" if len(domains) == 1 else "keep"
            yield f"{compare.names(domains)} {keeps} {what} until the interface is attached again, or the next boot"
