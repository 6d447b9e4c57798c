"""What one image cannot know of the others."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.kinds import bases
from kvmspec.manifest.section import Finding, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Images without a pool."""
    for item in manifest.of("image"):
        if bases.pool_of(item.name, manifest) is None:
            message = "which pool is it placed in? There is not just one"
            yield Finding(item.path, message, "state `pool:`")
