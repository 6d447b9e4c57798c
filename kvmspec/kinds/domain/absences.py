"""Devices that the manifest says must not be there: what `false` and an empty list mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from kvmspec.canon.compare import get
from kvmspec.canon.identities import hostdev as identity
from kvmspec.canon.shape import Node
from kvmspec.kinds.domain.elements import small
from kvmspec.kinds.domain.elements.hostdev import OPTIONS, hostdev
from kvmspec.kinds.domain.elements.part import refused
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.tables.devices import AGENT

Path = tuple[str, ...]
Data = Mapping[str, Any]

_TABLET = "tablet/usb"


def _always(key: str, spec: VmSpec) -> bool:
    return True


def _no_agent(key: str, spec: VmSpec) -> bool:
    """The agent's channel is a field of its own."""
    return key != AGENT


def _not_console(key: str, spec: VmSpec) -> bool:
    """The first serial port is that of `console`, where this is not denied."""
    return key != "#0" or spec.console is False


def _no_serial(key: str, spec: VmSpec) -> bool:
    """A console that is a serial port is a field of its own."""
    return key != "serial"


def _not_machines(key: str, spec: VmSpec) -> bool:
    """PS/2 is part of the machine, and a display brings a tablet."""
    return not key.endswith("/ps2") and not (key == _TABLET and spec.graphics)


def _not_q35s(key: str, spec: VmSpec) -> bool:
    """From libvirt 9.1 on every q35 has an iTCO watchdog, and one that is taken away comes back."""
    return key != "itco"


_GONE: Mapping[str, tuple[str, Callable[[str, VmSpec], bool]]] = {
    "rng": ("rng", _always),
    "serials": ("serial", _not_console),
    "parallels": ("parallel", _always),
    "consoles": ("console", _no_serial),
    "channels": ("channel", _no_agent),
    "inputs": ("input", _not_machines),
    "hostdevs": ("hostdev", _always),
    "redirdevs": ("redirdev", _always),
    "vsock": ("vsock", _always),
    "watchdog": ("watchdog", _not_q35s),
    "sound": ("sound", _always),
    "panic": ("panic", _always),
    "shmem": ("shmem", _always),
    "iommu": ("iommu", _always),
    "smartcard": ("smartcard", _always),
    "hubs": ("hub", _always),
    "crypto": ("crypto", _always),
    "leases": ("lease", _always),
}
"""Fields of `devices:`, the elements they are about, and which of these can go. Without a balloon or a video
card a VM is by an element that says so."""


def devices(spec: VmSpec, places: Sequence[Data]) -> Iterator[Path]:
    """Canonical paths of devices in one of `places` that must not be there."""
    for name, (tag, goes) in _GONE.items() if spec.devices.model_fields_set else ():
        if _is_none(getattr(spec.devices, name)):
            yield from (("devices", tag, key) for key in _keys(places, tag) if goes(key, spec))
    if spec.tpm is False:
        yield from (("devices", "tpm", key) for key in _keys(places, "tpm"))
    if spec.filesystems == ():
        yield from (("devices", "filesystem", key) for key in _keys(places, "filesystem"))
    if spec.devices.redirfilter == ():
        yield ("devices", "redirfilter")
    for folder in spec.filesystems or ():
        yield from (("devices", "filesystem", folder.target, *path) for path in refused(folder, small.FOLDER))
        if folder.driver == "9p":
            yield from _without_virtiofs(("devices", "filesystem", folder.target, "driver", "@type"), places)
    for key, device in zip(identities(spec), spec.devices.hostdevs or (), strict=True):
        yield from (("devices", "hostdev", key, *path) for path in refused(device, OPTIONS))


def _without_virtiofs(path: Path, places: Sequence[Data]) -> Iterator[Path]:
    """A folder by 9p has no driver, as libvirt writes it."""
    if any(get(data, path) == "virtiofs" for data in places):
        yield path


def identities(spec: VmSpec) -> list[str]:
    """By what the devices of the host are known (canon/identities.py)."""
    return [identity(cast(Node, hostdev(device))) or "" for device in spec.devices.hostdevs or ()]


def _is_none(value: Any) -> bool:
    """`false`, `[]` or a count of 0."""
    return value is False or value == () or (type(value) is int and value == 0)


def _keys(places: Sequence[Data], tag: str) -> list[str]:
    """What there is of a kind of device, each once."""
    return list(dict.fromkeys(key for data in places for key in data.get("devices", {}).get(tag, {})))
