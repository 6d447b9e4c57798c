"""Volumes that are to go: what `removed:` names, and on request all that are declared."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView, ObservedVolume
from kvmspec.kinds.base import Context
from kvmspec.kinds.keeping import keeping
from kvmspec.kinds.leaving import volumes_leaving
from kvmspec.kinds.volume.wanted import pool_of
from kvmspec.manifest.types import format_size


def leftovers(view: HostView, context: Context) -> list[Difference]:
    """Deletions on this host; with context.destroy only where data loss is granted, and a note of
    what stays where it is not."""
    keys = [f"{pool}/{volume}" for pool, volume in context.manifest.removed]
    protected = {}
    if context.destroy:
        for key, path, prevented in _declared(view, context):
            keys.append(key)
            protected[key] = path if prevented else None
    leaving = frozenset(keys) | volumes_leaving(view, context)
    return [
        _one(view.volumes[key], protected.get(key), leaving, view, context)
        for key in dict.fromkeys(keys)
        if key in view.volumes
    ] + [_unread(key, view) for key in dict.fromkeys(keys) if _is_unread(key, view)]


def _declared(view: HostView, context: Context) -> Iterator[tuple[str, tuple[str | int, ...], bool]]:
    for item in context.manifest.of("volume"):
        pool = pool_of(item.spec, context.manifest)
        if view.host in item.hosts and pool is not None:
            yield f"{pool}/{item.name}", item.path, bool(getattr(item.spec, "prevent_destroy", False))


def _one(
    volume: ObservedVolume,
    protected: tuple[str | int, ...] | None,
    leaving: frozenset[str],
    view: HostView,
    context: Context,
) -> Difference:
    key, size = f"{volume.pool}/{volume.name}", format_size(volume.capacity)
    address = Address(view.host, "volume", key)
    before = {"pool": volume.pool, "size": size, "format": volume.format, "backing": volume.backing}
    if context.destroy and Permission.DATA_LOSS not in context.granted:
        note = f"stays: {volume.name} ({size}); `--allow data-loss` deletes it"
        return Difference(address, Verb.NO_OP, notes=(note,), before=before, after=before)
    refusals = list(keeping(volume, leaving, view, context))
    if protected is not None:
        message = f"volume/{key} has `prevent_destroy: true`"
        refusals.append(context.problem(protected, message, "take that out first, in an apply of its own"))
    return Difference(
        address,
        Verb.DELETE,
        label=size,
        notes=tuple(_unseen(view)),
        refusals=tuple(refusals),
        impact_floor=Impact.DATA_LOSS,
        before=before,
    )


def _unseen(view: HostView) -> Iterator[str]:
    """Pools that do not run: libvirt does not tell what is in them."""
    for name, pool in view.pools.items():
        if not pool.running:
            yield f"pool {name} is not running, and it cannot be seen whether anything in it rests on this"


def _is_unread(key: str, view: HostView) -> bool:
    pool = key.partition("/")[0]
    return pool in view.pools and pool not in view.pools_read


def _unread(key: str, view: HostView) -> Difference:
    pool = key.partition("/")[0]
    why = "was not read" if view.pools[pool].running else "is not running"
    note = f"pool {pool} {why}, so it cannot be seen whether this volume is there"
    return Difference(Address(view.host, "volume", key), Verb.NO_OP, notes=(note,))
