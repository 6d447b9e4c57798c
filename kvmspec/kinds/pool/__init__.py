"""Storage pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.read import read
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.pool import apply, diff, plan
from kvmspec.kinds.pool.check import check
from kvmspec.kinds.pool.effects import effects
from kvmspec.kinds.pool.spec import PoolSpec
from kvmspec.kinds.secrets import needed
from kvmspec.manifest.section import Item, Manifest, Section


class PoolKind:
    """kinds.base.Kind for pools."""

    name = "pool"
    section = Section(
        "pools",
        "pool",
        PoolSpec,
        check=check,
        effects=effects,
        creation={"autostart": "true"},
        names=("vms", "fast", "nas", "lvm", "ceph", "san", "hba"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        assert isinstance(item.spec, PoolSpec)
        needs = tuple(needed(item.spec.references(), manifest, host))
        return [Desired(Address(host, "pool", item.name), item.spec, item.path, needs)]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return diff.diff(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        return plan.leftovers(view, context)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return plan.steps(difference, context)

    def render(self, desired: Desired, context: Context) -> str:
        return diff.render(desired, context)

    def about(self, desired: Desired) -> str:
        return desired.spec.target_of(desired.address.name) or str(desired.spec.type)

    def fingerprint(self, name: str, view: HostView) -> str:
        """The definition without its figures, and the power state."""
        observed = view.pools.get(name)
        if observed is None:
            return ""
        data = diff.without_figures(read(observed.xml))
        return compare.digest([data, observed.autostart], observed.state)

    def apply(self, action: Any, host: Host, report: Callable[[str], None]) -> None:
        apply.apply(action, host)


KIND = PoolKind()
