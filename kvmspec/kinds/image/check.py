"""What one image cannot know of the others."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.kinds import bases
from kvmspec.manifest.section import Finding, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Images that something is made from, and that have no pool to be placed in."""
    used = {name for item in manifest.items for kind, name in item.spec.references() if kind == "image"}
    for item in manifest.of("image"):
        placed = item.name in used or "hosts" in item.expanded
        if placed and bases.pool_of(item.name, manifest) is None:
            message = "which pool is it placed in? There is not just one"
            yield Finding(item.path, message, "state `pool:`")
