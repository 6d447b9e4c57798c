"""What the VMs of a host use: the networks, pools and volumes that come along when they are imported."""

from __future__ import annotations

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.adapters.libvirt import Host
from kvmspec.core.observed import Observed, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.engine.gathered import Gathered
from kvmspec.kinds.network.importing import import_network
from kvmspec.kinds.pool.importing import import_pool
from kvmspec.manifest.types import format_size, parse_name

Data = dict[str, Any]
_FORMATS = ("qcow2", "raw")


class Stock(NamedTuple):
    """What a host has, by name; volumes by their path."""

    networks: Mapping[str, Observed]
    pools: Mapping[str, Observed]
    volumes: Mapping[str, ObservedVolume]


def stock_of(host: Host) -> Stock:
    """Raises LibvirtFailure."""
    pools = {one.name: one for one in host.pools.list() if one.persistent}
    volumes = host.volumes.list([name for name, one in pools.items() if one.running])
    return Stock(
        {one.name: one for one in host.networks.list() if one.persistent},
        pools,
        {volume.path: volume for volume in volumes},
    )


def networks_of(xml: str) -> list[str]:
    """The networks a domain has interfaces on."""
    found = ET.fromstring(xml).iterfind("devices/interface[@type='network']/source")
    return list(dict.fromkeys(str(source.get("network")) for source in found))


def pools_of(xml: str) -> list[str]:
    """The pools a domain names."""
    found = ET.fromstring(xml).iterfind("devices/disk[@type='volume']/source")
    return list(dict.fromkeys(str(source.get("pool")) for source in found))


def add_network(name: str, stock: Stock, gathered: Gathered, renderer: Renderer) -> Problem | None:
    """A network of the host."""
    return _add("networks", stock.networks[name], gathered, lambda xml: import_network(xml, renderer).entry)


def add_pool(name: str, stock: Stock, gathered: Gathered, renderer: Renderer) -> Problem | None:
    """A pool of the host."""
    running = stock.pools[name].running
    return _add(
        "pools", stock.pools[name], gathered, lambda xml: import_pool(xml, renderer, running=running).entry
    )


def _add(section: str, observed: Observed, gathered: Gathered, read: Any) -> Problem | None:
    if observed.name in gathered.sections[section]:
        return None
    try:
        entry: Data = read(observed.xml)
    except ValueError as error:
        return Problem(f"{observed.kind}/{observed.name}: {error}", hint="the others are imported")
    if not observed.running:
        entry["state"] = "any"
        gathered.remark(
            section, observed.name, "It was stopped, and is left so; `state: any` away starts it."
        )
    if not observed.autostart:
        entry["autostart"] = False
    gathered.add(section, observed.name, entry)
    return None


# --- volumes
def place_disks(gathered: Gathered, stock: Stock, renderer: Renderer) -> list[Problem]:
    """Disks of VMs that are volumes of running pools name them. A volume that has no more than a size is
    declared, too."""
    problems: list[Problem | None] = []
    for vm, entry in gathered.sections["vms"].items():
        for disk in entry.get("disks", ()):
            volume = stock.volumes.get(disk.get("path", ""))
            if volume is None or not _names(volume, stock):
                continue
            if volume.pool not in gathered.sections["pools"]:
                problems.append(add_pool(volume.pool, stock, gathered, renderer))
            if volume.pool in gathered.sections["pools"]:
                _named(vm, disk, volume, gathered)
    _without_the_only_pool(gathered)
    return [problem for problem in problems if problem is not None]


def _names(volume: ObservedVolume, stock: Stock) -> bool:
    """Whether a manifest can name it, and would find it at the same path."""
    folder = ET.fromstring(stock.pools[volume.pool].xml).findtext("target/path") or ""
    try:
        parse_name(volume.name)
        parse_name(volume.pool)
    except ValueError:
        return False
    return volume.path == f"{posixpath.normpath(folder)}/{volume.name}"


def _named(vm: str, disk: Data, volume: ObservedVolume, gathered: Gathered) -> None:
    stated = disk.get("format") or _by_suffix(volume.path)
    del disk["path"]
    disk.pop("format", None)
    disk["volume"] = volume.name
    if stated != volume.format:
        disk["format"] = stated
        gathered.remark("vms", vm, f"Volume {volume.name} is {volume.format}, and is used as {stated}.")
    volumes = gathered.sections["volumes"]
    known = volumes.get(volume.name)
    plain = volume.format in _FORMATS and not volume.backing and volume.capacity > 0
    if (known is None and not plain) or (known is not None and known["pool"] != volume.pool):
        disk["pool"] = volume.pool  # it is on the host, and not managed
        return
    if known is None:
        gathered.add("volumes", volume.name, _volume(volume))
        gathered.own[volume.name] = vm
    elif gathered.own.get(volume.name) != vm:
        gathered.own.pop(volume.name, None)


def _volume(volume: ObservedVolume) -> Data:
    form = {} if volume.format == "qcow2" else {"format": volume.format}
    return {"pool": volume.pool, "size": format_size(volume.capacity)} | form


def _by_suffix(path: str) -> str:
    return "qcow2" if path.endswith((".qcow2", ".qcow")) else "raw"


def _without_the_only_pool(gathered: Gathered) -> None:
    """A volume lies in the manifest's only pool anyway."""
    if len(gathered.sections["pools"]) == 1:
        for entry in gathered.sections["volumes"].values():
            entry.pop("pool", None)


def missing(xmls: Iterable[tuple[str, str]], stock: Stock, gathered: Gathered) -> None:
    """Tell of what VMs name and the host does not have."""
    for vm, xml in xmls:
        for kind, names, there in (
            ("network", networks_of(xml), stock.networks),
            ("pool", pools_of(xml), stock.pools),
        ):
            for name in names:
                if name not in there:
                    gathered.remark("vms", vm, f"There is no {kind} {name} on this host.")
