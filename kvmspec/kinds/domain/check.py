"""What only a look over all VMs shows: addresses twice, references to nothing, cycles."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import cast

from kvmspec.adapters.libvirt.domains import LOCK_NAME
from kvmspec.kinds import seeds
from kvmspec.kinds.bases import undeclared
from kvmspec.kinds.domain.addresses import addresses
from kvmspec.kinds.domain.keys import disk_keys
from kvmspec.kinds.domain.seeding import pool_for
from kvmspec.kinds.domain.sources import Places, own_volumes
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.ownership import mac_for
from kvmspec.manifest.graph import find_cycle
from kvmspec.manifest.section import Finding, Item, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Findings over all VMs of the manifest."""
    vms = manifest.of("vm")
    for item in vms:
        if item.name == LOCK_NAME:
            yield Finding(item.path, f"`{LOCK_NAME}` is kvmspec's own lock on a host", "choose another name")
        yield from _ignored(item)
        if (install := _spec(item).install) is not None and install.is_image:
            yield from undeclared((*item.path, "install", "iso"), install.iso, "iso", manifest)
        if (cloud_init := _spec(item).cloud_init) is not None:
            from kvmspec.kinds.domain.cloud_check import check_cloud_init

            yield from check_cloud_init(cloud_init, (*item.path, "cloud_init"))
        yield from _seed(item, manifest)
        yield from _dimms(item)
    yield from _macs(manifest)
    yield from addresses(manifest)
    yield from _disks(vms, manifest)
    yield from _volumes(vms, manifest)
    yield from _ports(vms)
    yield from _hostdevs(vms)
    yield from _dependencies(vms)


def _spec(item: Item) -> VmSpec:
    return cast(VmSpec, item.spec)


def _ignored(item: Item) -> Iterator[Finding]:
    """`ignore_changes` that name no field ignore nothing, in silence."""
    fields = VmSpec.model_fields
    for position, name in enumerate(_spec(item).lifecycle.ignore_changes):
        if name.partition(".")[0] not in fields:
            close = difflib.get_close_matches(name, [*fields, "memory.size", "cpus.count"], 1)
            path = (*item.path, "lifecycle", "ignore_changes", position)
            hint = f"did you mean {close[0]}?" if close else "write a path below the VM, such as memory.size"
            yield Finding(path, f"there is no field {name}", hint)


def _dimms(item: Item) -> Iterator[Finding]:
    """Linux takes memory in blocks, of 128MiB on x86 and below 64GiB; QEMU takes other sizes, too (9.0)."""
    memory = _spec(item).memory
    for position, dimm in enumerate(memory.dimms if memory else ()):
        if dimm.size % _BLOCK:
            yield Finding(
                (*item.path, "memory", "dimms", position),
                "the size of a DIMM is no multiple of 128MiB: a guest with Linux does not take it",
                "state another size, unless the guest is known to take it",
                warning=True,
            )


_BLOCK = 2**27


def _seed(item: Item, manifest: Manifest) -> Iterator[Finding]:
    """A place for the seed, and a name for its drive."""
    spec = _spec(item)
    if spec.cloud_init is None:
        return
    if pool_for(spec, Places(manifest)) is None:
        message = f"no pool is named for the seed that cloud-init of vm/{item.name} reads"
        yield Finding(
            (*item.path, "cloud_init"),
            message,
            "state `pool:` on the VM or in `defaults.vms`, or declare one pool",
        )
    for position, disk in enumerate(spec.disks):
        if disk.name == seeds.KEY:
            message = f"`{seeds.KEY}` is the drive that cloud-init reads its seed from"
            yield Finding((*item.path, "disks", position, "name"), message, "give this disk another name")


def _macs(manifest: Manifest) -> Iterator[Finding]:
    """Two NICs of one address, stated or derived, confuse every switch between them."""
    seen: dict[str, Item] = {}
    for item in manifest.of("vm"):
        spec = _spec(item)
        for position, (key, nic) in enumerate(zip(nic_keys(spec.networks), spec.networks, strict=True)):
            mac = nic.mac or mac_for(manifest.project, item.name, key)
            first = seen.setdefault(mac, item)
            if first is item and not _twice(item, mac):
                continue
            yield Finding(
                (*item.path, "networks", position, *(("mac",) if nic.mac else ())),
                f"the MAC {mac} is used twice: by vm/{first.name} and vm/{item.name}",
                "leave `mac` out and each interface gets one of its own"
                if nic.mac
                else "state a `mac` of its own",
                warning="running" not in {_spec(first).state, spec.state},
            )


def _twice(item: Item, mac: str) -> bool:
    return sum(1 for nic in _spec(item).networks if nic.mac == mac) > 1


def _disks(vms: tuple[Item, ...], manifest: Manifest) -> Iterator[Finding]:
    places = Places(manifest)
    volumes = {item.name for item in manifest.of("volume")}
    for item in vms:
        spec = _spec(item)
        names = disk_keys(spec.disks)
        for position, disk in enumerate(spec.disks):
            path = (*item.path, "disks", position)
            if (
                disk.name is not None
                and names.count(disk.name) + sum(n == f"{disk.name}#2" for n in names) > 1
            ):
                yield Finding((*path, "name"), f"two disks of vm/{item.name} are called {disk.name}")
            for field, image, kind in (("image", disk.image, "disk"), ("cdrom", disk.cdrom_image, "iso")):
                if image is not None:
                    yield from undeclared((*path, field), image, kind, manifest)
            if _again(spec, position):
                yield Finding(
                    (*path, "path"),
                    f"vm/{item.name} has {disk.path} twice",
                    "take one out",
                    warning=spec.state != "running",
                )
            if disk.own and places.pool_of(spec, disk) is None:
                yield Finding(
                    path,
                    f"no pool is named for disk {disk.name} of vm/{item.name}",
                    "state `pool:` on the disk, on the VM or in `defaults.vms`, or declare exactly one pool",
                )
            if disk.volume and not disk.pool and disk.volume not in volumes:
                yield Finding(
                    (*path, "volume"), f"volume {disk.volume} is not declared", _near(disk.volume, volumes)
                )


def _ports(vms: tuple[Item, ...]) -> Iterator[Finding]:
    """One port of a host serves one display."""
    seen: dict[tuple[str, int], tuple[str, int, str]] = {}
    for item in vms:
        for position, graphics in enumerate(_spec(item).graphics or ()):
            for field in ("port", "tls_port"):
                port = getattr(graphics, field)
                if port is None or _spec(item).state != "running":
                    continue
                first = seen.setdefault((item.hosts[0], port), (item.name, position, field))
                if first != (item.name, position, field):
                    path = (*item.path, "graphics", position, field)
                    message = f"port {port} is used twice: by vm/{first[0]} and vm/{item.name}"
                    yield Finding(path, message, f"leave `{field}` out and libvirt takes a free one")


def _hostdevs(vms: tuple[Item, ...]) -> Iterator[Finding]:
    """One PCI device of a host serves one running guest."""
    seen: dict[tuple[str, str], str] = {}
    for item in vms:
        for position, device in enumerate(_spec(item).devices.hostdevs or ()):
            if device.pci is None or _spec(item).state != "running":
                continue
            first = seen.setdefault((item.hosts[0], device.pci), item.name)
            if first != item.name:
                message = f"PCI device {device.pci} is given twice: to vm/{first} and vm/{item.name}"
                yield Finding(
                    (*item.path, "devices", "hostdevs", position), message, "give each a device of its own"
                )


def _again(spec: VmSpec, position: int) -> bool:
    """Whether a disk above has the same file, and one of the two could write to it."""
    path = spec.disks[position].path
    both = [disk for disk in spec.disks[: position + 1] if path is not None and disk.path == path]
    return len(both) > 1 and not all(disk.readonly or disk.shareable for disk in both)


def _volumes(vms: tuple[Item, ...], manifest: Manifest) -> Iterator[Finding]:
    """Two disks of one volume are two guests that write to one file."""
    places = Places(manifest)
    seen: dict[tuple[str, str, str], str] = {}
    for item in manifest.of("volume"):
        pool = places.volume_pool(item.name, None)
        seen |= {(host, str(pool), item.name): f"volume/{item.name}" for host in item.hosts}
    for item in vms:
        for disk, pool, volume in own_volumes(item.name, _spec(item), places):
            first = seen.setdefault((item.hosts[0], pool, volume), f"vm/{item.name}")
            if first != f"vm/{item.name}":
                position = _spec(item).disks.index(disk)
                yield Finding(
                    (*item.path, "disks", position, "name"),
                    f"`{first}` and `vm/{item.name}` both have the volume {pool}/{volume}",
                    "a disk's volume is called after its VM and its name: give this disk another name",
                )


def _near(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), 1)
    if close:
        return f"did you mean {close[0]}?"
    return "declare it under `volumes:`, or say `{volume: …, pool: …}` for one that is on the host"


def _dependencies(vms: tuple[Item, ...]) -> Iterator[Finding]:
    names = {item.name: item for item in vms}
    counted: dict[str, list[str]] = {}
    for item in vms:
        counted.setdefault(str(item.path[-1]), []).append(item.name)
    graph: dict[str, list[str]] = {}
    for item in vms:
        for position, wanted in enumerate(_spec(item).depends_on):
            targets = counted.get(wanted) or ([wanted] if wanted in names else [])
            if not targets:
                close = difflib.get_close_matches(wanted, [*names, *counted], 1)
                hint = f"did you mean {close[0]}?" if close else "declare it under `vms:`"
                yield Finding((*item.path, "depends_on", position), f"vm {wanted} is not declared", hint)
            graph.setdefault(item.name, []).extend(targets)
    cycle = find_cycle(graph)
    if cycle:
        item = names[cycle[0]]
        yield Finding(
            (*item.path, "depends_on"), f"depends_on runs in a circle: {' → '.join(cycle)}", "take one out"
        )
