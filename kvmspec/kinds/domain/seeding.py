"""A VM's cloud-init block → its seed, a volume of its own, and the drive the guest finds it in.

The seed that a guest was made with stays, whatever the manifest says later: cloud-init reads it on the
first boot only. `on_change: new-instance` gives it another, which it takes for its first boot again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds import seeds
from kvmspec.kinds.addresses import static_address
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.inline import record_before
from kvmspec.kinds.domain.sources import Places
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.ownership import derived_uuid, mac_for
from kvmspec.kinds.records import Record
from kvmspec.kinds.reservations import net_of
from kvmspec.kinds.seeds import SeedVolume
from kvmspec.manifest.section import Item, Manifest

if TYPE_CHECKING:
    from kvmspec.kinds.domain.seed import SeedNic


class Seeding(NamedTuple):
    """The VM with the drive, the volume in it, and what there is to say."""

    spec: VmSpec
    volume: Desired
    notes: tuple[str, ...] = ()


def seeding(
    item: Item, spec: VmSpec, host: str, manifest: Manifest, view: HostView | None, places: Places
) -> Seeding | None:
    """None for a VM without `cloud_init`, for one that has no seed and shall ignore that, and where no pool
    can hold the seed (check() says so)."""
    pool = pool_for(spec, places)
    if spec.cloud_init is None or pool is None:
        return None
    record = record_before(manifest, item.name, view)
    uuid = spec.uuid or (record.uuid if record else derived_uuid(manifest.project, "vm", item.name))
    from kvmspec.kinds.domain.seed import fingerprint, seed_files

    files = seed_files(
        spec.cloud_init,
        name=item.name,
        uuid=uuid,
        project=manifest.project,
        nics=tuple(_nics(item.name, spec, manifest, record)),
        secrets=manifest.secrets,
    )
    content = fingerprint(files, manifest.secrets, manifest.project)
    wanted = f"{pool}/{seeds.seed_name(item.name, content)}"
    has = _has(record, view)
    ignored = record is not None and "cloud_init" in spec.lifecycle.ignore_changes
    if ignored and has is None:
        return None  # it has no seed's drive, and gets none
    same = has is not None and seeds.content_of(has) == seeds.content_of(wanted)  # also under an old name
    asked = spec.cloud_init.on_change == "new-instance" or item.name in manifest.rebuilt
    new = asked and not same and not ignored
    key = has if has is not None and not new else wanted
    where = Address(host, "volume", key)
    volume = Desired(
        where,
        SeedVolume(pool, json.dumps(files, sort_keys=True)),
        (*item.path, "cloud_init"),
        (Address(host, "pool", key.partition("/")[0]),),
        owner=Address(host, "vm", item.name),
    )
    notes = (_STALE,) if has is not None and not same and not new else ()
    return Seeding(with_drive(spec, key), volume, notes)


_STALE = (
    "cloud_init is not what the guest was made with; it is read on the first boot only "
    "(`on_change: new-instance` makes the next boot one)"
)


def with_drive(spec: VmSpec, key: str) -> VmSpec:
    """The VM with the drive of its seed, `pool/name`, behind its other disks."""
    pool, _, volume = key.partition("/")
    drive = DiskSpec.model_construct(
        {"name", "cdrom", "volume", "pool", "format"},
        name=seeds.KEY,
        cdrom=seeds.KEY,
        volume=volume,
        pool=pool,
        format="raw",
    )
    return spec.model_copy(update={"disks": (*spec.disks, drive)})


def seed_of(spec: VmSpec) -> str | None:
    """`pool/name` of the seed in a VM's drive."""
    drive = next((disk for disk in spec.disks if disk.name == seeds.KEY and disk.cdrom == seeds.KEY), None)
    return f"{drive.pool}/{drive.volume}" if drive is not None else None


def pool_for(spec: VmSpec, places: Places) -> str | None:
    """Where the seed lies: the VM's pool, that of its first own disk, the manifest's only one."""
    own = (places.pool_of(spec, disk) for disk in spec.disks if disk.own)
    return spec.pool or next(filter(None, own), None) or places.only_pool()


def _nics(name: str, spec: VmSpec, manifest: Manifest, record: Record | None) -> Iterator[SeedNic]:
    """Its interfaces, each with the MAC that it has or will have, and the address that DHCP cannot give."""
    from kvmspec.kinds.domain.seed import SeedNic

    known = record.keys.networks if record else {}
    for key, nic in zip(nic_keys(spec.networks), spec.networks, strict=True):
        mac = nic.mac or known.get(key) or mac_for(manifest.project, name, key)
        fixed = static_address(nic, net_of(nic, manifest)) if nic.ip else None
        yield SeedNic(key, mac, *fixed) if fixed else SeedNic(key, mac)


def _has(record: Record | None, view: HostView | None) -> str | None:
    """The seed the VM was made with, unless it is seen to be gone."""
    key = record.own.get(seeds.KEY) if record else None
    if key is None or view is None:
        return None
    gone = key not in view.volumes and key.partition("/")[0] in view.pools_read
    return None if gone else key
