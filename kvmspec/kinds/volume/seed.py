"""A VM's seed: made when it is not there; never changed, for another content has another name."""

from __future__ import annotations

from kvmspec.core.action import PlaceSeed
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds.seeds import SeedVolume


def diff(desired: Desired, seed: SeedVolume, view: HostView) -> Difference:
    """Compare with what is there; one whose upload was cut off is as good as none."""
    key = desired.address.name
    if key in view.volumes and key not in view.unfinished:
        return Difference(desired.address, Verb.NO_OP)
    owner = desired.owner.short if desired.owner else "a VM"
    return Difference(
        desired.address,
        Verb.CREATE,
        after={"pool": seed.pool},
        label=f"cloud-init's seed of {owner}",
        detail=PlaceSeed(desired.address, seed.data),
    )
