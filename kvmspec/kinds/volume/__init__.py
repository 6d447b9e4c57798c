"""Volumes: standalone ones, and those that VMs declare inside themselves."""

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
from kvmspec.kinds.seeds import SeedVolume
from kvmspec.kinds.volume import apply, leftovers, plan
from kvmspec.kinds.volume.check import check
from kvmspec.kinds.volume.effects import effects
from kvmspec.kinds.volume.spec import VolumeSpec
from kvmspec.kinds.volume.wanted import needs, pool_of
from kvmspec.manifest.section import Item, Manifest, Section
from kvmspec.manifest.types import format_size


class VolumeKind:
    """kinds.base.Kind for volumes. A Desired of another kind's making may carry any spec with
    `size`, `format` (None: qcow2) and `backing`; its address says pool and name."""

    name = "volume"
    section = Section(
        "volumes",
        "volume",
        VolumeSpec,
        check=check,
        effects=effects,
        creation={"pool": "the manifest's only one"},
        names=("pgdata", "cache", "clone", "tools", "vault"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        pool = pool_of(item.spec, manifest)
        assert pool is not None, "check() refuses volumes without a pool"
        address = Address(host, "volume", f"{pool}/{item.name}")
        return [Desired(address, item.spec, item.path, tuple(needs(item.spec, host, pool, manifest)))]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return plan.diff(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        return leftovers.leftovers(view, context)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return plan.steps(difference, view, context)

    def render(self, desired: Desired, context: Context) -> str:
        return plan.render(desired, context)

    def about(self, desired: Desired) -> str:
        spec = desired.spec
        if isinstance(spec, SeedVolume):
            return "cloud-init's seed"
        of = f"from image {spec.image}" if spec.image else "overlay"
        return format_size(spec.size) if spec.size is not None else of

    def fingerprint(self, name: str, view: HostView) -> str:
        """Format, path, backing and capacity; never its allocation, which the guest's writing changes."""
        found = view.volumes.get(name)
        return (
            compare.digest([found.format, found.path, found.backing, str(found.capacity)], "")
            if found
            else ""
        )

    def apply(self, action: Any, host: Host, report: Callable[[str], None]) -> None:
        apply.apply(action, host, report)


KIND = VolumeKind()
