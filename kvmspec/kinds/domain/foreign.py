"""What is in or around a VM and not ours: named, and left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kvmspec.canon.compare import get

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
    "watchdog": "watchdog",
    "sound": "sound card",
    "tpm": "TPM",
}
"""Devices a person adds; the others libvirt adds by itself."""


def unmanaged(comparison: Comparison) -> Iterator[str]:
    """A sentence for every device that neither the manifest nor kvmspec put there, and that stays."""
    if comparison.spec.strict:
        return
    for path in comparison.strangers():
        yield f"has a {_called(path, comparison.persistent)}the manifest does not name; it stays"
    for path in comparison.visitors():
        device = _called(path, comparison.active)
        yield f"has a {device}only while it runs, which the manifest does not name; it stays"


def strangers(data: Data, stated: Data, applied: Data) -> Iterator[Path]:
    """The devices in `data` that neither the manifest nor kvmspec put there."""
    for tag in _TOLD:
        group = get(data, ("devices", tag))
        known = {*(get(stated, ("devices", tag)) or ()), *(get(applied, ("devices", tag)) or ())}
        for key in group if isinstance(group, dict) else ():
            if key not in known:
                yield ("devices", tag, key)


def _called(path: Path, data: Data | None) -> str:
    return f"{_TOLD[path[1]]} {_words(path[2], get(data, path))}"


def _words(key: str, device: Any) -> str:
    source = device.get("source", {}) if isinstance(device, dict) else {}
    where = next((v for v in source.values() if isinstance(v, str)), "") if isinstance(source, dict) else ""
    label = "" if key.startswith("#") else key
    inside = f"({where}) " if where else ""
    return f"{label} {inside}".lstrip() if label else inside
