"""Interfaces of VMs: their keys, and the MACs they were given. The VM's own kind and networks need both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from kvmspec.kinds.ownership import mac_for
from kvmspec.kinds.records import KeyMap


class Nic(Protocol):
    """What is to be known of an interface besides its card; kinds/domain/devices.py tells each field."""

    @property
    def name(self) -> str | None: ...
    @property
    def network(self) -> str | None: ...
    @property
    def bridge(self) -> str | None: ...
    @property
    def macvtap(self) -> Any: ...
    @property
    def type(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def mac(self) -> str | None: ...
    @property
    def ip(self) -> str | None: ...
    @property
    def gateway(self) -> str | None: ...
    @property
    def nameservers(self) -> tuple[str, ...]: ...


def nic_keys(nics: Sequence[Nic]) -> list[str]:
    """A NIC's key: its name, else its network, bridge or host interface (`front`, `front#2`), else the field
    that says where it is plugged in (`user`)."""
    return distinct(nic.name or nic.label for nic in nics)


def distinct(names: Iterable[str]) -> list[str]:
    """The names, those that came before with their number: `front`, `front#2`."""
    seen: dict[str, int] = {}
    keys = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return keys


def allocate_macs(
    project: str,
    name: str,
    nics: Sequence[Nic],
    known: KeyMap | None,
    live: Mapping[str, Any],
    macs: frozenset[str],
) -> dict[str, str]:
    """key → MAC of every NIC of the VM `name`; see kinds/domain/keys.py, `allocate`.

    `live` are the interfaces of its canonical devices, by MAC; `macs` are those that other VMs have.
    A stated MAC is what the NIC is to have, whatever is told here.
    """
    given = known.networks if known else {}
    named = dict(zip(nic_keys(nics), nics, strict=True))
    unclaimed = {mac: nic for mac, nic in live.items() if mac not in given.values()}
    # A stated MAC is what its NIC is known by, whatever its key was: NICs without a name are counted, and
    # may be listed in another order. By its network a NIC is recognised where the VM is adopted, and where
    # its MAC was changed outside.
    result = {key: nic.mac for key, nic in named.items() if nic.mac in {*live} & {*given.values()}}
    left = {*live} - {*result.values()}
    result |= {key: given[key] for key in named if key not in result and given.get(key) in left}
    for recognise, keys in ((_by_mac, named), (_by_source, named if known is None else given)):
        for key in named:
            if key in keys and key not in result and (mac := recognise(named[key], unclaimed)) is not None:
                result[key] = mac
                unclaimed.pop(mac)
    for key, nic in named.items():
        if key not in result:
            had = None if given.get(key) in result.values() else given.get(key)
            taken = {*live, *macs, *given.values(), *result.values()} - {had}
            result[key] = had or nic.mac or _new_mac(project, name, key, taken)
    return {key: result[key] for key in named}


def _by_mac(nic: Nic, live: Mapping[str, Any]) -> str | None:
    return nic.mac if nic.mac in live else None


def _by_source(nic: Nic, live: Mapping[str, Any]) -> str | None:
    for mac, candidate in live.items():
        source = candidate.get("source", {})
        if (
            (nic.network and source.get("@network") == nic.network)
            or (nic.bridge and source.get("@bridge") == nic.bridge)
            or (nic.macvtap and source.get("@dev") == nic.macvtap.dev)
            or (nic.type not in _BY_NAME and candidate.get("@type") == nic.type)
        ):
            return mac
    return None


_BY_NAME = ("network", "bridge", "direct")
"""libvirt's types of interfaces that are plugged into something with a name."""


def _new_mac(project: str, name: str, key: str, taken: set[str]) -> str:
    mac, attempt = mac_for(project, name, key), 1
    while mac in taken:
        attempt += 1
        mac = mac_for(project, name, f"{key}\n{attempt}")
    return mac
