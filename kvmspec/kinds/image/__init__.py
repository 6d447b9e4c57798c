"""Images: fetched into a cache, and placed on the hosts where a disk is made from them."""

from __future__ import annotations

from collections.abc import Callable

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import PlaceImage
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds import bases, compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.image import plan
from kvmspec.kinds.image.apply import place
from kvmspec.kinds.image.check import check
from kvmspec.kinds.image.effects import effects
from kvmspec.kinds.image.spec import ImageSpec
from kvmspec.manifest.section import Item, Manifest, Section


class ImageKind:
    """kinds.base.Kind for images."""

    name = "image"
    section = Section(
        "images",
        "image",
        ImageSpec,
        check=check,
        effects=effects,
        creation={"pool": "the manifest's only one"},
        names=("debian-12", "golden", "debian-12-iso"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        pool = bases.pool_of(item.name, manifest)
        if pool is None:
            return []  # nothing is made from it
        return [
            Desired(Address(host, "image", item.name), item.spec, item.path, (Address(host, "pool", pool),))
        ]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return plan.diff(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        """Nothing goes: a base stays for the next VM. Where all else goes, that is said."""
        return list(plan.staying(view, context)) if context.destroy else []

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return [(difference.detail, "place")] if isinstance(difference.detail, PlaceImage) else []

    def render(self, desired: Desired, context: Context) -> str:
        return plan.render(desired, context)

    def about(self, desired: Desired) -> str:
        return str(desired.spec.kind)

    def fingerprint(self, name: str, view: HostView) -> str:
        """Which bases of the image are there, and whole."""
        found = [key for key in view.volumes if bases.image_at(key) == name and key not in view.unfinished]
        return compare.digest(sorted(found), "") if found else ""

    def apply(self, action: PlaceImage, host: Host, report: Callable[[str], None]) -> None:
        place(action, host, report)


KIND = ImageKind()
