"""Networks: nat, isolated, route, open, and an existing bridge of the host."""

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
from kvmspec.kinds.network import apply, diff, facts, plan, render
from kvmspec.kinds.network.check import check
from kvmspec.kinds.network.effects import effects
from kvmspec.kinds.network.reserve import with_reservations
from kvmspec.kinds.network.spec import NetworkSpec
from kvmspec.kinds.reservations import reservations
from kvmspec.manifest.section import Item, Manifest, Section


class NetworkKind:
    """kinds.base.Kind for networks."""

    name = "network"
    section = Section(
        "networks",
        "network",
        NetworkSpec,
        check=check,
        effects=effects,
        creation={"autostart": "true", "gateway": "the subnet's first address"},
        names=("front", "lan", "uplink", "vf", "vf2"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        assert isinstance(item.spec, NetworkSpec)
        reserved = reservations(manifest, item.name, host, view)
        spec = with_reservations(item.spec, reserved)
        vms = {each.mac: each.vm for each in reserved}
        return [Desired(Address(host, "network", item.name), spec, item.path, extra=vms)]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return diff.diff(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        return plan.leftovers(view, context)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return plan.steps(difference, view, context)

    def render(self, desired: Desired, context: Context) -> str:
        return render.render(desired, context)

    def about(self, desired: Desired) -> str:
        spec: NetworkSpec = desired.spec
        if spec.mode == "bridge":
            return f"bridge {spec.bridge}"
        if spec.mode == "macvtap":
            return f"macvtap on {', '.join(spec.interfaces)}"
        return ", ".join(filter(None, (spec.mode, spec.subnet)))

    def fingerprint(self, name: str, view: HostView) -> str:
        """The definition, the power state, and the facts of the running network."""
        observed = view.networks.get(name)
        if observed is None:
            return ""
        active = facts.read(read(observed.active_xml)).facts if observed.active_xml else {}
        data = [read(observed.xml), sorted(map(repr, active.items())), observed.autostart]
        return compare.digest(data, observed.state)

    def apply(self, action: Any, host: Host, report: Callable[[str], None]) -> None:
        apply.apply(action, host, report)


KIND = NetworkKind()
