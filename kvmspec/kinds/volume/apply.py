"""A volume's actions → libvirt."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.libvirt.volumes import Volumes
from kvmspec.core.action import CreateVolume, DeleteVolume, PlaceSeed, RemoveSeed, ResizeVolume, VolumeAction
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.observed import ObservedVolume
from kvmspec.kinds import bases
from kvmspec.manifest.types import format_size


def apply(action: VolumeAction, host: Host, report: Callable[[str], None]) -> None:
    """Carry out one action. Idempotent. Raises LibvirtFailure."""
    pool, _, name = action.address.name.partition("/")
    match action:
        case CreateVolume():
            _create(action, host.volumes, pool, name, report)
        case PlaceSeed(data=data):
            host.volumes.place_seed(pool, name, data)
        case RemoveSeed():
            host.volumes.delete(pool, name)
        case ResizeVolume(capacity=capacity):
            host.volumes.resize(pool, name, capacity)
        case DeleteVolume():
            _delete(host.volumes, pool, name)
        case _:
            assert_never(action)


def _create(
    action: CreateVolume, volumes: Volumes, pool: str, name: str, report: Callable[[str], None]
) -> None:
    """A volume that is there already is taken up with its data where it fits; no data is touched."""
    if _made(action, volumes, pool, name):
        return
    found = volumes.get(pool, name)
    problem = misfit(action, found)
    if problem:
        raise LibvirtFailure(
            f"{action.address.short} is there already and {problem}", hint="delete it, or choose another name"
        )
    report("was there already and is taken up with its data")
    if found.capacity < action.capacity:
        volumes.resize(pool, name, action.capacity)


def _made(action: CreateVolume, volumes: Volumes, pool: str, name: str) -> bool:
    """Make it; False where it was there already. A full copy is made as large as its origin: it grows."""
    if action.origin is None:
        return volumes.create(pool, name, action.xml)
    origin = action.origin.partition("/")
    if not volumes.create_from(pool, name, action.xml, (origin[0], origin[2])):
        return False
    if action.capacity:
        volumes.resize(pool, name, max(action.capacity, volumes.get(pool, name).capacity))
    return True


def _delete(volumes: Volumes, pool: str, name: str) -> None:
    """The listing the plan was made from may be old (plan refreshes no pool): look again first for
    what rests on the volume, since libvirt would delete it all the same."""
    volumes.refresh(pool)
    found = {volume.name: volume for volume in volumes.list([pool])}
    if name not in found:
        return
    over = [other for other, volume in found.items() if volume.backing == found[name].path]
    if over:
        raise LibvirtFailure(
            f"volume {pool}/{name} is the base of {', '.join(over)}; it is not deleted",
            hint="delete those first, or flatten them (`virsh blockpull`)",
        )
    volumes.delete(pool, name)


def misfit(action: CreateVolume, found: ObservedVolume) -> str:
    """Why the volume that is there cannot be the one to be created; "" where it can."""
    if found.format != action.format:
        return f"is {found.format}, not {action.format}"
    if found.encrypted != action.encrypted:
        return "is encrypted" if found.encrypted else "is not encrypted"
    if not bases.same_image(found.backing, action.backing):
        return f"rests on {found.backing or 'nothing'}, not on {action.backing or 'nothing'}"
    if action.blank and found.has_data:
        return "has data, which an installer would write over"
    if action.capacity and found.capacity > action.capacity:
        return f"has {format_size(found.capacity)}, more than {format_size(action.capacity)}"
    return ""
