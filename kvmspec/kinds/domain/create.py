"""A VM that does not exist yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kvmspec.core.action import DefineDomain, SetAutostart, StartDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostFacts, HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.domain import install_media, installing, render
from kvmspec.kinds.domain.fit import stated_data
from kvmspec.kinds.domain.keys import allocate, final
from kvmspec.kinds.domain.match import Match
from kvmspec.kinds.domain.record import record_for, sealed_xml
from kvmspec.kinds.domain.sources import Places
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import PENDING, KeyMap, macs
from kvmspec.manifest.secrets import masked
from kvmspec.manifest.types import format_size


def creation(desired: Desired, found: Match, view: HostView, context: Context) -> Difference:
    address, spec = desired.address, desired.spec
    if spec.memory is None or spec.memory.size is None:
        problem = context.problem(desired.path, "`memory` is required to create it")
        return Difference(address, Verb.NO_OP, invalid=(problem,))
    places = Places(context.manifest, view)
    problems = [*missing(desired, view, context), *install_media.missing(desired, places, context)]
    if problems and (spec.state == "running" or spec.install):
        return Difference(address, Verb.NO_OP, invalid=tuple(problems))
    xml, keys = creation_xml(desired, found.uuid, context, view)
    chain: Chain = [(DefineDomain(address, xml), "define")]
    if spec.install is not None:
        chain += installing.of_new(desired, keys, places, context)
    if spec.autostart:
        chain.append((SetAutostart(address, True), "set autostart"))
    if spec.state == "running":
        if not installing.starts_it(spec):
            chain.append((StartDomain(address), "start"))
        if spec.wait_for is not None:
            from kvmspec.kinds.domain.wait import waiting

            chain += waiting(address, spec.wait_for)
    notes = tuple(f"{problem.message}; it is not to be started yet" for problem in problems)
    over = tuple(installing.written_over(desired, view, places))
    return Difference(
        address,
        Verb.CREATE,
        after=_facts(spec),
        notes=(*notes, *installing.of_new_told(spec), *over),
        impact_floor=Impact.DATA_LOSS if over else Impact.NONE,
        label=label(spec),
        detail=tuple(chain),
    )


def creation_xml(desired: Desired, uuid: str, context: Context, view: HostView | None) -> tuple[str, KeyMap]:
    """The XML a VM is created with, its metadata in it. Without a view: offline, as for `render`."""
    name, spec = desired.address.name, desired.spec
    places = Places(context.manifest, view)
    sources = tuple(places.source(name, spec, disk) for disk in spec.disks)
    identities = [source.identity for source in sources]
    taken = macs(view) if view is not None else frozenset()
    keys = allocate(context.manifest.project, name, spec, None, {}, identities, taken)
    keys = final(spec, keys, {})
    facts = view.facts if view is not None else HostFacts(kvm=True)
    stated = stated_data(render.stated(context.renderer, name, spec, sources, keys, frozenset()), spec)
    record = record_for(name, uuid, spec, keys, stated, context)
    if spec.install is not None:
        record = replace(record, install=PENDING, installer=install_media.volumes_of(name, spec, places))
    xml = render.created(
        context.renderer, name, uuid, spec, sources, keys, facts, sealed_xml(record, context)
    )
    return xml, keys


def label(spec: VmSpec) -> str:
    """Its size in a few words: `2 vCPUs, 1GiB`."""
    parts = []
    if spec.cpus and spec.cpus.count:
        parts.append(f"{spec.cpus.count} vCPU{'s' if spec.cpus.count > 1 else ''}")
    if spec.memory and spec.memory.size:
        parts.append(format_size(spec.memory.size))
    if spec.state != "running":
        parts.append("stays stopped")
    return ", ".join(parts)


def _facts(spec: VmSpec) -> dict[str, Any]:
    """What is stated, with nothing secret in it."""
    shown: dict[str, Any] = json.loads(masked(spec.model_dump_json(exclude_unset=True)))
    for graphics in shown.get("graphics") or ():
        if "password" in graphics:
            graphics["password"] = "(secret)"
    return shown


def missing(desired: Desired, view: HostView, context: Context) -> list[Problem]:
    """References that are neither in the manifest nor on the host."""
    found = []
    places = Places(context.manifest, view)
    for position, disk in enumerate(desired.spec.disks):
        source = places.source(desired.address.name, desired.spec, disk)
        if source.missing:
            found.append(
                context.problem((*desired.path, "disks", position), f"{source.missing} {view.host}".strip(),
                "declare it in the manifest, or create it on the host")
            )  # fmt: skip
    for position, nic in enumerate(desired.spec.networks):
        if nic.network and nic.network not in view.networks:
            if Address(view.host, "network", nic.network) in context.desired:
                continue
            found.append(
                context.problem(
                    (*desired.path, "networks", position),
                    f"network {nic.network} is neither in the manifest nor on {view.host}",
                    "declare it under `networks:`, or create it on the host",
                )
            )
    return [*found, *_missing_filters(desired, view, context)]


def _missing_filters(desired: Desired, view: HostView, context: Context) -> Iterator[Problem]:
    """libvirt defines a VM whose network filter is not there, and does not start it (9.0)."""
    if not view.facts.hotplugs:  # libvirt's test driver, which has no filters
        return
    for position, nic in enumerate(desired.spec.networks):
        if nic.filter is None or nic.filter.name in view.nwfilters:
            continue
        if Address(view.host, "nwfilter", nic.filter.name) not in context.desired:
            yield context.problem(
                (*desired.path, "networks", position, "filter"),
                f"network filter {nic.filter.name} is neither in the manifest nor on {view.host}",
                "declare it under `nwfilters:`, or choose one of `virsh nwfilter-list`",
            )
