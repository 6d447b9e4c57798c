"""VMs of one `count` are restarted a few at a time (`lifecycle.max_unavailable`).

Only the plan's graph says so: a chain that restarts a VM needs those that have to be done with before,
`wait_for` included. So one that fails leaves all that come after it alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from kvmspec.core.action import ShutdownDomain, StartDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Verb
from kvmspec.kinds.base import Chain, Context

Needs = dict[Address, set[Address]]


class _Group(NamedTuple):
    """The VMs of one `count` on one host that are restarted, and those that are down and started."""

    at_once: int
    restarted: list[Address]
    started: list[Address]


def in_turn(
    needs: Needs,
    chains: Mapping[Address, Chain],
    verbs: Mapping[Address, Verb],
    context: Context,
    order: Callable[[Needs], Iterable[Address]],
) -> None:
    """Add to `needs` what keeps the VMs of a group apart; never a cycle, for all that is added follows
    `order`, which respects what is there."""
    groups = [group for group in _groups(chains, verbs, context) if group.restarted]
    for group in groups:
        for address in group.restarted:
            # one that is down is not available either; its start comes first, where nothing is against it
            needs[address] |= {down for down in group.started if address not in _all_before(down, needs)}
    if not any(len(group.restarted) > group.at_once for group in groups):
        return
    place = {address: number for number, address in enumerate(order(needs))}
    for group in groups:
        waiting, most = sorted(group.restarted, key=place.__getitem__), group.at_once
        for number, address in enumerate(waiting):
            # those even before have been done with when these begin
            needs[address] |= {*waiting[max(0, number - 2 * most + 1) : max(0, number - most + 1)]}


def _groups(
    chains: Mapping[Address, Chain], verbs: Mapping[Address, Verb], context: Context
) -> Iterable[_Group]:
    found: dict[tuple[object, ...], _Group] = defaultdict(lambda: _Group(1, [], []))
    for address, chain in chains.items():
        wanted = context.desired.get(address)
        starts = any(isinstance(action, StartDomain) for action, _ in chain)
        if wanted is None or not wanted.at_once or not starts or verbs[address] is Verb.CREATE:
            continue
        key = (address.host, *wanted.path)
        group = found[key] = found[key]._replace(at_once=wanted.at_once)
        stops = any(isinstance(action, ShutdownDomain) for action, _ in chain)
        (group.restarted if stops else group.started).append(address)
    return found.values()


def _all_before(address: Address, needs: Needs) -> set[Address]:
    """All that has to be done before something, itself included."""
    seen, ahead = {address}, [address]
    while ahead:
        for need in needs.get(ahead.pop(), ()):
            if need not in seen:
                seen.add(need)
                ahead.append(need)
    return seen
