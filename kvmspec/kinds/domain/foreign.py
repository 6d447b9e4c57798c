"""What is in or around a VM and not ours: named, and left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.tables.devices import AGENT

if TYPE_CHECKING:
    from kvmspec.kinds.domain.compare import Comparison

Path = tuple[str, ...]
Data = dict[str, Any]

_TOLD = {
    "disk": "disk",
    "interface": "network interface",
    "hostdev": "host device",
    "filesystem": "shared folder",
    "redirdev": "redirected USB device",
    "shmem": "shared memory",
    "memory": "memory device",
    "watchdog": "watchdog",
    "sound": "sound card",
    "tpm": "TPM",
    "rng": "random number generator",
    "channel": "channel",
    "input": "input device",
    "vsock": "vsock",
    "panic": "panic device",
    "iommu": "guest IOMMU",
    "smartcard": "smartcard reader",
    "parallel": "parallel port",
}
"""Devices a person adds; the others libvirt adds by itself."""

_NOBODYS = frozenset(
    {
        ("rng", "virtio:/dev/urandom"),  # of the preset
        ("channel", AGENT),  # of the preset
        ("input", "tablet/usb"),  # of a display
        ("input", "mouse/ps2"),  # of the machine, as those below
        ("input", "keyboard/ps2"),
        ("watchdog", "itco"),  # of every q35 from libvirt 9.1 on
    }
)
"""Devices that come with a VM: kvmspec or libvirt put them there."""


def unmanaged(comparison: Comparison) -> Iterator[str]:
    """A sentence for every device that neither the manifest nor kvmspec put there, and that stays."""
    if comparison.spec.strict:
        return
    for path in comparison.strangers():
        yield f"has {_called(path, comparison.persistent)}the manifest does not name; it stays"
    for path in comparison.visitors():
        device = _called(path, comparison.active)
        yield f"has {device}only while it runs, which the manifest does not name; it stays"


def strangers(data: Data, stated: Data, applied: Data) -> Iterator[Path]:
    """The devices in `data` that neither the manifest nor kvmspec put there."""
    devices = data.get("devices", {})
    for tag in [tag for tag in _TOLD if tag in devices]:
        group = devices[tag]
        known = {*(get(stated, ("devices", tag)) or ()), *(get(applied, ("devices", tag)) or ())}
        for key in group if isinstance(group, dict) else ():
            if key not in known and (tag, key) not in _NOBODYS:
                yield ("devices", tag, key)


def _called(path: Path, data: Data | None) -> str:
    name = _TOLD[path[1]]
    article = "an" if name[0] in "aeiou" else "a"
    return f"{article} {name} {_words(path[2], get(data, path))}"


def _words(key: str, device: Any) -> str:
    source = device.get("source", {}) if isinstance(device, dict) else {}
    where = next((v for v in source.values() if isinstance(v, str)), "") if isinstance(source, dict) else ""
    label = "" if key.startswith("#") else key
    inside = f"({where}) " if where else ""
    return f"{label} {inside}".lstrip() if label else inside
