"""Volumes in pools whose volumes are no files."""

from __future__ import annotations

from typing import Any

import pytest

from kvmspec.kinds.volume import KIND
from tests.unit.kinds.network.making import manifest

POOLS: dict[str, Any] = {
    "vms": {"path": "/srv/vms"},
    "lvm": {"type": "logical"},
    "ceph": {"type": "rbd", "source": {"hosts": ["ceph1"]}},
}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a file": ({"pool": "vms", "size": "1GiB"}, []),
    "a device": ({"pool": "lvm", "size": "1GiB", "format": "raw"}, []),
    "a device with a format": ({"pool": "lvm", "size": "1GiB"}, ["type logical are devices"]),
    "elsewhere": (
        {"pool": "ceph", "size": "1GiB", "format": "raw"},
        ["makes no volumes in a pool of type rbd"],
    ),
    "in a pool that is not declared": ({"pool": "x", "size": "1GiB"}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_pools_type_makes_of_its_volumes(case: str) -> None:
    volume, words = CASES[case]
    found = [finding.message for finding in KIND.section.check(manifest(pools=POOLS, volumes={"a": volume}))]
    assert len(found) == len(words)
    assert all(word in message for word, message in zip(words, found, strict=True))
