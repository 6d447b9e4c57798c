"""An image → a volume of a host."""

from __future__ import annotations

from collections.abc import Callable

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import PlaceImage
from kvmspec.core.errors import LibvirtFailure
from kvmspec.kinds.image.plan import misfit


def place(action: PlaceImage, host: Host, report: Callable[[str], None]) -> None:
    """Fetch and upload. Idempotent: a base that is there and whole is left as it is.

    Raises ImageError and LibvirtFailure.
    """
    if host.images is None:
        raise LibvirtFailure(f"{action.address.short} cannot be fetched here")
    local = host.images.fetch(action.address.name, action.identity, report)
    size = local.path.stat().st_size

    def tell(done: int) -> None:
        report(f"{done * 100 // max(size, 1)}% uploaded …")

    if not host.volumes.place(action.pool, action.volume, local.path, report=tell):
        wrong = misfit(host.volumes.get(action.pool, action.volume), local.format, local.capacity)
        if wrong:
            raise LibvirtFailure(
                f"volume {action.pool}/{action.volume} has the name of its base and is another: {wrong}",
                hint="delete it where nobody needs it, or rename the image in the manifest",
            )
        report("was there already")
