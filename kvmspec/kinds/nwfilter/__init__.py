"""Network filters: rules for what interfaces may send and receive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.nwfilter import apply, facts, plan
from kvmspec.kinds.nwfilter.check import check
from kvmspec.kinds.nwfilter.effects import effects
from kvmspec.kinds.nwfilter.spec import NwfilterSpec
from kvmspec.manifest.section import Item, Manifest, Section


class NwfilterKind:
    """kinds.base.Kind for network filters."""

    name = "nwfilter"
    section = Section(
        "nwfilters",
        "nwfilter",
        NwfilterSpec,
        check=check,
        effects=effects,
        creation={"priority": "by the chain's name", "rules.priority": "500"},
        names=("web-only", "no-mail"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        needs = tuple(Address(host, *reference) for reference in item.spec.references())
        return [Desired(Address(host, "nwfilter", item.name), item.spec, item.path, needs)]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return plan.diff(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        return plan.leftovers(view, context)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return list(difference.detail or ())

    def render(self, desired: Desired, context: Context) -> str:
        return plan.render(desired, context)

    def about(self, desired: Desired) -> str:
        spec: NwfilterSpec = desired.spec
        return f"{len(spec.rules)} rule{'' if len(spec.rules) == 1 else 's'}"

    def fingerprint(self, name: str, view: HostView) -> str:
        """The definition."""
        observed = view.nwfilters.get(name)
        if observed is None:
            return ""
        return compare.digest(facts.read(observed.xml) if observed.xml else observed.uuid, "")

    def apply(self, action: Any, host: Host, report: Callable[[str], None]) -> None:
        apply.apply(action, host)


KIND = NwfilterKind()
