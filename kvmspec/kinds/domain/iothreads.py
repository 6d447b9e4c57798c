"""I/O threads in a definition: libvirt numbers them itself where it can, so they are all written down."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from kvmspec.canon.compare import get
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.compare import Comparison

Path = tuple[str, ...]
COUNT: Path = ("iothreads",)
THREADS: Path = ("iothreadids", "iothread")


def edits(comparison: Comparison) -> Iterator[Edit]:
    """The threads that are stated, and those that are not ours; the count libvirt makes itself (9.0)."""
    have = set(get(comparison.persistent, THREADS) or {})
    gone = {path[2] for path in comparison.dropped() if path[:2] == THREADS}
    root = ET.fromstring(comparison.observed.xml)
    written = {thread.get("id") for thread in root.iterfind("iothreadids/iothread")}
    final = (have - gone) | set(get(comparison.stated, THREADS) or {})
    yield Edit("remove", COUNT)
    for number in sorted(have - final, key=int):
        yield Edit("remove", (*THREADS, number))
        yield Edit(
            "remove", ("cputune", "iothreadpin", number)
        )  # libvirt refuses the pin of one that is not there
    for number in sorted(final, key=int):
        if number not in written:
            yield Edit("remove", (*THREADS, number))  # written down already, for a disk that needs it
            yield Edit("add", (*THREADS, number), f'<iothread id="{number}"/>')
