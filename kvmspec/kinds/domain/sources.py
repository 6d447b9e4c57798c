"""Where each disk's data lies on the host: pools and volumes, declared or only referred to."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kvmspec.core.address import Address
from kvmspec.core.memo import once
from kvmspec.core.observed import HostView
from kvmspec.kinds import records
from kvmspec.kinds.auth import told
from kvmspec.kinds.bases import base_of, image_at, pool_of
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.disk_origin import by_suffix
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.parts import BackingSpec
from kvmspec.manifest.section import Manifest

if TYPE_CHECKING:
    from kvmspec.kinds.domain.source_spec import SourceSpec

_FILE = re.compile(r"<source file='([^'&]*)'")  # as libvirt writes it


class Source(NamedTuple):
    """The data of one disk. `volume` is its address name `pool/volume`, where it is one.

    path is None for an empty drive; `block` tells a device from a file; `missing` says what
    could not be found on the host; `elsewhere` is the disk's `source`; `usages` are those of the manifest's
    secrets, by name.
    """

    path: str | None
    format: str = "raw"
    block: bool = False
    volume: str | None = None
    missing: str = ""
    elsewhere: SourceSpec | None = None
    usages: Mapping[str, str] = {}

    @property
    def type(self) -> str:
        """libvirt's type of a disk."""
        if self.elsewhere is not None:
            return self.elsewhere.type
        return "block" if self.block else "file"

    def told(self, secret: str) -> tuple[str, str]:
        """How libvirt is told a secret: by its usage, or by its UUID."""
        return told(secret, self.usages)

    @property
    def identity(self) -> str | None:
        """What the data is known by, as canon.identities.source makes it of libvirt's XML."""
        return self.path if self.elsewhere is None else self.elsewhere.identity_of_data


@once
def _declared(manifest: Manifest) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The specs of the manifest's pools and volumes by name."""
    pools = {item.name: item.spec for item in manifest.of("pool")}
    return pools, {item.name: item.spec for item in manifest.of("volume")}


@once
def _folders(view: HostView) -> Mapping[str, str | None]:
    """The folders of a host's pools by name."""
    return {name: ET.fromstring(pool.xml).findtext("target/path") for name, pool in view.pools.items()}


class Places:
    """Knows the pools and volumes of the manifest and, where it was observed, of one host.

    `own` are the volumes that a VM's own disks have already, by key: `pool/volume`.
    """

    def __init__(
        self, manifest: Manifest, view: HostView | None = None, own: Mapping[str, str] | None = None
    ) -> None:
        self._manifest = manifest
        self._pools, self._volumes = _declared(manifest)
        self._usages = secret_usages(manifest)
        self._view = view
        self._own = own or {}

    def only_pool(self) -> str | None:
        """The manifest's pool, where it declares just one."""
        return next(iter(self._pools)) if len(self._pools) == 1 else None

    def pool_of(self, vm: VmSpec, disk: DiskSpec) -> str | None:
        """The pool of a disk of the VM's own: its own, the VM's, the only one."""
        return disk.pool or vm.pool or self.only_pool()

    def volume_pool(self, volume: str, pool: str | None) -> str | None:
        """The pool of a volume: as given, as declared, the only one."""
        if pool is not None:
            return pool
        spec = self._volumes.get(volume)
        return (getattr(spec, "pool", None) or self.only_pool()) if spec is not None else None

    def folder(self, pool: str) -> str | None:
        """The folder of a pool on the host; None where it is neither declared nor observed."""
        if pool in self._pools:
            target: str | None = self._pools[pool].target_of(pool)
            return target
        return f"/pool:{pool}" if self._view is None else _folders(self._view).get(pool)

    def source(self, name: str, vm: VmSpec, disk: DiskSpec) -> Source:
        """Where the data of `disk` of the VM `name` lies."""
        found = self._source(name, vm, disk)
        return found._replace(usages=self._usages) if self._usages else found

    def _source(self, name: str, vm: VmSpec, disk: DiskSpec) -> Source:
        if disk.cdrom_image is not None:
            return self._in_drive(name, disk.cdrom_image)
        if disk.cdrom is not None and disk.volume is not None:  # its seed, which is made before it
            return self._in_pool(disk.pool, disk.volume, "raw")
        if (found := outside(disk)) is not None:
            pool = disk.source.pool if disk.source is not None else None
            return found if self._is_there(pool) else found._replace(missing=_NO_POOL.format(pool))
        if disk.volume is not None:
            return self._volume(disk.volume, disk.pool, disk.format)
        pool = self.pool_of(vm, disk)
        return self._in_pool(pool, self.own_volume(name, disk, pool), disk.format or "qcow2")

    def own_volume(self, vm: str, disk: DiskSpec, pool: str | None) -> str:
        """The libvirt name of the volume of a disk declared inside a VM: the one it has in that
        pool, else named after the VM."""
        place, _, known = self._own.get(str(disk.name), "").partition("/")
        return known if known and place == pool else f"{vm}-{disk.name}.{disk.format or 'qcow2'}"

    def _is_there(self, pool: str | None) -> bool:
        """Whether a pool, where one is named, is declared or on the host, as far as that was observed."""
        return pool is None or self._view is None or pool in self._pools or pool in self._view.pools

    def _in_drive(self, vm: str, image: str) -> Source:
        """The base of an image; of an older one, where the VM has that in a drive already."""
        base = base_of(image, self._manifest, self._view)
        if base is None:
            return Source(None, missing=f"image {image} is not declared, so it is not on")
        folder = self.folder(base.pool)
        observed = self._view.domains.get(vm) if self._view else None
        for path in _FILE.findall(observed.xml) if observed else ():
            if path.startswith(f"{folder}/{image}-") and image_at(path) == image:
                return Source(path, "raw")
        return self._in_pool(base.pool, base.volume, "raw")

    def iso(self, image: str) -> tuple[str | None, str]:
        """Where an image lies on the host, and its identity as far as that is known."""
        base = base_of(image, self._manifest, self._view)
        looked = self._view.images.get(image) if self._view else None
        path = self._in_pool(base.pool, base.volume, "raw").path if base else None
        return path, looked.identity if looked else ""

    def is_to_install(self, name: str, vm: VmSpec) -> bool:
        """Whether the VM is not installed yet, and is to be from an image."""
        if vm.install is None or not vm.install.is_image:
            return False
        record = records.records(self._view).get(name) if self._view else None
        return self._view is None or name not in self._view.domains or bool(record and record.install)

    def image_needs(self, image: str | None, host: str) -> tuple[Address, ...]:
        """The image, and the pool it lies in."""
        pool = pool_of(image, self._manifest) if image else None
        return (Address(host, "pool", pool), Address(host, "image", str(image))) if pool else ()

    def volume_at(self, path: str) -> tuple[str, str] | None:
        """(pool, volume) of a file, where it lies in a pool of the manifest."""
        folder, _, name = path.rpartition("/")
        for pool, spec in self._pools.items():
            if spec.target_of(pool) == folder:
                return pool, name
        return None

    def backing(self, backing: BackingSpec | None) -> Source | None:
        """The file an overlay rests on."""
        if backing is None:
            return None
        if backing.path is not None:
            return Source(backing.path, backing.format or by_suffix(backing.path))
        return self._volume(str(backing.volume), backing.pool, backing.format)

    def _volume(self, volume: str, pool: str | None, fmt: str | None) -> Source:
        place = self.volume_pool(volume, pool)
        declared = self._volumes.get(volume) if pool is None else None
        known = declared.format if declared is not None else self._observed_format(place, volume)
        return self._in_pool(place, volume, fmt or known or by_suffix(volume), external=declared is None)

    def _observed_format(self, pool: str | None, volume: str) -> str | None:
        if self._view is None:
            return None
        found = self._view.volumes.get(f"{pool}/{volume}")
        return found.format or None if found else None

    def _in_pool(self, pool: str | None, volume: str, fmt: str, external: bool = False) -> Source:
        if pool is None:
            return Source(None, fmt, missing=f"volume {volume} has no pool")
        folder = self.folder(pool)
        if folder is None:
            return Source(None, fmt, missing=_NO_POOL.format(pool))
        address = f"{pool}/{volume}"
        missing = ""
        if (
            external
            and self._view is not None
            and pool in self._view.pools_read
            and address not in self._view.volumes
        ):
            missing = f"volume {volume} is not in pool {pool} on"
        block = folder.startswith("/dev/")
        return Source(f"{folder}/{volume}", fmt, block=block, volume=address, missing=missing)


_NO_POOL = "pool {} is neither in the manifest nor on"


@once
def secret_usages(manifest: Manifest) -> Mapping[str, str]:
    """What the manifest's secrets are used for, by name."""
    return {
        item.name: str(getattr(item.spec, "usage_id", None) or item.name) for item in manifest.of("secret")
    }


def outside(disk: DiskSpec) -> Source | None:
    """The data of a disk that is no volume and no image of the manifest's; None of one that is."""
    if disk.source is not None:
        fmt, block = disk.format or disk.source.usual_format, disk.source.block is not None
        return Source(disk.source.file or disk.source.block, fmt, block, elsewhere=disk.source)
    medium = disk.cdrom or disk.floppy
    if medium is not None:
        path = None if medium == "empty" else medium
        return Source(path, disk.format or "raw", block=bool(path) and medium.startswith("/dev/"))
    if disk.path is not None:
        return Source(disk.path, disk.format or by_suffix(disk.path), block=disk.path.startswith("/dev/"))
    return None


def own_volumes(name: str, vm: VmSpec, places: Places) -> Iterator[tuple[DiskSpec, str, str]]:
    """(disk, pool, volume name) of every disk of the VM's own."""
    for disk in vm.disks:
        if disk.own and (pool := places.pool_of(vm, disk)) is not None:
            yield disk, pool, places.own_volume(name, disk, pool)
