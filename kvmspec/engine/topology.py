"""What is wanted, and what the plan says of it, as a topology."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.plan import HostSummary, Plan
from kvmspec.core.topology import Thing, Topology
from kvmspec.kinds.base import Kind
from kvmspec.manifest.section import HostEntry


def topology(
    project: str,
    hosts: Mapping[str, HostEntry],
    desired: Mapping[Address, Desired],
    targets: frozenset[Address] | None,
    kinds: Mapping[str, Kind],
    plan: Plan | None = None,
) -> Topology:
    """All that is wanted on these hosts (or, of it, the targets), all that the plan speaks of, and what
    these refer to."""
    chosen = [a for a in desired if a.host in hosts and (targets is None or a in targets)]
    links = [(address, need) for address in chosen for need in dict.fromkeys(desired[address].needs)]
    told = [difference.address for difference in plan.differences] if plan else []
    addresses = dict.fromkeys([*chosen, *told, *(need for _, need in links)])
    ours = {*chosen, *told, *desired}
    things = [_thing(address, desired.get(address), kinds, managed=address in ours) for address in addresses]
    return Topology(
        project,
        tuple(_summaries(hosts, plan)),
        tuple(sorted(things, key=lambda thing: _rank(thing.address, kinds))),
        tuple(links),
        plan,
    )


def _thing(address: Address, wanted: Desired | None, kinds: Mapping[str, Kind], *, managed: bool) -> Thing:
    if wanted is None:
        return Thing(address, managed=managed)
    about = kinds[address.kind].about(wanted)
    return Thing(address, about, ".".join(map(str, wanted.path)), wanted.owner)


def _summaries(hosts: Mapping[str, HostEntry], plan: Plan | None) -> Iterable[HostSummary]:
    return plan.hosts if plan else (HostSummary(host.name, host.uri) for host in hosts.values())


def _rank(address: Address, kinds: Mapping[str, Kind]) -> tuple[str, int, str]:
    return address.host, list(kinds).index(address.kind), address.name
