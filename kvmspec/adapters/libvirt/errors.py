"""libvirt's errors as ours. Codes: https://libvirt.org/html/libvirt-virterror.html"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libvirt

from kvmspec.core.errors import Absent, LibvirtFailure

_ABSENT = frozenset(
    {
        libvirt.VIR_ERR_NO_DOMAIN,
        libvirt.VIR_ERR_NO_NETWORK,
        libvirt.VIR_ERR_NO_STORAGE_POOL,
        libvirt.VIR_ERR_NO_STORAGE_VOL,
        libvirt.VIR_ERR_NO_SECRET,
        libvirt.VIR_ERR_NO_NWFILTER,
    }
)

_HINTS = {
    libvirt.VIR_ERR_AUTH_UNAVAILABLE: "use a user that is in the group `libvirt`, or root",
    libvirt.VIR_ERR_NO_NETWORK: "is the network declared in the manifest, or defined on the host?",
    libvirt.VIR_ERR_NO_STORAGE_POOL: "is the pool declared in the manifest, or defined on the host?",
}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn a libvirtError raised inside into Absent or LibvirtFailure: `doing: libvirt's words`."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise failure(doing, error) from error


def failure(doing: str, error: libvirt.libvirtError) -> LibvirtFailure:
    """The LibvirtFailure (or Absent) for a libvirtError."""
    code = error.get_error_code() or 0
    kind = Absent if code in _ABSENT else LibvirtFailure
    return kind(f"{doing}: {error}", code=code, hint=_HINTS.get(code, ""))


# The binding prints every error to stderr unless a handler is there; ours are raised and shown once.
libvirt.registerErrorHandler(lambda context, error: None, None)
