"""What libvirt calls a disk's limits, and which of them go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WAYS = ("total", "read", "write")


def element_names() -> Iterator[tuple[str, str]]:
    """(manifest path, libvirt's name) of every limit: `iops.total_max`, `total_iops_sec_max`.

    In libvirt's order: a burst before the limit of another is refused by libxml2, which checks libvirt's
    schema (measured with 2.9)."""
    for peak in ("", "_max", "_max_length"):
        for field, unit in (("bandwidth", "bytes"), ("iops", "iops")):
            for way in WAYS:
                yield f"{field}.{way}{peak}", f"{way}_{unit}_sec{peak}"
    yield "iops.operation_size", "size_iops_sec"


ELEMENTS = tuple(element_names())


def elements(iops: Any, bandwidth: Any) -> Iterator[tuple[str, int]]:
    """(libvirt's name, value) of what is stated; bytes, operations and seconds."""
    given = {"iops": iops, "bandwidth": bandwidth}
    for path, name in ELEMENTS:
        field, _, limit = path.partition(".")
        value = getattr(given[field], limit, None)
        if value is not None:
            yield name, value


def excluded(name: str) -> frozenset[str]:
    """What libvirt refuses beside a limit: one of both together, beside those of each."""
    way, _, rest = name.partition("_")
    unit = rest.partition("_")[0]
    others = ("read", "write") if way == "total" else ("total",) if way in WAYS else ()
    return frozenset(f"{o}_{unit}_sec{peak}" for o in others for peak in ("", "_max", "_max_length"))


def bursts(name: str) -> tuple[str, ...]:
    """What is nothing without a limit, and what libvirt keeps it for: "cannot reset 'total_iops_sec' when
    'total_iops_sec_max' is set"."""
    return (f"{name}_max", f"{name}_max_length") if name.endswith("_sec") else ()
