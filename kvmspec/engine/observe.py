"""One look at every host: a listing a kind, hosts side by side. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.libvirt.lock import LOCK_NAME
from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.errors import HostUnreachable, LibvirtFailure
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds.domain import metadata
from kvmspec.manifest.section import HostEntry

Connect = Callable[[HostEntry], Host]


def observe(
    hosts: Iterable[HostEntry], desired: Mapping[Address, Desired], connect: Connect
) -> dict[str, HostView]:
    """A view of each host. One that cannot be read is unknown, never empty, and stops no other."""
    hosts = list(hosts)
    with ThreadPoolExecutor(max(1, min(len(hosts), 16))) as pool:
        views = pool.map(lambda host: observe_host(host, desired, connect), hosts)
        return {view.host: view for view in views}


def observe_host(entry: HostEntry, desired: Mapping[Address, Desired], connect: Connect) -> HostView:
    """A view of one host."""
    try:
        return _view(connect(entry), entry, desired)
    except (HostUnreachable, LibvirtFailure) as error:
        return HostView(entry.name, entry.uri, unknown=error.message, hint=error.hint)


def _view(host: Host, entry: HostEntry, desired: Mapping[Address, Desired]) -> HostView:
    domains = {found.name: found for found in host.domains.list(lambda name, uuid: name != LOCK_NAME)}
    pools = {found.name: found for found in host.pools.list()}
    wanted = _pools(entry.name, desired) | _recorded_pools(domains, entry.name, desired)
    running = [name for name in sorted(wanted) if name in pools and pools[name].running]
    volumes = host.volumes.list(running) if running else []
    creating = any(a.kind == "vm" and a.host == entry.name and a.name not in domains for a in desired)
    return HostView(
        entry.name,
        entry.uri,
        facts=host.facts() if creating else HostView("", "").facts,
        networks={found.name: found for found in host.networks.list()},
        pools=pools,
        volumes={f"{found.pool}/{found.name}": found for found in volumes},
        domains=domains,
        pools_read=frozenset(running),
    )


def _pools(host: str, desired: Mapping[Address, Desired]) -> set[str]:
    found: set[str] = set()
    for address, item in desired.items():
        if address.host != host:
            continue
        if address.kind == "pool":
            found.add(address.name)
        found |= {need.name for need in item.needs if need.kind == "pool"}
        found |= {need.name.partition("/")[0] for need in (*item.needs, address) if need.kind == "volume"}
    return found


def _recorded_pools(
    domains: Mapping[str, Observed], host: str, desired: Mapping[Address, Desired]
) -> set[str]:
    """Pools of the volumes of VMs that the manifest does not name any more."""
    found: set[str] = set()
    for name, observed in domains.items():
        if metadata.NAMESPACE in observed.xml and Address(host, "vm", name) not in desired:
            record = metadata.read(observed.xml, observed.uuid)
            found |= {volume.partition("/")[0] for volume in record.volumes} if record else set()
    return found
