"""What is wanted of a volume, be it standalone or declared inside a VM."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath
from typing import Any, NamedTuple

from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.memo import once
from kvmspec.core.observed import HostView
from kvmspec.kinds import bases, compare
from kvmspec.kinds.base import Context
from kvmspec.kinds.bases import Base
from kvmspec.kinds.secrets import needed
from kvmspec.manifest.section import Manifest

_STEP = 1024  # libvirt creates in KiB: a capacity between two of them is rounded up


class Backing(NamedTuple):
    """The file an overlay rests on; `volume` is its `pool/name` where it is one."""

    path: str
    format: str
    volume: str | None = None


class Wanted(NamedTuple):
    """capacity in bytes; None: the backing's, or the image's. `base` is the image it is made from, and
    `origin` that base, `pool/name`, where it is to be a full copy."""

    pool: str
    name: str
    path: str
    capacity: int | None
    format: str
    backing: Backing | None
    base: Base | None = None
    origin: str | None = None


def wanted(desired: Desired, context: Context, view: HostView | None = None) -> Wanted:
    """From a VolumeSpec, or from what a VM says of a disk of its own (the fields are the same).
    Without a view, as far as the manifest alone says."""
    spec = desired.spec
    pool, _, name = desired.address.name.partition("/")
    base = bases.base_of(spec.image, context.manifest, view) if spec.image else None
    full = spec.clone == "full"
    return Wanted(
        pool,
        name,
        f"{folder(pool, context.manifest, view)}/{name}",
        None if spec.size is None else -(-spec.size // _STEP) * _STEP,
        spec.format or "qcow2",
        _of_image(base, context.manifest, view)
        if base and not full
        else _backing(spec.backing, context.manifest, view),
        base,
        base.key if base and full else None,
    )


def _of_image(base: Base, manifest: Manifest, view: HostView | None) -> Backing:
    return Backing(f"{folder(base.pool, manifest, view)}/{base.volume}", base.format, base.key)


def folder(pool: str | None, manifest: Manifest, view: HostView | None) -> str:
    """The folder of a pool; offline, that of one that is not declared cannot be known."""
    declared = compare.specs(manifest).get(("pool", pool or ""))
    if declared is not None:
        return str(normpath(declared.target_of(pool) or f"/pool:{pool}"))
    observed = view.pools.get(pool or "") if view else None
    path = get(read(observed.xml), ("target", "path", "#")) if observed else None
    return normpath(path) if path else f"/pool:{pool}"


def pool_of(spec: Any, manifest: Manifest) -> str | None:
    """The pool a volume states, else the manifest's only one."""
    return spec.pool or _only_pool(manifest)


@once
def _only_pool(manifest: Manifest) -> str | None:
    pools = manifest.of("pool")
    return pools[0].name if len(pools) == 1 else None


def backing_volume(backing: Any, manifest: Manifest) -> tuple[str | None, str]:
    """(pool, name) of the volume an overlay rests on: in the pool that is stated, in its own, in
    the only one."""
    declared = compare.specs(manifest).get(("volume", backing.volume))
    if backing.pool is None and declared is not None:
        return pool_of(declared, manifest), backing.volume
    return pool_of(backing, manifest), backing.volume


def _backing(backing: Any, manifest: Manifest, view: HostView | None) -> Backing | None:
    if backing is None:
        return None
    if backing.path is not None:
        return Backing(backing.path, backing.format or _by_suffix(backing.path))
    pool, name = backing_volume(backing, manifest)
    key = f"{pool}/{name}"
    return Backing(
        f"{folder(pool, manifest, view)}/{name}",
        backing.format or _format(key, manifest, view) or _by_suffix(name),
        key,
    )


def _format(key: str, manifest: Manifest, view: HostView | None) -> str | None:
    """The format of a volume, as observed or declared. libvirt takes a backing file for raw unless
    it is told."""
    pool, _, name = key.partition("/")
    if view is not None and key in view.volumes:
        return view.volumes[key].format
    declared = compare.specs(manifest).get(("volume", name))
    return declared.format if declared is not None and pool_of(declared, manifest) == pool else None


def _by_suffix(path: str) -> str:
    return "qcow2" if path.endswith((".qcow2", ".qcow")) else "raw"


def image_needs(image: str, host: str, manifest: Manifest) -> Iterator[Address]:
    """The image, and the pool it lies in."""
    pool = bases.pool_of(image, manifest)
    if pool is not None:
        yield Address(host, "pool", pool)
    yield Address(host, "image", image)


def needs(spec: Any, host: str, pool: str, manifest: Manifest) -> Iterator[Address]:
    """The pool, and the volume or image it is made from."""
    yield Address(host, "pool", pool)
    if (encryption := getattr(spec, "encryption", None)) is not None:
        yield from needed([("secret", encryption.secret)], manifest, host)
    if spec.image is not None:
        yield from image_needs(spec.image, host, manifest)
    if spec.backing is not None and spec.backing.volume is not None:
        other, name = backing_volume(spec.backing, manifest)
        if other != pool:
            yield Address(host, "pool", str(other))
        yield Address(host, "volume", f"{other}/{name}")
