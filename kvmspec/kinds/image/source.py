"""Where an image of the manifest comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kvmspec.images.source import ImageSource

if TYPE_CHECKING:
    from kvmspec.kinds.image.spec import ImageSpec
    from kvmspec.manifest.section import Item, Manifest


def source_of(item: Item, manifest: Manifest) -> ImageSource:
    """An image's source; a relative `path` is one beside the manifest file that says it."""
    spec: ImageSpec = item.spec  # type: ignore[assignment]
    path = Path(spec.path) if spec.path is not None else None
    if path is not None and not path.is_absolute():  # the file is only looked for where it matters
        where = manifest.where((*item.path, "path"))
        folder = Path(where.file).parent if where else Path()
        path = Path.cwd() / folder / path
    return ImageSource(item.name, spec.url, path, spec.checksum)
