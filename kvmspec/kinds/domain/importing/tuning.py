"""What a VM's threads, caches and disk I/O may have of the host, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.canon.units import to_bytes
from kvmspec.kinds.domain.cpu_set import format_set
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, size
from kvmspec.kinds.domain.words import RATES


def _bytes(value: Any) -> str:
    return size(number(value))


_SCHEDULER = (Leaf("@scheduler", "scheduler"), Leaf("@priority", "priority", number))
_POOL = tuple(Leaf(f"@{name}", name, number) for name in ("thread_pool_min", "thread_pool_max"))
_CACHE = (
    Leaf("@id", "id", number),
    Leaf("@level", "level", number, usual=3),
    Leaf("@type", "type", usual="both"),
)
_MONITOR = (Leaf("@level", "level", number, usual=3), Leaf("@vcpus", "vcpus"))
_NODE = (Leaf("@id", "id", number), Leaf("@bandwidth", "bandwidth", number))
_DEVICE = (
    Leaf("path/#", "path"),
    Leaf("weight/#", "weight", number),
    *(
        Leaf(f"{element}/#", name, _bytes if name in ("read", "write") else number)
        for name, element in RATES.items()
    ),
)


def scheduler(value: Any) -> Data:
    return said(value, _SCHEDULER)


def schedulers(value: Any) -> list[Data]:
    """vCPUs that are scheduled alike together."""
    groups: dict[tuple[tuple[str, Any], ...], set[int]] = {}
    for vcpu, one in value.items():
        groups.setdefault(tuple(scheduler(one).items()), set()).add(int(vcpu))
    return [{"vcpus": format_set(vcpus), **dict(how)} for how, vcpus in groups.items()]


def vcpus(value: Any) -> dict[int, Data]:
    """Those that are there."""
    return {int(name): _vcpu(int(name), one) for name, one in value.items() if one["@enabled"] == "yes"}


def _vcpu(vcpu: int, one: Mapping[str, Any]) -> Data:
    found = said(one, (Leaf("@order", "order", number),))
    plugs = one.get("@hotpluggable") == "yes"
    return found if plugs == (vcpu > 0) else {"hotpluggable": plugs, **found}


def cachetune(value: Any) -> list[Data]:
    found = []
    for vcpus, tune in value.items():
        caches = [said(cache, _CACHE) | {"size": _amount(cache)} for cache in tune.get("cache", ())]
        monitors = [said(monitor, _MONITOR) for monitor in tune.get("monitor", ())]
        lists = (("caches", caches), ("monitors", monitors))
        found.append({"vcpus": vcpus} | {name: listed for name, listed in lists if listed})
    return found


def _amount(cache: Mapping[str, Any]) -> str:
    return size(to_bytes(cache["@size"], cache.get("@unit", "B")))


def memorytune(value: Any) -> list[Data]:
    found = []
    for vcpus, tune in value.items():
        found.append({"vcpus": vcpus, "nodes": [said(node, _NODE) for node in tune["node"]]})
    return found


def blkio(value: Any) -> list[Data]:
    return [said(device, _DEVICE) for device in value.values()]


def iothread(name: str, thread: Mapping[str, Any], data: Mapping[str, Any]) -> Data:
    """All that is said of one, by its number."""
    found: Data = {}
    if pin := get(data, ("cputune", "iothreadpin", name, "@cpuset")):
        found["pin"] = pin
    if how := get(data, ("cputune", "iothreadsched", name)):
        found["scheduler"] = scheduler(how)
    return found | said(thread, _POOL)
