"""Disks declared inside a VM, as volumes of their own."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.kinds.domain.sources import Places, own_volume
from kvmspec.kinds.domain.spec import BackingSpec, DiskSpec, VmSpec
from kvmspec.kinds.volume.spec import VolumeSpec
from kvmspec.manifest.section import Manifest


def inline_volumes(vm: Desired, manifest: Manifest) -> Iterator[Desired]:
    """The volumes that the disks of a VM want."""
    spec: VmSpec = vm.spec
    places = Places(manifest)
    for position, disk in enumerate(spec.disks):
        pool = places.pool_of(spec, disk) if disk.own else None
        if pool is None:
            continue
        host = vm.address.host
        yield Desired(
            Address(host, "volume", f"{pool}/{own_volume(vm.address.name, disk)}"),
            _spec(pool, disk),
            (*vm.path, "disks", position),
            (Address(host, "pool", pool), *_backing_needs(host, disk.backing, places)),
            owner=vm.address,
            extra=disk.name,
        )


def _spec(pool: str, disk: DiskSpec) -> VolumeSpec:
    backing = disk.backing.model_dump(exclude_none=True) if disk.backing else None
    return VolumeSpec.model_construct(
        **{**_DEFAULTS, "pool": pool, "size": disk.size, "format": disk.format or "qcow2"},
        backing=_backing(backing),
    )


def _backing(data: dict[str, object] | None) -> object:
    if data is None:
        return None
    annotation = VolumeSpec.model_fields["backing"].annotation
    model = next(part for part in getattr(annotation, "__args__", (annotation,)) if part is not type(None))
    return model(**data)


def _backing_needs(host: str, backing: BackingSpec | None, places: Places) -> Iterator[Address]:
    if backing is not None and backing.volume is not None:
        pool = places.volume_pool(backing.volume, backing.pool)
        if pool is not None:
            yield Address(host, "volume", f"{pool}/{backing.volume}")


_DEFAULTS = {
    name: field.get_default(call_default_factory=True)
    for name, field in VolumeSpec.model_fields.items()
    if not field.is_required()
}
