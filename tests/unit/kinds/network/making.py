"""Manifests, views and contexts for tests of networks, pools and volumes, without files or hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kvmspec.adapters.jinja import Renderer
from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import Action
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Permission
from kvmspec.core.observed import HostView, Observed, ObservedVolume
from kvmspec.kinds.base import Context, Kind
from kvmspec.kinds.network import KIND as NETWORK
from kvmspec.kinds.nwfilter import KIND as NWFILTER
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.pool import KIND as POOL
from kvmspec.kinds.records import Record
from kvmspec.kinds.secret import KIND as SECRET
from kvmspec.kinds.secret import naming
from kvmspec.kinds.volume import KIND as VOLUME
from kvmspec.manifest.model import Model
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.section import HostEntry, Item, Manifest
from kvmspec.resources import folder

KINDS: Mapping[str, Kind] = {
    "secret": SECRET,
    "pool": POOL,
    "volume": VOLUME,
    "nwfilter": NWFILTER,
    "network": NETWORK,
}
RENDERER = Renderer(folder("templates"))
HOST, PROJECT = "hv1", "shop"
FOREIGN = "11111111-2222-4333-8444-555555555555"


class Vm(Model):
    """As much of a VM as these kinds look at."""

    uuid: str | None = None


def manifest(
    *,
    networks: Mapping[str, Any] | None = None,
    pools: Mapping[str, Any] | None = None,
    volumes: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
    nwfilters: Mapping[str, Any] | None = None,
    store: SecretStore | None = None,
    vms: Iterable[str] = (),
    removed: Iterable[tuple[str, str]] = (),
    hosts: tuple[str, ...] = (HOST,),
) -> Manifest:
    """A manifest of the project `shop`, everything on `hosts`."""
    store = store or SecretStore()
    sections = (
        (SECRET, secrets),
        (NWFILTER, nwfilters),
        (NETWORK, networks),
        (POOL, pools),
        (VOLUME, volumes),
    )
    given = {"secrets": store}
    items = [
        Item(
            kind.name,
            name,
            kind.section.spec.model_validate(data, context=given),
            (kind.section.key, name),
            hosts,
            {},
        )
        for kind, entries in sections
        for name, data in (entries or {}).items()
    ]
    items += [Item("vm", name, Vm(), ("vms", name), hosts[:1], {}) for name in vms]
    known = {host: HostEntry(host, "test:///default") for host in hosts}
    return Manifest(
        PROJECT,
        None,
        known,
        tuple(items),
        (),
        frozenset(),
        tuple(removed),
        {},
        store,
        lambda path: None,
    )


def context(
    of: Manifest,
    *,
    needs: Mapping[str, Iterable[str]] | None = None,
    destroy: bool = False,
    granted: Iterable[Permission] = (),
) -> Context:
    """A context in which everything in the manifest is desired; `needs` of VMs as `kind/name`."""
    desired = {
        wanted.address: wanted
        for item in of.items
        if item.kind in KINDS
        for host in item.hosts
        for wanted in KINDS[item.kind].desire(of, item, host, None)
    }
    for name, wanted_by in (needs or {}).items():
        address = Address(HOST, "vm", name)
        addresses = tuple(Address(HOST, *text.split("/", 1)) for text in wanted_by)
        desired[address] = Desired(address, Vm(), ("vms", name), addresses)
    return Context(of, RENDERER, {}, desired, frozenset(granted), destroy)


def view(
    *objects: Observed | ObservedVolume, pools_read: Iterable[str] | None = None, host: str = HOST
) -> HostView:
    """One host with these objects; the volumes of its running pools were read."""

    def of(kind: str) -> dict[str, Observed]:
        return {each.name: each for each in objects if isinstance(each, Observed) and each.kind == kind}

    pools = of("pool")
    running = [name for name, pool in pools.items() if pool.running]
    return HostView(
        host,
        "test:///default",
        networks=of("network"),
        pools=pools,
        volumes={f"{v.pool}/{v.name}": v for v in objects if isinstance(v, ObservedVolume)},
        domains=of("vm"),
        pools_read=frozenset(running if pools_read is None else pools_read),
        secrets=of("secret"),
        nwfilters=of("nwfilter"),
    )


def domain(name: str, devices: str = "", *, ours: bool = True, running: bool = True) -> Observed:
    """A domain with these devices."""
    uuid = derived_uuid(PROJECT, "vm", name) if ours else FOREIGN
    record = Record(PROJECT, uuid).xml() if ours else ""
    xml = (
        f"<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><metadata>{record}</metadata>"
        f"<devices>{devices}</devices></domain>"
    )
    return Observed(
        "vm", name, uuid, xml, "running" if running else "stopped", active_xml=xml if running else None
    )


def look(host: Host, of: Manifest | None = None) -> HostView:
    """One look at a real host, as the engine takes it."""
    of = of or manifest()
    pools = {pool.name: pool for pool in host.pools.list()}
    running = [name for name, pool in pools.items() if pool.running]
    return HostView(
        HOST,
        host.uri,
        networks={each.name: each for each in host.networks.list()},
        pools=pools,
        volumes={f"{each.pool}/{each.name}": each for each in host.volumes.list(running)},
        domains={each.name: each for each in host.domains.list()},
        pools_read=frozenset(running),
        secrets=naming.look(host, of, HOST),
        nwfilters={each.name: each for each in host.nwfilters.list([i.name for i in of.of("nwfilter")])},
    )


def plan(
    of: Manifest, host: Host, kinds: Iterable[str] = KINDS, **options: Any
) -> list[tuple[Difference, Action]]:
    """What would be done, in order: each action with the difference it comes from."""
    seen, about = look(host, of), context(of, **options)
    found = []
    for name in kinds:
        kind = KINDS[name]
        wanted = (
            [] if about.destroy else [each for each in about.desired.values() if each.address.kind == name]
        )
        differences = [kind.diff(each, seen, about) for each in wanted] + kind.leftovers(seen, about)
        for difference in differences:
            assert not difference.refusals, difference.refusals
            found += [(difference, action) for action, _ in kind.steps(difference, seen, about)]
    return found


def apply(of: Manifest, host: Host, kinds: Iterable[str] = KINDS, **options: Any) -> list[str]:
    """Do it, kind by kind, and say what was done: names of the actions' types."""
    done = []
    for name in kinds:
        for _, action in plan(of, host, [name], **options):
            KINDS[action.address.kind].apply(action, host, lambda text: None)
            done.append(type(action).__name__)
    return done
