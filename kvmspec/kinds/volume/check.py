"""What one volume cannot know of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.kinds import compare
from kvmspec.kinds.bases import undeclared
from kvmspec.kinds.volume.spec import VolumeSpec
from kvmspec.kinds.volume.wanted import pool_of
from kvmspec.manifest.section import Finding, Item, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Volumes without a pool, without their backing, that rest on themselves, or that are to be
    removed and kept at once."""
    items = {item.name: item for item in manifest.of("volume")}
    removed = set(manifest.removed)
    for item in items.values():
        assert isinstance(item.spec, VolumeSpec)
        pool = pool_of(item.spec, manifest)
        if pool is None:
            yield Finding(item.path, "which pool does it lie in? There is not just one", "state `pool:`")
        elif (pool, item.name) in removed:
            message = f"volume {item.name} is declared here and listed in `removed:` too"
            yield Finding(item.path, message, "take it out of one of the two")
        yield from _of_the_pools_type(item, compare.specs(manifest).get(("pool", pool or "")))
        if item.spec.image is not None:
            yield from undeclared((*item.path, "image"), item.spec.image, "disk", manifest)
        yield from _backing(item, item.spec, items)


def _of_the_pools_type(item: Item, pool: Any) -> Iterator[Finding]:
    """Volumes of some pools are devices, of others nothing that the host sees."""
    assert isinstance(item.spec, VolumeSpec)
    if pool is None or pool.kind.files:
        return
    if pool.kind.target is None:
        yield Finding(
            item.path,
            f"kvmspec makes no volumes in a pool of type {pool.type}",
            "make it with `virsh vol-create-as`, and name it in the `source` of a disk",
        )
    elif item.spec.format != "raw":
        message = f"the volumes of a pool of type {pool.type} are devices, and have no format of their own"
        yield Finding((*item.path, "format"), message, "state `format: raw`")


def _backing(item: Item, spec: VolumeSpec, items: Mapping[str, Item]) -> Iterator[Finding]:
    backing = spec.backing
    if backing is None or backing.volume is None:
        return
    if backing.pool is None and backing.volume not in items:
        yield Finding(
            (*item.path, "backing"),
            f"volume {backing.volume} is not declared",
            "declare it under `volumes:`, or say `{volume: …, pool: …}` for one that is on the host",
        )
    chain = _chain(item.name, items)
    if len(chain) > 1 and chain[-1] == item.name:
        yield Finding((*item.path, "backing"), f"it rests on itself: {' → '.join(chain)}", "break the circle")


def _chain(name: str, items: Mapping[str, Item]) -> list[str]:
    """The declared volumes below `name`, up to the first one for the second time."""
    chain, seen = [name], {name}
    while (item := items.get(chain[-1])) is not None:
        backing = item.spec.backing if isinstance(item.spec, VolumeSpec) else None
        if backing is None or backing.volume is None or backing.pool is not None:
            break
        chain.append(backing.volume)
        if backing.volume in seen:
            break
        seen.add(backing.volume)
    return chain
