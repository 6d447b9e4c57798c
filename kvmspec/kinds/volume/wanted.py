"""What is wanted of a volume, be it standalone or declared inside a VM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds.base import Context
from kvmspec.manifest.section import Manifest

_STEP = 1024  # libvirt creates in KiB: a capacity between two of them is rounded up


@dataclass(frozen=True, slots=True)
class Backing:
    """The file an overlay rests on; `volume` is its `pool/name` where it is one."""

    path: str
    format: str
    volume: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """capacity in bytes; None: the backing's."""

    pool: str
    name: str
    path: str
    capacity: int | None
    format: str
    backing: Backing | None


def wanted(desired: Desired, context: Context, view: HostView | None = None) -> Wanted:
    """From a VolumeSpec, or from what a VM says of a disk of its own (the fields are the same)."""
    spec = desired.spec
    pool, _, name = desired.address.name.partition("/")
    return Wanted(
        pool,
        name,
        f"{folder(pool, context.manifest, view)}/{name}",
        None if spec.size is None else -(-spec.size // _STEP) * _STEP,
        spec.format or "qcow2",
        _backing(spec.backing, context.manifest, view),
    )


def folder(pool: str, manifest: Manifest, view: HostView | None) -> str:
    """The folder of a pool; offline, that of one that is not declared cannot be known."""
    for item in manifest.of("pool"):
        if item.name == pool:
            return normpath(getattr(item.spec, "path", ""))
    observed = view.pools.get(pool) if view else None
    path = get(read(observed.xml), ("target", "path", "#")) if observed else None
    return normpath(path) if path else f"/pool:{pool}"


def pool_of(spec: Any, manifest: Manifest) -> str | None:
    """The pool a volume states, else the manifest's only one."""
    if spec.pool is not None:
        return str(spec.pool)
    pools = manifest.of("pool")
    return pools[0].name if len(pools) == 1 else None


def _backing(spec: Any, manifest: Manifest, view: HostView | None) -> Backing | None:
    if spec is None:
        return None
    if spec.path is not None:
        return Backing(spec.path, spec.format or _by_suffix(spec.path))
    declared = next((item.spec for item in manifest.of("volume") if item.name == spec.volume), None)
    pool = spec.pool or (pool_of(declared, manifest) if declared is not None else None) or pool_of(spec, manifest)
    key = f"{pool}/{spec.volume}"
    observed = view.volumes.get(key) if view else None
    known = getattr(declared, "format", None) if spec.pool is None else None
    form = spec.format or known or (observed.format if observed else None) or _by_suffix(spec.volume)
    return Backing(f"{folder(pool or '', manifest, view)}/{spec.volume}", form, key)


def _by_suffix(path: str) -> str:
    return "qcow2" if path.endswith((".qcow2", ".qcow")) else "raw"


def needs(spec: Any, host: str, pool: str, manifest: Manifest) -> Iterator[Address]:
    """The pool, and the volume an overlay rests on."""
    yield Address(host, "pool", pool)
    backing = _backing(spec.backing, manifest, None)
    if backing is not None and backing.volume is not None:
        yield Address(host, "pool", backing.volume.partition("/")[0])
        yield Address(host, "volume", backing.volume)
