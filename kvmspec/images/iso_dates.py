"""Sets every date in an ISO 9660 image to the same moment, so that equal content is equal bytes.

pycdlib takes them from the clock and writes them in the local time zone. Layout: ECMA-119 (8.4 volume
descriptors, 9.1 directory records), RRIP 1.12 (4.1.6 `TF`), SUSP (entries in a record's system use).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SECTOR = 2048
_FIRST_DESCRIPTOR = 16 * _SECTOR
_PRIMARY, _SUPPLEMENTARY, _LAST = 1, 2, 255
_VOLUME_DATES = (813, 830, 864)  # created, modified, effective; 847, expiring, is not set
_VOLUME_DATE = b"2000010100000000\0"
_DATE = bytes((100, 1, 1, 0, 0, 0, 0))  # 2000-01-01 00:00:00 UTC
_ROOT, _NAME = 156, 33


def without_dates(image: bytes) -> bytes:
    """The image with all its dates at 2000-01-01 00:00 UTC. It has no folders but the root."""
    data = bytearray(image)
    for descriptor in _descriptors(data):
        for offset in _VOLUME_DATES:
            start = descriptor + offset
            data[start : start + len(_VOLUME_DATE)] = _VOLUME_DATE
        root = descriptor + _ROOT
        _set_dates(data, root)
        extent, length = (struct.unpack_from("<I", data, root + at)[0] for at in (2, 10))
        for record in _records(data, extent * _SECTOR, length):
            _set_dates(data, record)
    return bytes(data)


def _descriptors(data: bytearray) -> Iterator[int]:
    """Where the descriptors of volumes are; each has a tree of its own (ISO 9660, Joliet)."""
    offset = _FIRST_DESCRIPTOR
    while data[offset] != _LAST:
        if data[offset] in (_PRIMARY, _SUPPLEMENTARY):
            yield offset
        offset += _SECTOR


def _records(data: bytearray, start: int, length: int) -> Iterator[int]:
    """Where the records of a directory are; none crosses the end of a sector."""
    offset = start
    while offset < start + length:
        size = data[offset]
        if size:
            yield offset
        offset += size or _SECTOR - offset % _SECTOR


def _set_dates(data: bytearray, record: int) -> None:
    """The date of a directory record, and those of its Rock Ridge `TF` entry."""
    data[record + 18 : record + 25] = _DATE
    name = data[record + 32]
    entry, end = record + _NAME + name + (1 - name % 2), record + data[record]
    while entry + 4 <= end and data[entry + 2] >= 4:
        if data[entry : entry + 2] == b"TF":
            count = (data[entry + 2] - 5) // len(_DATE)
            data[entry + 5 : entry + 5 + count * len(_DATE)] = _DATE * count
        entry += data[entry + 2]
