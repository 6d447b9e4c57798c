"""I/O threads in a definition: libvirt numbers them itself where it can, so they are all written down."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from kvmspec.canon.compare import get
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.compare import Comparison
from kvmspec.kinds.domain.edits import written

Path = tuple[str, ...]
COUNT: Path = ("iothreads",)
THREADS: Path = ("iothreadids", "iothread")


def edits(comparison: Comparison) -> Iterator[Edit]:
    """The threads that are stated, and those that are not ours; the count libvirt makes itself (9.0)."""
    have, want = (get(data, THREADS) or {} for data in (comparison.persistent, comparison.stated))
    dropped = [path for path in comparison.dropped() if path[:2] == THREADS]
    gone = {path[2] for path in dropped if len(path) == 3}
    root = ET.fromstring(comparison.observed.xml)
    defined = {thread.get("id") for thread in root.iterfind("iothreadids/iothread")}
    final = ({*have} - gone) | {*want}
    yield Edit("remove", COUNT)
    for number in sorted({*have} - final, key=int):
        yield Edit("remove", (*THREADS, number))
        for tag in ("iothreadpin", "iothreadsched"):  # libvirt refuses them of one that is not there
            yield Edit("remove", ("cputune", tag, number))
    for number in sorted(final, key=int):
        unsaid = {path[3] for path in dropped if path[2] == number and len(path) > 3}
        kept = {name: value for name, value in have.get(number, {}).items() if name not in unsaid}
        thread = {"@id": number} | kept | want.get(number, {})
        if number not in defined or thread != have.get(number):
            yield Edit("remove", (*THREADS, number))  # written down already, for a disk that needs it
            yield Edit("add", (*THREADS, number), written(thread, THREADS[-1]))
