"""Bases: images as they lie in a pool, each a volume that is named after what is in it.

`debian-12-3f2a91c04b7e` holds the image debian-12 of that digest, and never anything else: a newer
image is another volume beside it. A tag always has a letter: twelve decimal digits are a date that somebody
put into a name (`debian-12-202511251200`), and no base.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

from kvmspec.core.observed import HostView, ObservedImage
from kvmspec.kinds import compare
from kvmspec.manifest.section import Finding, Manifest, Path
from kvmspec.manifest.types import normalised

_DIGITS = 12
_TAG = rf"(?=[0-9]*[a-f])[0-9a-f]{{{_DIGITS}}}"
_UNKNOWN = "0" * _DIGITS
_NAME = re.compile(rf"(.+)-(?:{_TAG}|{_UNKNOWN})")


class Base(NamedTuple):
    """An image in its pool. `known` is false where nobody has looked at the image yet; then the name
    is only the pattern of one. capacity in bytes, 0 where that is not known."""

    image: str
    pool: str
    volume: str
    format: str
    capacity: int
    known: bool

    @property
    def key(self) -> str:
        """`pool/name`"""
        return f"{self.pool}/{self.volume}"


def base_of(image: str, manifest: Manifest, view: HostView | None) -> Base | None:
    """The base of a declared image on a host; None where the image or its pool is not declared."""
    spec = compare.specs(manifest).get(("image", image))
    pool = pool_of(image, manifest)
    if spec is None or pool is None:
        return None
    looked = view.images.get(image) if view else None
    identity = looked.identity if looked else _declared(spec.checksum)
    volume = f"{image}-{tag(identity) if identity else _UNKNOWN}"
    there = view.volumes.get(f"{pool}/{volume}") if view else None
    return Base(
        image,
        pool,
        volume,
        (looked.format if looked else "") or (there.format if there else "") or _usual(spec.kind),
        (looked.capacity if looked else 0) or (there.capacity if there else 0),
        bool(identity),
    )


def tag(identity: str) -> str:
    """What tells the base of this identity (lower-case hex) from others in its name: its first twelve digits,
    and where those have no letter (once in 280) the first twelve after them that have one."""
    starts = range(max(len(identity) - _DIGITS, 0) + 1)
    tags = (identity[start : start + _DIGITS] for start in starts)
    return next((each for each in tags if re.fullmatch(_TAG, each)), f"{identity[: _DIGITS - 1]:0<11}f")


def pool_of(image: str, manifest: Manifest) -> str | None:
    """The pool an image is placed in: the one it states, else the manifest's only one."""
    spec = compare.specs(manifest).get(("image", image))
    pools = manifest.of("pool")
    stated = getattr(spec, "pool", None)
    return stated or (pools[0].name if len(pools) == 1 else None)


def undeclared(path: Path, image: str, kind: str, manifest: Manifest) -> Iterator[Finding]:
    """That an image is not in the manifest, or is none of that kind (`disk`, `iso`)."""
    known = {item.name: item.spec for item in manifest.of("image")}
    if image not in known:
        close = difflib.get_close_matches(image, sorted(known), 1)
        hint = f"did you mean {close[0]}?" if close else "declare it under `images:`"
        yield Finding(path, f"image {image} is not declared", hint)
    elif known[image].kind != kind:  # type: ignore[attr-defined]  # an ImageSpec
        what = "a disk is made from one of kind `disk`" if kind == "disk" else "a CD is one of kind `iso`"
        yield Finding(path, f"image {image} is of kind `{known[image].kind}`", what)  # type: ignore[attr-defined]  # an ImageSpec


def image_at(path: str) -> str | None:
    """The name of the image whose base a file or volume is, by its name; None for any other."""
    match = _NAME.fullmatch(path.rpartition("/")[2])
    return match[1] if match else None


def same_image(path: str | None, other: str | None) -> bool:
    """Whether both files are bases of one image in one folder, be it of different age."""
    if path is None or other is None:
        return path == other
    same_folder = path.rpartition("/")[0] == other.rpartition("/")[0]
    return path == other or (same_folder and image_at(path) is not None and image_at(path) == image_at(other))


def to_be_placed(manifest: Manifest, view: HostView) -> frozenset[str]:
    """The files of the bases that this plan puts there, since something is made from them."""
    found = set()
    for image, looked in view.images.items():
        base = base_of(image, manifest, view) if looked.format else None
        if base is not None and base.key not in view.volumes:
            pool = compare.specs(manifest).get(("pool", base.pool))
            found.add(
                f"{normalised(pool.target_of(base.pool) or '')}/{base.volume}" if pool is not None else ""
            )
    return frozenset(found)


def _declared(checksum: str | None) -> str:
    """The identity that a checksum states by itself."""
    return checksum.partition(":")[2] if checksum and "://" not in checksum else ""


def _usual(kind: str) -> str:
    return "iso" if kind == "iso" else "qcow2"


def placed(image: str, identity: str, manifest: Manifest, view: HostView) -> ObservedImage | None:
    """What the base of that identity says of the image, where it is on the host, whole."""
    pool = pool_of(image, manifest)
    key = f"{pool}/{image}-{tag(identity)}"
    if not identity or key not in view.volumes or key in view.unfinished:
        return None
    found = view.volumes[key]
    return ObservedImage(identity, found.format, found.capacity)
