"""The seed of a VM: the ISO that cloud-init reads on a guest's first boot, a volume beside its disks.

Its name tells its content (`web-1-seed-3f2a91c04b7e.iso`), so that another content is another volume.
"""

from __future__ import annotations

import re
from typing import NamedTuple

KEY = "cloud-init"
"""The key of the drive it is in, among the VM's disks."""

_NAME = re.compile(r".+-seed-([0-9a-f]{12})\.iso")


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
