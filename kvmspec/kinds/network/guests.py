"""Running guests on a network: who they are, and what they do not get at once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from functools import partial

from kvmspec.adapters.libvirt.taps import HOLD
from kvmspec.core.observed import HostView
from kvmspec.kinds import compare
from kvmspec.kinds.network.fields import Fact, Facts

_KEPT = {"portgroup": "portgroup {} as it was", "interface": "its macvtap on {}"}


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
        if row not in _KEPT or (row, key) not in active:
            continue
        default = key if active[row, key].get("@default") == "yes" else None
        attribute = "portgroup" if row == "portgroup" else "dev"
        uses = partial(_uses, network=name, attribute=attribute, key=key, default=default)
        if domains := compare.users(view, name, uses, running=True):
            keeps = "keeps" if len(domains) == 1 else "keep"
            what = f"{compare.names(domains)} {keeps} {_KEPT[row].format(key)}"
            yield f"{what} until the interface is attached again, or the next boot"


def _uses(root: ET.Element, *, network: str, attribute: str, key: str, default: str | None) -> bool:
    sources = root.iterfind("devices/interface/source")
    return any(
        source.get("network") == network and (source.get(attribute) or default) == key for source in sources
    )
