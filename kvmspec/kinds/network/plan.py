"""A network's difference → actions; and which networks are to go."""

from __future__ import annotations

from kvmspec.adapters.libvirt.taps import HOLD
from kvmspec.core.action import (
    DefineNetwork,
    DeleteNetwork,
    EditNetwork,
    RestartNetwork,
    SetAutostart,
    StartNetwork,
    UpdateNetwork,
)
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.network import edits, facts
from kvmspec.kinds.network.diff import Detail
from kvmspec.kinds.network.fields import FIELDS
from kvmspec.kinds.network.guests import on, on_network


def steps(difference: Difference, view: HostView, context: Context) -> Chain:
    """The actions for a difference, in their order."""
    address = difference.address
    match difference.verb:
        case Verb.CREATE:
            desired = context.desired.get(address)
            autostart = desired is None or desired.spec.autostart is not False
            chain: Chain = [(DefineNetwork(address, difference.detail), "create")]
            if desired is None or desired.spec.state == "running":
                chain.append((StartNetwork(address), "start"))
            return [*chain, (SetAutostart(address, True), "start with the host")] if autostart else chain
        case Verb.DELETE:
            return [(DeleteNetwork(address), "delete")]
        case Verb.UPDATE:
            return _update(address, difference, view)
        case _:
            return []


def _update(address: Address, difference: Difference, view: HostView) -> Chain:
    detail: Detail = difference.detail
    restart = any(change.impact is Impact.RESTART for change in difference.changes)
    chain = _edit(address, detail) if restart or detail.active is None else _by_update(address, detail)
    if restart:
        guests = {*on(view, address.name), *on(view, HOLD + address.name)}
        chain.append((RestartNetwork(address, tuple(sorted(guests))), "restart"))
    elif detail.start:
        chain.append((StartNetwork(address), "start" if detail.active is None else "reconnect its guests"))
    if detail.autostart is not None:
        text = "start with the host" if detail.autostart else "do not start with the host"
        chain.append((SetAutostart(address, detail.autostart), text))
    return chain


def _edit(address: Address, detail: Detail) -> Chain:
    target = _target(detail, detail.persistent)
    changes = edits.edits(target, detail.persistent, detail.config, detail.rendered, detail.fragment)
    return [(EditNetwork(address, changes), "change its definition")] if changes else []


def _by_update(address: Address, detail: Detail) -> Chain:
    """virNetworkUpdate where it can; what is only in the definition is edited there."""
    assert detail.active is not None
    able = all(FIELDS[name].section for name, _ in detail.config)
    target = _target(detail, detail.persistent)
    config = edits.updates(target, detail.persistent, detail.config) if able else ()
    live = edits.updates(_target(detail, detail.active), detail.active, detail.live)
    chain: Chain = [] if able else _edit(address, detail)
    if live == config:
        return [*chain, (UpdateNetwork(address, live, live=True, config=True), "update")] if live else chain
    if config:
        chain.append((UpdateNetwork(address, config, live=False, config=True), "update its definition"))
    if live:
        chain.append((UpdateNetwork(address, live, live=True, config=False), "update the running network"))
    return chain


def _target(detail: Detail, live: facts.Reading) -> facts.Reading:
    return facts.merged(detail.wanted, live, detail.dropped) if detail.adopted else detail.wanted


def leftovers(view: HostView, context: Context) -> list[Difference]:
    """Networks of the project that the manifest no longer names."""
    owned = compare.owned_leftovers("network", view.networks, view, context)
    return [_deletion(observed, view, context) for observed in owned]


def _deletion(observed: Observed, view: HostView, context: Context) -> Difference:
    name = observed.name
    using = compare.users(view, name, lambda root: on_network(root, name))
    staying = compare.staying(using, context, Address(view.host, "network", name))
    running = [domain for domain in staying if domain.running]
    stopped = [domain for domain in staying if not domain.running]
    notes = [f"{compare.names(stopped)} (stopped) refers to it"] if stopped else []
    refusals = []
    if running:
        message = f"network/{name} on {view.host} is used by {compare.names(running)}, which stays"
        hint = "move its NICs to another network, or keep this one in the manifest"
        refusals.append(Problem(message, hint=hint))
    return compare.deletion(observed, view, notes, refusals)
