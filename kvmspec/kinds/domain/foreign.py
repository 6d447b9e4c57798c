"""What is in or around a VM and not ours: named, and left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kvmspec.kinds.domain.compare import Comparison
from kvmspec.kinds.domain.tables.devices import AGENT

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
    """A sentence for every device of the VM that neither the manifest nor kvmspec put there."""
    devices = comparison.persistent.get("devices", {})
    for tag, name in _TOLD.items():
        stated = comparison.stated.get("devices", {}).get(tag, {})
        applied = comparison.applied.get("devices", {}).get(tag, {})
        group = devices.get(tag, {})
        items = group.items() if isinstance(group, dict) else ()
        for key, device in items:
            if key not in stated and key not in applied and (tag, key) not in _NOBODYS:
                article = "an" if name[0] in "aeiou" else "a"
                yield f"has {article} {name} {_words(key, device)}the manifest does not name; it stays"


def _words(key: str, device: Any) -> str:
    source = device.get("source", {}) if isinstance(device, dict) else {}
    where = next((v for v in source.values() if isinstance(v, str)), "") if isinstance(source, dict) else ""
    label = "" if key.startswith("#") else key
    inside = f"({where}) " if where else ""
    return f"{label} {inside}".lstrip() if label else inside
