"""What a VM has of its host, from libvirt's XML: CPUs, tuning. Of memory: memory.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.cpus_spec import SCHEDULING
from kvmspec.kinds.domain.importing import tuning
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, switch, word

MACHINE = (
    Leaf("title/#", "title"),
    Leaf("description/#", "description"),
    Leaf("os/type/@machine", "machine"),
    Leaf("os/type/@arch", "arch"),
    Leaf("devices/emulator/#", "emulator"),
    Leaf("@type", "accel", word(kvm="kvm", qemu="tcg")),
    Leaf("blkiotune/weight/#", "blkio.weight", number),
    Leaf("blkiotune/device", "blkio.devices", tuning.blkio),
    Leaf("defaultiothread/@thread_pool_min", "default_iothread.thread_pool_min", number),
    Leaf("defaultiothread/@thread_pool_max", "default_iothread.thread_pool_max", number),
)
CPUS = (
    Leaf("vcpu/@current", "count", number),
    Leaf("vcpu/#", "max", number),
    Leaf("cpu/@mode", "mode"),
    Leaf("cpu/model/#", "model"),
    Leaf("cpu/@match", "match"),
    Leaf("cpu/@check", "check"),
    Leaf("cpu/@migratable", "migratable", switch),
    Leaf("cpu/model/@fallback", "fallback"),
    Leaf("cpu/vendor/#", "vendor"),
    Leaf("cpu/model/@vendor_id", "vendor_id"),
    Leaf("cpu/cache/@mode", "cache.mode"),
    Leaf("cpu/cache/@level", "cache.level", number),
    Leaf("cpu/maxphysaddr/@mode", "address_bits.mode"),
    Leaf("cpu/maxphysaddr/@bits", "address_bits.bits", number),
    *(
        Leaf(f"cpu/topology/@{name}", f"topology.{name}", number)
        for name in ("sockets", "dies", "cores", "threads")
    ),
    Leaf("vcpus/vcpu", "vcpus", tuning.vcpus),
    Leaf("vcpu/@placement", "placement"),
    Leaf("vcpu/@cpuset", "cpuset"),
    Leaf("cputune/emulatorpin/@cpuset", "emulator_pin"),
    *(Leaf(f"cputune/{name}/#", name, number) for name in SCHEDULING),
    Leaf("cputune/vcpusched", "schedulers", tuning.schedulers),
    Leaf("cputune/emulatorsched", "emulator_scheduler", tuning.scheduler),
    Leaf("cputune/cachetune", "cachetune", tuning.cachetune),
    Leaf("cputune/memorytune", "memorytune", tuning.memorytune),
)
_BOOT = {"hd": "disk", "cdrom": "cdrom", "network": "network", "fd": "floppy"}


def cpus(data: Mapping[str, Any]) -> Data:
    found = said(data, CPUS)
    if found.get("max") == found.get("count"):
        found.pop("max", None)
    if found.get("mode") == "custom":
        del found["mode"]
    elif "mode" in found:
        found.pop("model", None)
    if features := get(data, ("cpu", "feature")):
        found["features"] = {name: feature.get("@policy") for name, feature in features.items()}
    pins = get(data, ("cputune", "vcpupin")) or {}
    if pins:
        found["pin"] = {int(vcpu): pin["@cpuset"] for vcpu, pin in pins.items()}
    return found


def iothreads(data: Mapping[str, Any]) -> Data:
    """By their number; a list where libvirt numbers them, and how many where nothing is said of them."""
    threads = get(data, ("iothreadids", "iothread")) or {}
    found = {int(name): tuning.iothread(name, thread, data) for name, thread in threads.items()}
    if "iothreads" not in data:
        return {"iothreads": found} if found else {}
    return {"iothreads": [*found.values()] if any(found.values()) else len(found)}


def boot(data: Mapping[str, Any]) -> list[str] | None:
    """Kinds of devices in their order; None where one has no word, or libvirt would boot from disk anyway."""
    devices = [_BOOT.get(entry.get("@dev", "")) for entry in get(data, ("os", "boot")) or ()]
    return None if not devices or None in devices else [device for device in devices if device]
