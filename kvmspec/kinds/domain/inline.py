"""Disks declared inside a VM, as volumes of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds import records
from kvmspec.kinds.domain.sources import Places
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.parts import BackingSpec
from kvmspec.kinds.records import Record
from kvmspec.manifest.section import Manifest


class InlineVolume(NamedTuple):
    """What a disk of a VM's own says of its volume: the fields of a VolumeSpec."""

    pool: str
    size: int | None
    format: str
    backing: BackingSpec | None
    prevent_destroy: bool = False
    image: str | None = None
    clone: str = "overlay"


def record_before(manifest: Manifest, vm: str, view: HostView | None) -> Record | None:
    """The record of the project's VM as it is now, be it under the name it is renamed from."""
    if view is None:
        return None
    found = records.records(view)
    names = (vm, *(old for old, new in manifest.moved if new == vm))
    record = next((found[name] for name in names if name in found), None)
    return record if record is not None and record.project == manifest.project else None


def known_volumes(manifest: Manifest, vm: str, view: HostView | None) -> Mapping[str, str]:
    """The volumes that a VM's own disks have already, by key: a rename leaves them their names."""
    record = record_before(manifest, vm, view)
    return record.own if record is not None else {}


def inline_volumes(vm: Desired, places: Places) -> Iterator[Desired]:
    """The volumes that the disks of a VM want."""
    spec: VmSpec = vm.spec
    host = vm.address.host
    for position, disk in enumerate(spec.disks):
        pool = places.pool_of(spec, disk) if disk.own else None
        if pool is not None:
            yield Desired(
                Address(host, "volume", f"{pool}/{places.own_volume(vm.address.name, disk, pool)}"),
                InlineVolume(
                    pool, disk.size, disk.format or "qcow2", disk.backing, False, disk.image, disk.clone
                ),
                (*vm.path, "disks", position),
                (
                    Address(host, "pool", pool),
                    *_backing_needs(host, disk.backing, places),
                    *places.image_needs(disk.image, host),
                ),
                owner=vm.address,
                extra=disk.name,
            )


def _backing_needs(host: str, backing: BackingSpec | None, places: Places) -> Iterator[Address]:
    if backing is not None and backing.volume is not None:
        pool = places.volume_pool(backing.volume, backing.pool)
        if pool is not None:
            yield Address(host, "volume", f"{pool}/{backing.volume}")
