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
from kvmspec.core.observed import HostView, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.images.progress import amount
from kvmspec.kinds import bases, use
from kvmspec.kinds.base import Context
from kvmspec.kinds.bases import Base
from kvmspec.manifest.types import format_size


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare with the base that is there."""
    name = desired.address.name
    base, looked = bases.base_of(name, context.manifest, view), view.images.get(name)
    if looked is not None and looked.problem:
        why = f"it is not known whether it is needed, and it cannot be had: {looked.problem}"
        return Difference(desired.address, Verb.NO_OP, notes=(why,))
    if base is None or looked is None or not looked.format:
        return Difference(desired.address, Verb.NO_OP)
    if base.key in view.volumes and base.key not in view.unfinished:
        wrong = misfit(view.volumes[base.key], looked.format, looked.capacity)
        return Difference(
            desired.address,
            Verb.NO_OP,
            refusals=(_another(desired, base, wrong, view, context),) if wrong else (),
        )
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


def misfit(found: ObservedVolume, form: str, capacity: int) -> str:
    """Why a volume under a base's name cannot be that image, of this format and capacity (0 where that is not
    known); "" where it may be. libvirt takes any file for raw that it does not know, until a refresh."""
    if (found.format == "qcow2") != (form == "qcow2"):
        return f"it is {found.format}, and the image {form}"
    if capacity and found.capacity != capacity:
        return f"it has {format_size(found.capacity)}, and the image {format_size(capacity)}"
    return ""


def _another(desired: Desired, base: Base, wrong: str, view: HostView, context: Context) -> Problem:
    over = use.overlays(view, view.volumes[base.key].path)
    resting = f"; {use.told(view, over)} rests on it" if over else ""
    return context.problem(
        desired.path,
        f"volume {base.key} on {view.host} has the name of image {base.image}'s base and is another: "
        f"{wrong}{resting}",
        f"if nobody needs it, delete it (`virsh vol-delete {base.volume} --pool {base.pool}`), and the image "
        "is placed there; else rename the image in the manifest",
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
        "volume.xml.j2",
        name=base.volume,
        capacity=base.capacity,
        format=base.format,
        backing=None,
        encryption=None,
    )
