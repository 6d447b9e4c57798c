"""Whether an image is to be placed on a host.

It is as soon as a disk is to be made from it there; the engine has looked at it then (engine/images.py).
One that nobody needs now is not even looked at: a plan without changes asks no server.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.action import PlaceImage
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.images.progress import amount
from kvmspec.kinds import bases
from kvmspec.kinds.base import Context


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare with the base that is there."""
    name = desired.address.name
    base, looked = bases.base_of(name, context.manifest, view), view.images.get(name)
    if base is None or looked is None or not looked.format:
        return Difference(desired.address, Verb.NO_OP)
    if base.key in view.volumes and base.key not in view.unfinished:
        return Difference(desired.address, Verb.NO_OP)
    notes = []
    if looked.download:
        notes.append(f"{amount(looked.download)} to download")
    if base.key in view.unfinished:
        notes.append("its upload was cut off; it is uploaded again")
    if base.pool not in view.pools_read:
        notes.append(f"if it is in pool {base.pool} already, it is left as it is")
    return Difference(
        desired.address,
        Verb.CREATE,
        notes=tuple(notes),
        after={"pool": base.pool, "volume": base.volume, "format": base.format},
        label=", ".join(filter(None, (base.format, amount(base.capacity) if base.capacity else ""))),
        detail=PlaceImage(desired.address, base.pool, base.volume, looked.identity),
    )


def staying(view: HostView, context: Context) -> Iterator[Difference]:
    """What `destroy` leaves behind of each image."""
    for item in context.manifest.of("image"):
        address, pool = Address(view.host, "image", item.name), bases.pool_of(item.name, context.manifest)
        left = [
            volume.name
            for volume in view.volumes.values()
            if volume.pool == pool and bases.image_at(volume.name) == item.name
        ]
        if left and (context.targets is None or address in context.targets):
            note = f"stays in pool {pool}, for the next VM: {', '.join(sorted(left))}"
            yield Difference(address, Verb.NO_OP, notes=(note,))


def render(desired: Desired, context: Context) -> str:
    """The XML of the volume it becomes, as far as the manifest alone says."""
    base = bases.base_of(desired.address.name, context.manifest, None)
    assert base is not None, "check() refuses images without a pool"
    return context.renderer.render(
        "volume.xml.j2", name=base.volume, capacity=base.capacity, format=base.format, backing=None
    )
