"""The seed of a VM: the ISO that cloud-init reads on a guest's first boot, a volume beside its disks.

Its name tells its content (`web-1-seed-3f2a91c04b7e.iso`), so that another content is another volume.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kvmspec.core.memo import once
from kvmspec.core.observed import HostView
from kvmspec.kinds import use

KEY = "cloud-init"
"""The key of the drive it is in, among the VM's disks."""

_NAME = re.compile(r"(.+)-seed-([0-9a-f]{12})\.iso")


class SeedVolume(NamedTuple):
    """What kinds/volume makes it from: the fields of a VolumeSpec, and its content.

    `data` is JSON text (see images/seed.py); secrets are in it as tokens.
    """

    pool: str
    data: str
    size: int | None = None
    format: str = "raw"
    backing: None = None
    prevent_destroy: bool = False
    image: str | None = None
    clone: str = "overlay"


def seed_name(vm: str, fingerprint: str) -> str:
    """The volume's name for this content."""
    return f"{vm}-seed-{fingerprint[:12]}.iso"


def is_seed(volume: str) -> bool:
    """Whether a volume (`name` or `pool/name`) is a seed, by its name."""
    return _NAME.fullmatch(volume.rpartition("/")[2]) is not None


def content_of(volume: str) -> str:
    """The digits of its content in a seed's name (`name` or `pool/name`); "" for any other volume."""
    match = _NAME.fullmatch(volume.rpartition("/")[2])
    return match[2] if match else ""


def strays(vm: str, volumes: Iterable[str], view: HostView) -> list[str]:
    """Seeds, `pool/name`, that were made for the VM and that nothing uses: an apply that failed leaves one
    behind. They are looked for where its `volumes`, `pool/name`, lie."""
    pools = {key.partition("/")[0] for key in volumes}
    found = [key for key in _by_vm(view).get(vm, ()) if key.partition("/")[0] in pools]
    return [key for key in found if not use.users(view, view.volumes[key].path, key)]


@once
def _by_vm(view: HostView) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, volume in view.volumes.items():
        if match := _NAME.fullmatch(volume.name):
            found.setdefault(match[1], []).append(key)
    return found
