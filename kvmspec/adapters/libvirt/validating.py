"""libvirt's own check of the XML it is given, where the host's version has it.

Not of volumes: 9.0 knows VIR_STORAGE_VOL_CREATE_VALIDATE, and then refuses it as an unsupported flag.
"""

from __future__ import annotations

from typing import Any

import libvirt

_SINCE = {
    "VIR_NETWORK_DEFINE_VALIDATE": 7_008_000,
    "VIR_NWFILTER_DEFINE_VALIDATE": 7_007_000,
    "VIR_SECRET_DEFINE_VALIDATE": 7_007_000,
    "VIR_STORAGE_POOL_DEFINE_VALIDATE": 8_000_000,
}
"""From libvirt's headers; in thousands, as virConnectGetLibVersion counts."""


def flag(conn: Any, name: str) -> int:
    """The flag of that name; 0 for a host that is too old for it, and for libvirt's test driver. Raises
    libvirt.libvirtError."""
    if conn.getType().lower() == "test" or conn.getLibVersion() < _SINCE[name]:
        return 0
    return int(getattr(libvirt, name, 0))
