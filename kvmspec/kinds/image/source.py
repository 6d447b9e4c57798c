"""An image of the manifest → where it comes from."""

from __future__ import annotations

from pathlib import Path

from kvmspec.images.source import ImageSource
from kvmspec.kinds.image.spec import ImageSpec
from kvmspec.manifest.section import Item, Manifest


def source_of(item: Item, manifest: Manifest) -> ImageSource:
    """A relative `path:` is one beside the file that it is written in."""
    spec = item.spec
    assert isinstance(spec, ImageSpec)
    return ImageSource(item.name, spec.url, _path(item, spec, manifest), spec.checksum)


def _path(item: Item, spec: ImageSpec, manifest: Manifest) -> Path | None:
    if spec.path is None:
        return None
    where = manifest.where(item.path)
    folder = Path(where.file).parent if where is not None else Path()
    return (folder / Path(spec.path).expanduser()).absolute()
