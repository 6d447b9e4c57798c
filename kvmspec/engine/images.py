"""What the plan has to know of images, and no more: a plan that makes no disk asks no server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.errors import ImageError
from kvmspec.core.observed import HostView, ObservedImage
from kvmspec.kinds.bases import image_at, placed
from kvmspec.manifest.section import Manifest


class Shelf(Protocol):
    """The manifest's images, by name; see images/shelf.py."""

    def identity(self, name: str) -> str:
        """As far as it is known without asking a server; else ""."""
        ...

    def look(self, name: str) -> ObservedImage:
        """All that can be known before the download. Raises ImageError."""
        ...

    def at_hand(self, name: str) -> ObservedImage | None:
        """The same where that asks no server; else None. Raises ImageError."""
        ...


def with_images(
    views: Mapping[str, HostView],
    desired: Mapping[Address, Desired],
    manifest: Manifest,
    shelf: Shelf,
    rebuilt: frozenset[Address] | None,
) -> dict[str, HostView]:
    """The views, with what is known of the images on each host. `rebuilt` are volumes that are made anew;
    None where nothing is to be made at all, so that no server is asked.

    Raises ImageError where a disk is to be made from an image that cannot be had.
    """
    if not manifest.of("image"):
        return dict(views)
    wanted: dict[str, set[str]] = {}
    perhaps: dict[str, set[str]] = {}
    for item in desired.values() if rebuilt is not None else ():
        view = views.get(item.address.host)
        if view is not None and not view.unknown:
            found = wanted if _is_certain(item, view, rebuilt or frozenset()) else perhaps
            found.setdefault(view.host, set()).update(_wanted(item, view, manifest, rebuilt or frozenset()))
    return {
        name: replace(
            view,
            images=dict(_known(view, wanted.get(name, set()), perhaps.get(name, set()), manifest, shelf)),
        )
        for name, view in views.items()
    }


def _known(
    view: HostView, wanted: set[str], perhaps: set[str], manifest: Manifest, shelf: Shelf
) -> Iterator[tuple[str, ObservedImage]]:
    for item in manifest.of("image"):
        identity = shelf.identity(item.name)
        if item.name not in wanted | perhaps:
            yield item.name, ObservedImage(identity)
            continue
        try:
            yield item.name, _facts(item.name, placed(item.name, identity, manifest, view), shelf)
        except ImageError as error:
            if item.name in wanted:
                raise
            yield item.name, ObservedImage(identity, problem=error.message)


def _facts(name: str, there: ObservedImage | None, shelf: Shelf) -> ObservedImage:
    """What an image is, by itself where that asks no server for a base that is there: the base may be another
    file under that name. Raises ImageError."""
    if there is None:
        return shelf.look(name)
    with suppress(ImageError):  # the base is there, and the image may be gone
        return shelf.at_hand(name) or there
    return there


def _is_certain(item: Desired, view: HostView, rebuilt: frozenset[Address]) -> bool:
    """Whether the image of what is not seen is needed for certain. A volume of a pool that is not running is
    likely there, where its VM is, or where nothing is known of who has it; so the plan goes on."""
    pool = item.address.name.partition("/")[0]
    if item.address.kind != "volume" or item.address in rebuilt or pool not in view.pools:
        return True
    owner = item.owner.name if item.owner else None
    return pool in view.pools_read or (owner is not None and owner not in view.domains)


def _wanted(item: Desired, view: HostView, manifest: Manifest, rebuilt: frozenset[Address]) -> Iterator[str]:
    """The images that `item` is to be made from now."""
    name = item.address.name
    images = [need.name for need in item.needs if need.kind == "image"]
    if item.address.kind == "image" and _is_ahead(item, view, manifest):
        yield name
    elif item.address.kind == "volume" and (
        name not in view.volumes or name in view.unfinished or item.address in rebuilt
    ):
        yield from images
    elif item.address.kind == "vm":
        observed = view.domains.get(name)
        xml = observed.xml if observed else ""
        yield from (image for image in images if not re.search(rf"/{re.escape(image)}-[0-9a-f]{{12}}'", xml))


def _is_ahead(item: Desired, view: HostView, manifest: Manifest) -> bool:
    """Whether the manifest wants it here by `hosts:`, and no base of it is here, be it an older one."""
    stated = any(i.name == item.address.name and "hosts" in i.expanded for i in manifest.of("image"))
    return stated and not any(
        image_at(key) == item.address.name and key not in view.unfinished for key in view.volumes
    )
