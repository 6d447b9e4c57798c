"""Virtual machines: libvirt's domains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import DomainAction
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.memo import once
from kvmspec.core.observed import HostFacts, HostView
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.domain import apply, brief, create, install_media, leftovers, plan, seeding
from kvmspec.kinds.domain.check import check
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.effects import effects
from kvmspec.kinds.domain.inline import inline_volumes, known_volumes
from kvmspec.kinds.domain.preset import CREATION
from kvmspec.kinds.domain.sources import Places
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.secrets import needed
from kvmspec.manifest.section import Item, Manifest, Section


class DomainKind:
    """See kinds.base.Kind."""

    name = "vm"
    section = Section(
        "vms",
        "vm",
        VmSpec,
        profiles=True,
        check=check,
        effects=effects,
        creation=CREATION,
        names=("web", "db"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        spec = item.spec
        assert isinstance(spec, VmSpec)
        spec = install_media.with_drive(spec, view.facts.arch if view else HostFacts().arch)
        places = Places(manifest, view, known_volumes(manifest, item.name, view))
        seeded = seeding.seeding(item, spec, host, manifest, view, places)
        if seeded is not None:
            spec = seeded.spec
        needs = tuple(dict.fromkeys(_needs(item.name, spec, manifest, host, places)))
        notes = seeded.notes if seeded else ()
        at_once = spec.lifecycle.max_unavailable
        address = Address(host, "vm", item.name)
        vm = Desired(address, spec, item.path, needs, extra=notes, at_once=at_once)
        return [vm, *inline_volumes(vm, places), *([seeded.volume] if seeded else ())]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return plan.difference(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        return leftovers.leftovers(view, context)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return list(difference.detail or ())

    def render(self, desired: Desired, context: Context) -> str:
        uuid = desired.spec.uuid or derived_uuid(context.manifest.project, "vm", desired.address.name)
        return create.creation_xml(desired, uuid, context, None)[0]

    def about(self, desired: Desired) -> str:
        bridges = dict.fromkeys(nic.bridge for nic in desired.spec.networks if nic.bridge)
        parts = [create.label(desired.spec), *(f"on bridge {bridge}" for bridge in bridges)]
        return ", ".join(filter(None, parts))

    def fingerprint(self, name: str, view: HostView) -> str:
        observed = view.domains.get(name)
        return brief.fingerprint(observed) if observed is not None else ""

    def apply(self, action: DomainAction, host: Host, report: Callable[[str], None]) -> None:
        apply.apply(action, host, report)


def _needs(name: str, spec: VmSpec, manifest: Manifest, host: str, places: Places) -> Iterator[Address]:
    for nic in spec.networks:
        if nic.network:
            yield Address(host, "network", nic.network)
        elif nic.bridge:
            yield from (
                Address(host, "network", net) for net in _makers(manifest).get((host, nic.bridge), ())
            )
        if nic.filter:
            yield Address(host, "nwfilter", nic.filter.name)
    if places.is_to_install(name, spec):
        yield from places.image_needs(spec.install.iso if spec.install else None, host)
    for disk in spec.disks:
        yield from places.image_needs(disk.cdrom_image, host)
        volume = _volume(name, spec, disk, places)
        if volume:
            yield Address(host, "pool", volume[0])
            yield Address(host, "volume", "/".join(volume))
    yield from needed(spec.references(), manifest, host)
    for wanted in spec.depends_on:
        for item in manifest.of("vm"):
            if wanted in (item.name, item.path[-1]):
                yield Address(item.hosts[0], "vm", item.name)


@once
def _makers(manifest: Manifest) -> Mapping[tuple[str, str], list[str]]:
    """The networks of the manifest that make a bridge, by host and bridge."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in manifest.of("network"):
        bridge, mode = getattr(item.spec, "bridge", None), getattr(item.spec, "mode", "")
        for host in item.hosts if mode != "bridge" else ():
            found.setdefault((host, bridge or ""), []).append(item.name)
    return found


def _volume(name: str, spec: VmSpec, disk: DiskSpec, places: Places) -> tuple[str, str] | None:
    """(pool, volume) of a disk that is a volume."""
    if disk.own:
        pool = places.pool_of(spec, disk)
        volume = places.own_volume(name, disk, pool)
    elif disk.volume:
        pool, volume = places.volume_pool(disk.volume, disk.pool), disk.volume
    else:
        return places.volume_at(disk.path) if disk.path else None
    return (pool, volume) if pool else None


KIND = DomainKind()

__all__ = ["KIND"]
