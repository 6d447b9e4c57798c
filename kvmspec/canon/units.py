"""Amounts as libvirt writes them (https://libvirt.org/formatdomain.html#memory-allocation)."""

from __future__ import annotations

_FACTORS = {
    "b": 1, "byte": 1, "bytes": 1,
    "kb": 10**3, "k": 2**10, "kib": 2**10,
    "mb": 10**6, "m": 2**20, "mib": 2**20,
    "gb": 10**9, "g": 2**30, "gib": 2**30,
    "tb": 10**12, "t": 2**40, "tib": 2**40,
    "pb": 10**15, "p": 2**50, "pib": 2**50,
    "eb": 10**18, "e": 2**60, "eib": 2**60,
}  # fmt: skip


def to_bytes(amount: str, unit: str) -> int:
    """`("4", "GiB")` → 4294967296. Raises KeyError on a unit libvirt does not know."""
    return int(amount) * _FACTORS[unit.lower()]
