"""Differences → an ordered plan. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from kvmspec.core.action import (
    CreateVolume,
    DeleteNetwork,
    DeleteNwfilter,
    DeletePool,
    DeleteSecret,
    DeleteVolume,
    RestartNetwork,
    ShutdownDomain,
    UndefineDomain,
    to_data,
)
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.errors import ManifestError
from kvmspec.core.impact import PERMISSION_FOR, Permission
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.engine.groups import in_turn
from kvmspec.engine.handover import in_order
from kvmspec.kinds.base import Chain, Context, Kind
from kvmspec.manifest.secrets import masked

_PERMISSION_OF: dict[type, Permission] = {
    ShutdownDomain: Permission.RESTART,
    RestartNetwork: Permission.RESTART,
    UndefineDomain: Permission.DELETE,
    DeleteNetwork: Permission.DELETE,
    DeletePool: Permission.DELETE,
    DeleteSecret: Permission.DELETE,
    DeleteNwfilter: Permission.DELETE,
    DeleteVolume: Permission.DATA_LOSS,
}

_DIGEST = re.compile(r"scrypt:[0-9a-f$]+")

_DELETED_AFTER = {
    "volume": ("vm",),
    "network": ("vm",),
    "nwfilter": ("vm", "network"),
    "pool": ("vm", "volume"),
    "secret": ("vm", "volume", "pool"),
}
"""What must be done with on a host before something of a kind is deleted there."""


def make_plan(differences: Iterable[Difference], context: Context, kinds: Mapping[str, Kind]) -> Plan:
    """The plan for these differences.

    Raises ManifestError where the manifest refers to what is nowhere.
    """
    differences = tuple(differences)
    invalid = [problem for difference in differences for problem in difference.invalid]
    if invalid:
        raise ManifestError(invalid)
    chains = {
        difference.address: kinds[difference.address.kind].steps(
            difference, context.views[difference.address.host], context
        )
        for difference in differences
        if difference.verb is not Verb.NO_OP
    }
    chains = {address: chain for address, chain in chains.items() if chain}
    return Plan(
        project=context.manifest.project,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        hosts=tuple(
            HostSummary(v.host, v.uri, v.unknown, v.hint)
            for v in context.views.values()
            if context.hosts is None or v.host in context.hosts
        ),
        differences=differences,
        steps=tuple(in_order(_steps(chains, _needs(chains, differences, context)), context.views)),
        required=_required(differences, chains),
        granted=context.granted,
        refusals=tuple(problem for difference in differences for problem in difference.refusals),
        warnings=tuple(context.manifest.warnings),
        fingerprints=fingerprints(_touched(chains, context), context, kinds),
        links=_links(context),
    )


def fingerprints(
    addresses: Iterable[Address], context: Context, kinds: Mapping[str, Kind]
) -> dict[Address, str]:
    """What each object looks like now; "" where there is none."""
    return {a: kinds[a.kind].fingerprint(a.name, context.views[a.host]) for a in addresses}


def still_to_do(plan: Plan, later: Plan) -> bool:
    """Whether a later plan still has every step of `plan`; what it has besides is about objects
    that `plan` does not touch."""
    return set(map(told, plan.steps)) <= set(map(told, later.steps))


def told(step: Step) -> str:
    """What a step does, in words that are equal for equal steps of two runs: a secret has another
    token in each, and its digest a new salt."""
    return masked(_DIGEST.sub("", json.dumps(to_data(step.action))))


def _links(context: Context) -> tuple[tuple[Address, Address], ...]:
    """What refers to what on the hosts that are planned for."""
    return tuple(
        (address, need)
        for address, wanted in context.desired.items()
        if context.hosts is None or address.host in context.hosts
        for need in dict.fromkeys(wanted.needs)
    )


def _touched(chains: Mapping[Address, Chain], context: Context) -> list[Address]:
    found: dict[Address, None] = {}
    for address, chain in chains.items():
        found[address] = None
        found |= dict.fromkeys(action.address for action, _ in chain)
        wanted = context.desired.get(address)
        if wanted is not None:
            found |= {need: None for need in wanted.needs if need.host in context.views}
    return [a for a in found if not context.views[a.host].unknown]


def _required(differences: Iterable[Difference], chains: Mapping[Address, Chain]) -> frozenset[Permission]:
    found: set[Permission] = set()
    for difference in differences:
        chain = chains.get(difference.address)
        if not chain:
            continue
        impacts = {difference.impact, *(change.impact for change in difference.changes)}
        needed = {PERMISSION_FOR[impact] for impact in impacts if impact in PERMISSION_FOR}
        needed |= {_PERMISSION_OF[type(action)] for action, _ in chain if type(action) in _PERMISSION_OF}
        needed |= {Permission.REPLACE} if _makes_anew(chain) else set()
        found |= needed - difference.permitted
    return frozenset(found)


def _makes_anew(chain: Chain) -> bool:
    """Whether a volume is deleted and created again: another one takes its place."""
    deleted = {action.address for action, _ in chain if isinstance(action, DeleteVolume)}
    return any(isinstance(action, CreateVolume) and action.address in deleted for action, _ in chain)


def _needs(
    chains: Mapping[Address, Chain], differences: Iterable[Difference], context: Context
) -> dict[Address, set[Address]]:
    """address → addresses whose chains come first."""
    verbs = {difference.address: difference.verb for difference in differences}
    by_kind: dict[tuple[str, str], set[Address]] = defaultdict(set)
    for address in chains:
        by_kind[address.host, address.kind].add(address)
    leaving = {place: {a for a in there if verbs[a] is Verb.DELETE} for place, there in by_kind.items()}
    needs: dict[Address, set[Address]] = {address: set() for address in chains}
    for address in chains:
        if verbs[address] is Verb.DELETE:
            for kind in _DELETED_AFTER.get(address.kind, ()):
                needs[address] |= by_kind[address.host, kind]
        elif address in context.desired:
            needs[address] |= _first(address, chains, context)
        if address.kind in ("vm", "volume") and verbs[address] is not Verb.DELETE:
            # a deleted VM frees names, addresses and volumes that others may want
            needs[address] |= leaving.get((address.host, "vm"), set())
    for address, overlays in _overlays(chains, context).items():
        needs[address] |= overlays
    for address in needs:
        needs[address].discard(address)
    in_turn(needs, chains, verbs, context, _order)
    return needs


def _first(address: Address, chains: Mapping[Address, Chain], context: Context) -> set[Address]:
    """What something needs and has a chain, also by way of what has none: the image of a disk whose
    making anew is the VM's own chain."""
    found: set[Address] = set()
    seen, ahead = {address}, [address]
    while ahead:
        for need in context.desired[ahead.pop()].needs:
            if need in chains:
                found.add(need)
            elif need in context.desired and need not in seen:
                seen.add(need)
                ahead.append(need)
    return found


def _overlays(chains: Mapping[Address, Chain], context: Context) -> dict[Address, set[Address]]:
    """The chain that deletes a base → the chains that delete the overlays over it."""
    deleted_by = {
        action.address: address
        for address, chain in chains.items()
        for action, _ in chain
        if isinstance(action, DeleteVolume)
    }
    found: dict[Address, set[Address]] = defaultdict(set)
    for volume, address in deleted_by.items():
        volumes = context.views[volume.host].volumes
        for other, overlay in deleted_by.items():
            base, over = volumes.get(volume.name), volumes.get(other.name)
            if other.host == volume.host and base and over and over.backing == base.path:
                found[address].add(overlay)
    return found


def _steps(chains: Mapping[Address, Chain], needs: Mapping[Address, set[Address]]) -> list[Step]:
    steps: list[Step] = []
    last: dict[Address, int] = {}
    for address in _order(needs):
        after = frozenset(last[need] for need in needs[address] if need in last)
        for action, text in chains[address]:
            number = len(steps) + 1
            steps.append(Step(number, action, after, text, address))
            after = frozenset({number})
            last[address] = number
    return steps


def _order(needs: Mapping[Address, Any]) -> list[Address]:
    try:
        return list(TopologicalSorter({a: sorted(n) for a, n in needs.items()}).static_order())
    except CycleError as error:  # pragma: no cover - the manifest's checks find cycles first
        raise AssertionError(f"the plan's graph has a cycle: {error.args[1]}") from error
