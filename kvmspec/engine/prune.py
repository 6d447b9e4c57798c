"""Bases that nobody needs any more, and their deletion.

A base goes only where it is proven that nothing rests on it: no volume of any pool, no domain and no
snapshot, whoever they belong to. What cannot be seen (a pool that is stopped, a file in no pool) may
rest on it, so it stays. libvirt itself would delete a base under its overlays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kvmspec.adapters.libvirt import Host
from kvmspec.core.address import Address
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.observed import HostView, ObservedVolume
from kvmspec.engine.sight import blind_spots, names
from kvmspec.kinds import use
from kvmspec.kinds.bases import Base, base_of, image_at, pool_of
from kvmspec.manifest.section import Manifest

_TOLD = 3  # reasons
_LOCAL = "dir"  # a pool of any other type may be another host's as well


@dataclass(frozen=True, slots=True)
class PlacedBase:
    """A base in a pool of a host.

    size   bytes that it takes there
    state  `current` where the next disk would be made from it, `old`, `unfinished` where its upload was
           cut off, `unknown` where nobody has looked at its image yet
    kept   why it stays; "" where it may go
    """

    host: str
    pool: str
    volume: str
    image: str
    size: int
    state: str
    kept: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What tells it from all others."""
        return self.host, self.pool, self.volume


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read: a host (then `pool` is ""), or a pool of one that images are placed in."""

    host: str
    pool: str
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Bases:
    """What was found, and what could not be looked at."""

    found: tuple[PlacedBase, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def going(self) -> tuple[PlacedBase, ...]:
        """Those that may go."""
        return tuple(base for base in self.found if not base.kept)


@dataclass(frozen=True, slots=True)
class Pruned:
    """A base that was to go, and why it did not; "" where it is gone."""

    base: PlacedBase
    problem: str = ""


def judge(
    views: Mapping[str, HostView], manifest: Manifest, declared: Collection[Address], everything: bool
) -> Bases:
    """Every base of the manifest's images in their pools. The views are of all pools. Pure.

    `declared` is all that the manifest wants; `everything` lets go also of the current bases.
    """
    read = [view for view in views.values() if not view.unknown]
    unread = [Unread(view.host, "", view.unknown, view.hint) for view in views.values() if view.unknown]
    return Bases(
        tuple(base for view in read for base in _judged(view, manifest, declared, everything)),
        (*unread, *(missing for view in read for missing in _stopped(view, manifest))),
    )


def prune(
    chosen: Collection[PlacedBase],
    hosts: Mapping[str, Host],
    look: Callable[[str], Bases],
    interrupted: threading.Event,
) -> list[Pruned]:
    """Delete them one by one, each after another look at its whole host, whose lock is held.

    The first look may be old: libvirt knows of a file that somebody made since only after a refresh.
    """
    results: list[Pruned] = []
    for name in sorted({base.host for base in chosen}):
        mine = [base for base in chosen if base.host == name]
        results += [Pruned(base, _tried(base, hosts[name], look, interrupted)) for base in mine]
    return results


def _tried(base: PlacedBase, host: Host, look: Callable[[str], Bases], interrupted: threading.Event) -> str:
    """Why the base could not be deleted; "" where it is gone."""
    if interrupted.is_set():
        return "interrupted"
    try:
        return _delete(base, host, look)
    except LibvirtFailure as error:
        return error.message


def _delete(base: PlacedBase, host: Host, look: Callable[[str], Bases]) -> str:
    for pool in host.pools.list():
        if pool.running:
            host.volumes.refresh(pool.name)
    now = look(base.host)
    problem = _changed(base, now)
    if problem is not None:
        return problem
    host.volumes.delete(base.pool, base.volume)
    host.volumes.refresh(base.pool)
    left = [volume.name for volume in host.volumes.list([base.pool], lambda _, name: name == base.volume)]
    return "libvirt says that it is deleted, and it is still there" if left else ""


def _changed(base: PlacedBase, now: Bases) -> str | None:
    """Why it must not be deleted any more, "" where it is gone already, None where it may go."""
    if unread := next((item for item in now.unread if item.pool in ("", base.pool)), None):
        return unread.why
    found = next((item for item in now.found if item.place == base.place), None)
    if found is None:
        return ""
    return found.kept or None


def _judged(
    view: HostView, manifest: Manifest, declared: Collection[Address], everything: bool
) -> Iterator[PlacedBase]:
    homes = {item.name: pool_of(item.name, manifest) for item in manifest.of("image")}
    current = {image: base_of(image, manifest, view) for image in homes}
    blind = next(blind_spots(view), "")
    for key, volume in sorted(view.volumes.items()):
        image = image_at(volume.name)
        if image is None or homes.get(image) != volume.pool:
            continue
        state = _state(key, current[image], view)
        base = PlacedBase(view.host, volume.pool, volume.name, image, volume.allocation, state)
        kept = "the manifest declares a volume of this name" if _is_wanted(view, key, declared) else ""
        kept = kept or _some(_needed_by(volume, view)) or blind
        yield replace(base, kept=kept or ("" if everything else _worth_keeping(base)))


def _state(key: str, current: Base | None, view: HostView) -> str:
    if key in view.unfinished:
        return "unfinished"
    if current is None or not current.known:
        return "unknown"
    return "current" if current.key == key else "old"


def _some(reasons: Iterable[str]) -> str:
    """The first few of them, and how many more there are."""
    told = list(dict.fromkeys(reasons))
    more = f", and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return ", ".join(told[:_TOLD]) + more


def _worth_keeping(base: PlacedBase) -> str:
    if base.state == "current":
        return f"the next disk from image {base.image} is made from it"
    if base.state == "unknown":
        return f"nobody has looked at image {base.image} here, so this may be the one in use"
    return ""


def _is_wanted(view: HostView, key: str, declared: Collection[Address]) -> bool:
    return Address(view.host, "volume", key) in declared


def _needed_by(volume: ObservedVolume, view: HostView) -> Iterator[str]:
    """Who rests on it or names it. A base is known by its name alone, which holds a digest: so
    neither links nor relative paths hide it, and one of the same name elsewhere only keeps it longer."""
    for key, other in view.volumes.items():
        if names(other.backing, volume.name):
            having = use.having(view, key)
            yield f"volume/{key} rests on it{f' ({having})' if having else ''}"
    for domain in view.domains.values():
        if names(domain.xml, volume.name) or names(domain.active_xml, volume.name):
            yield f"vm/{domain.name} names it"
        elif any(names(snapshot, volume.name) for snapshot in domain.snapshots):
            yield f"a snapshot of vm/{domain.name} names it"
    if _type_of(volume.pool, view) != _LOCAL:
        yield f"pool {volume.pool} is no folder of this host alone, and other hosts may use it"


def _type_of(pool: str, view: HostView) -> str:
    found = view.pools.get(pool)
    return found.xml.partition("type='")[2].partition("'")[0] if found else ""


def _stopped(view: HostView, manifest: Manifest) -> Iterator[Unread]:
    pools = {pool_of(item.name, manifest) for item in manifest.of("image")}
    for pool in sorted(name for name in pools if name):
        if pool in view.pools and pool not in view.pools_read:
            yield Unread(view.host, pool, f"pool {pool} is not running, and nothing of it is deleted")
