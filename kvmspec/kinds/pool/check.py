"""What one pool cannot know of the others."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath

from kvmspec.kinds.pool.spec import PoolSpec
from kvmspec.manifest.section import Finding, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Two pools on one folder of one host: libvirt refuses the second."""
    taken: dict[tuple[str, str], str] = {}
    for item in manifest.of("pool"):
        assert isinstance(item.spec, PoolSpec)
        if item.spec.type != "dir" or item.spec.path is None:
            continue
        for host in item.hosts:
            other = taken.setdefault((host, normpath(item.spec.path)), item.name)
            if other != item.name:
                yield Finding(
                    (*item.path, "path"),
                    f"{item.spec.path} is the folder of pool {other} on {host} already",
                    "give each pool a folder of its own",
                )
                break
