"""One look at every host: a listing a kind, hosts side by side. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.libvirt.domains import LOCK_NAME
from kvmspec.adapters.libvirt.volumes import COPYING, RAW
from kvmspec.core.errors import HostUnreachable, LibvirtFailure
from kvmspec.core.observed import HostFacts, HostView, Observed, ObservedVolume
from kvmspec.kinds import records
from kvmspec.kinds.bases import image_at
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.secret import naming
from kvmspec.kinds.seeds import is_seed
from kvmspec.manifest.section import HostEntry, Manifest

Connect = Callable[[HostEntry], Host]


def observe(
    hosts: Iterable[HostEntry], manifest: Manifest, connect: Connect, *, every_pool: bool = False
) -> dict[str, HostView]:
    """A view of each host. One that cannot be read is unknown, never empty, and stops no other.
    The volumes are those of the pools the manifest speaks of, or of every running pool."""
    hosts = list(hosts)
    if len(hosts) == 1:
        return {hosts[0].name: observe_host(hosts[0], manifest, connect, every_pool=every_pool)}
    with ThreadPoolExecutor(max(1, min(len(hosts), 16))) as pool:
        views = pool.map(lambda host: observe_host(host, manifest, connect, every_pool=every_pool), hosts)
        return {view.host: view for view in views}


def observe_host(
    entry: HostEntry, manifest: Manifest, connect: Connect, *, every_pool: bool = False
) -> HostView:
    """A view of one host."""
    try:
        return _view(connect(entry), entry, manifest, every_pool)
    except (HostUnreachable, LibvirtFailure) as error:
        return HostView(entry.name, entry.uri, unknown=error.message, hint=error.hint)


def _view(host: Host, entry: HostEntry, manifest: Manifest, every_pool: bool) -> HostView:
    domains = {found.name: found for found in host.domains.list(lambda name, uuid: name != LOCK_NAME)}
    pools = {found.name: found for found in host.pools.list()}
    wanted = _pools(manifest) | _left_pools(domains, pools, manifest)
    running = [name for name in sorted(pools if every_pool else wanted & set(pools)) if pools[name].running]
    volumes = host.volumes.list(running) if running else []
    creating = any(item.name not in domains for item in manifest.of("vm") if entry.name in item.hosts)
    return HostView(
        entry.name,
        entry.uri,
        facts=host.facts() if creating else HostFacts(driver=host.driver),
        networks={found.name: found for found in host.networks.list()},
        pools=pools,
        volumes={f"{found.pool}/{found.name}": found for found in volumes},
        domains=domains,
        pools_read=frozenset(running),
        unfinished=frozenset(_unfinished((v for v in volumes if v.pool in wanted), host, manifest)),
        secrets=naming.look(host, manifest, entry.name),
        nwfilters={
            found.name: found for found in host.nwfilters.list([i.name for i in manifest.of("nwfilter")])
        },
    )


def _unfinished(volumes: Iterable[ObservedVolume], host: Host, manifest: Manifest) -> Iterator[str]:
    """Volumes that kvmspec uploads, as long as their first bytes, which come last, are missing (one that
    libvirt takes for anything but raw has them), and copies that are marked as not done."""
    volumes = list(volumes)
    keys = {f"{volume.pool}/{volume.name}" for volume in volumes}
    yield from (key for key in keys if f"{key}{COPYING}" in keys)
    images = {item.name for item in manifest.of("image")}
    for volume in volumes:
        ours = is_seed(volume.name) or image_at(volume.name) in images
        if ours and volume.format == RAW and host.volumes.is_unfinished(volume.pool, volume.name):
            yield f"{volume.pool}/{volume.name}"


def _pools(manifest: Manifest) -> set[str]:
    """The pools whose volumes the manifest speaks of."""
    found = {item.name for item in manifest.of("pool")} | {pool for pool, _ in manifest.removed}
    for item in manifest.items:
        found |= {name for kind, name in item.spec.references() if kind == "pool"}
    return found


def _left_pools(
    domains: Mapping[str, Observed], pools: Mapping[str, Observed], manifest: Manifest
) -> set[str]:
    """Pools that the manifest does not name any more: those of the project, and those with volumes
    of its VMs that are to go."""
    found = {
        name for name, pool in pools.items() if pool.uuid == derived_uuid(manifest.project, "pool", name)
    }
    declared = {item.name for item in manifest.of("vm")}
    for name, observed in domains.items():
        if name not in declared and records.NAMESPACE in observed.xml:
            record = records.read(observed.xml, observed.uuid)
            found |= {volume.partition("/")[0] for volume in record.volumes} if record else set()
    return found
