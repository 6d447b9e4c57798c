"""What an installer is started from: the ISO, the drive it goes in, its own kernel and the answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kvmspec.core.action import InstallDomain
from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.installer import volume_names
from kvmspec.kinds.domain.keys import disk_keys
from kvmspec.kinds.domain.sources import Places
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap

if TYPE_CHECKING:
    from kvmspec.kinds.domain.install import InstallSpec

DRIVE = "install"
"""The key of the drive that the installer's CD is in; it stays, empty."""


def with_drive(spec: VmSpec, arch: str) -> VmSpec:
    """The VM with the drive for the installer's CD, unless it states that drive itself."""
    if spec.install is None or DRIVE in disk_keys(spec.disks):
        return spec
    drive = DiskSpec(name=DRIVE, cdrom="empty", bus=_bus(spec, arch))
    return spec.model_copy(update={"disks": (*spec.disks, drive)})


def _bus(spec: VmSpec, arch: str) -> str:
    """A bus that every installer knows: virtio-scsi is none."""
    if (spec.arch or arch) not in ("x86_64", "i686"):
        return "scsi"
    old = spec.machine is not None and (spec.machine == "pc" or spec.machine.startswith("pc-i440fx"))
    return "ide" if old else "sata"


def volumes_of(name: str, spec: VmSpec, places: Places) -> tuple[str, ...]:
    """`pool/name` of what only the installer needs."""
    pool = _pool(spec, places)
    if spec.install is None or not spec.install.from_kernel or pool is None:
        return ()
    return volume_names(pool, name)


def _pool(spec: VmSpec, places: Places) -> str | None:
    """The pool of its first own disk, else the VM's."""
    pools = [places.pool_of(spec, disk) for disk in spec.disks if disk.own]
    return next(filter(None, pools), spec.pool or places.only_pool())


def missing(desired: Desired, places: Places, context: Context) -> list[Problem]:
    """What an installation needs and is not there."""
    install, path = desired.spec.install, (*desired.path, "install")
    if install is None:
        return []
    found = []
    if iso_on_host(install, places)[0] is None:
        message = f"image {install.iso} is not declared, or has no pool"
        found.append(context.problem((*path, "iso"), message, "declare it under `images:`"))
    if install.from_kernel and _pool(desired.spec, places) is None:
        message = "the installer's kernel needs a pool to lie in"
        found.append(context.problem(path, message, "state `pool:` on the VM"))
    if install.unattended is not None:
        kind = install.unattended.kind
        file = answers_file(desired, context)
        if not file.is_file():
            message = f"there is no file {file}"
            hint = "the path is relative to the manifest's folder"
            found.append(context.problem((*path, "unattended", kind), message, hint))
    return found


def iso_on_host(install: InstallSpec, places: Places) -> tuple[str | None, str]:
    """Where the ISO lies on the host, and the digest of the image it is; None where it is not known."""
    return places.iso(install.iso) if install.is_image else (install.iso, "")


def answers_file(desired: Desired, context: Context) -> Path:
    """The file of answers, relative to the folder of the manifest that names it."""
    unattended = desired.spec.install.unattended
    where = context.manifest.where((*desired.path, "install", "unattended", unattended.kind))
    folder = Path(where.file).parent if where else Path()
    return folder / Path(getattr(unattended, unattended.kind)).expanduser()


def action_for(
    desired: Desired, at: Address, keys: KeyMap, places: Places, context: Context
) -> InstallDomain:
    """The action that starts the installer of a VM with `install`, in which nothing is missing."""
    spec: VmSpec = desired.spec
    install = spec.install
    assert install is not None, "there is something to install"
    iso, identity = iso_on_host(install, places)
    pool = (_pool(spec, places) or "") if install.from_kernel else ""
    unattended = install.unattended
    return InstallDomain(
        at,
        iso=iso or "",
        target=keys.disks[DRIVE],
        image=install.iso if install.is_image else "",
        identity=identity,
        pool=pool,
        folder=(places.folder(pool) or "") if pool else "",
        unattended=unattended.kind if unattended else "",
        file=str(answers_file(desired, context)) if unattended else "",
        cmdline=install.cmdline or "",
    )
