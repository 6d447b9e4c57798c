"""Desired against observed, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kvmspec.core.change import Difference, Verb
from kvmspec.engine.fold import fold
from kvmspec.kinds.base import Context, Kind
from kvmspec.kinds.leaving import other_repository


def diff(context: Context, kinds: Mapping[str, Kind]) -> list[Difference]:
    """A difference for everything that is wanted, and for everything owned that is not wanted any
    more. With targets: for those only, and nothing is deleted unless `context.destroy`."""
    found: list[Difference] = []
    targets = context.targets
    if not context.destroy:
        for address, desired in context.desired.items():
            if context.plans_for(address.host) and (targets is None or address in targets):
                found.append(kinds[address.kind].diff(desired, context.views[address.host], context))
    if targets is None or context.destroy:
        for view in context.views.values():
            if not context.plans_for(view.host):
                continue
            gone = [d for kind in kinds.values() for d in kind.leftovers(view, context)]
            gone = [d for d in gone if targets is None or d.address in targets]
            found += gone
    return _refused(fold(found, context, kinds), context)


def _refused(differences: list[Difference], context: Context) -> list[Difference]:
    """Nothing changes where another repository has the same project name."""
    hosts = {difference.address.host for difference in differences if difference.verb is not Verb.NO_OP}
    problems = {host: other_repository(context.views[host], context) for host in hosts}
    return [
        replace(each, refusals=(*each.refusals, problem))
        if each.verb is not Verb.NO_OP and (problem := problems[each.address.host])
        else each
        for each in differences
    ]
