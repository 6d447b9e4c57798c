"""Identities that can be computed anew at any time: kvmspec keeps no state file."""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid5

_NAMESPACE = UUID("236d3c51-7786-4c90-814f-da83c67934e4")  # fixed for good: what exists is found by it
_PREFIX = "52:54"  # as QEMU's own, locally administered and unicast


def derived_uuid(project: str, kind: str, name: str) -> str:
    """The UUID of the object that `project` creates under this kind and name."""
    return str(uuid5(_NAMESPACE, f"{project}\n{kind}\n{name}"))


def mac_for(project: str, vm: str, key: str) -> str:
    """The MAC of a NIC that states none, from a hash of project, VM and key.

    32 bits of it: with the 24 that QEMU's three-byte prefix leaves, a thousand NICs would share an
    address in 3 of 100 projects.
    """
    digest = hashlib.blake2b(f"{project}\n{vm}\n{key}".encode(), digest_size=4).digest()
    return ":".join([_PREFIX, *(f"{byte:02x}" for byte in digest)])
