"""A network filter's difference, and the actions for it.

Every field changes at once, also for running guests.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Any

from kvmspec.core.action import DefineNwfilter, DeleteNwfilter
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.nwfilter.facts import Facts, of_spec, read
from kvmspec.kinds.ownership import derived_uuid


def render(desired: Desired, context: Context) -> str:
    """The XML with which the filter is created."""
    uuid = desired.spec.uuid or derived_uuid(context.manifest.project, "nwfilter", desired.address.name)
    return _xml(desired.address.name, uuid, of_spec(desired.spec), context)


def _xml(name: str, uuid: str, facts: Facts, context: Context) -> str:
    return context.renderer.render("nwfilter.xml.j2", name=name, uuid=uuid, filter=facts)


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare a filter with what is there."""
    match = compare.match(desired, view.nwfilters, context)
    if match.refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(match.refusal,))
    invalid = tuple(_missing(desired, view, context))
    if match.observed is None:
        facts = of_spec(desired.spec)
        step = DefineNwfilter(desired.address, render(desired, context))
        return Difference(
            desired.address,
            Verb.NO_OP if invalid else Verb.CREATE,
            after=_shown(facts),
            invalid=invalid,
            detail=((step, "create"),),
        )
    live = read(match.observed.xml)
    wanted = _merged(desired, live) if match.adopted else of_spec(desired.spec)
    changes = tuple(_changes(live, wanted))
    chain: Chain = []
    if changes:
        xml = _xml(desired.address.name, match.uuid, wanted, context)
        chain = [(DefineNwfilter(desired.address, xml), "change its rules")]
    return Difference(
        desired.address,
        Verb.UPDATE if changes else Verb.NO_OP,
        changes,
        before=_shown(live),
        after=_shown(wanted),
        invalid=invalid if changes else (),
        detail=tuple(chain),
    )


def _merged(desired: Desired, live: Facts) -> Facts:
    """What an adopted filter is to be: what nobody states as it is."""
    stated = of_spec(desired.spec)
    given = desired.spec.model_fields_set
    return live._replace(**{name: getattr(stated, name) for name in Facts._fields if name in given})


def _missing(desired: Desired, view: HostView, context: Context) -> Iterator[Problem]:
    """Filters that are nowhere: libvirt takes the name, and then starts no guest with it (9.0)."""
    if not view.facts.hotplugs:  # libvirt's test driver, which has no filters
        return
    for position, each in enumerate(desired.spec.filters):
        address = Address(view.host, "nwfilter", each.name)
        if each.name not in view.nwfilters and address not in context.desired:
            yield context.problem(
                (*desired.path, "filters", position),
                f"network filter {each.name} is neither in the manifest nor on {view.host}",
                "declare it under `nwfilters:`, or choose one of `virsh nwfilter-list`",
            )


def _changes(live: Facts, wanted: Facts) -> Iterator[FieldChange]:
    for name in ("chain", "priority"):
        before, after = getattr(live, name), getattr(wanted, name)
        if before != after:
            yield FieldChange(name, before, after, Impact.LIVE)
    for name in ("filters", "rules"):
        before, after = getattr(live, name), getattr(wanted, name)
        if before != after:
            gone, new = _told(before, after), _told(after, before)
            reason = "" if gone or new else "their order"
            yield FieldChange(name, gone, new, Impact.LIVE, reason)


def _told(some: Iterable[Any], others: Iterable[Any]) -> str | None:
    """What only the first of the two have."""
    left, found = list(others), []
    for each in some:
        if each in left:
            left.remove(each)
        else:
            found.append(str(each))
    return "; ".join(found) or None


def _shown(facts: Facts) -> dict[str, Any]:
    return {
        "chain": facts.chain,
        "priority": facts.priority,
        "filters": [str(each) for each in facts.filters],
        "rules": [str(each) for each in facts.rules],
    }


# --- what is to go
def leftovers(view: HostView, context: Context) -> list[Difference]:
    """Filters of the project that the manifest no longer names."""
    owned = list(compare.owned_leftovers("nwfilter", view.nwfilters, view, context))
    return [_deletion(observed, view, context, {each.name for each in owned}) for observed in owned]


def _deletion(observed: Observed, view: HostView, context: Context, going: set[str]) -> Difference:
    address = Address(view.host, "nwfilter", observed.name)
    vms = compare.users(view, observed.name, lambda root: _names(root, observed.name))
    using = [f"vm/{d.name}" for d in compare.staying(vms, context, address)]
    using += [
        f"nwfilter/{other.name}"
        for other in view.nwfilters.values()
        if other.name not in going and other.xml and _names(ET.fromstring(other.xml), observed.name)
    ]
    refusals = []
    if using:
        message = f"{address.short} on {view.host} is used by {', '.join(sorted(using))}, which stays"
        refusals.append(Problem(message, hint="take it out there first, or keep it in the manifest"))
    gone = compare.deletion(observed, view, (), refusals)
    return Difference(
        gone.address,
        gone.verb,
        refusals=gone.refusals,
        impact_floor=gone.impact_floor,
        before=_shown(read(observed.xml)),
        detail=((DeleteNwfilter(address), "delete"),),
    )


def _names(root: ET.Element, name: str) -> bool:
    return any(node.get("filter") == name for node in root.iter("filterref"))
