"""What differs between a volume of the manifest and the one on the host, and the actions for it.

field table: size: grows, live (through the domain that runs on it), and never shrinks;
format, backing: fixed at creation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from kvmspec.adapters.libvirt.volumes import COPYING
from kvmspec.core.action import Action, CreateVolume, DeleteVolume, GrowDisk, PlaceSeed, ResizeVolume
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, ObservedVolume
from kvmspec.core.problem import Problem
from kvmspec.kinds import bases, compare, secrets, use
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.fragments import merged
from kvmspec.kinds.leaving import vms_leaving
from kvmspec.kinds.seeds import SeedVolume
from kvmspec.kinds.volume import growing, rebuild, seed
from kvmspec.kinds.volume.wanted import Wanted, wanted
from kvmspec.manifest.types import format_size

_LEAST = 1024  # bytes; libvirt makes a full copy as large as what is copied


class Growth(NamedTuple):
    """Grow the file at `path` to `capacity` bytes."""

    path: str
    capacity: int


def render(desired: Desired, context: Context, view: HostView | None = None) -> str:
    """The XML with which the volume is created."""
    want = wanted(desired, context, view)
    encryption = getattr(desired.spec, "encryption", None)
    xml = context.renderer.render(
        "volume.xml.j2",
        name=want.name,
        capacity=want.capacity or (want.base.capacity or _LEAST if want.origin and want.base else None),
        format=want.format,
        backing=want.backing,
        encryption=encryption,
        secret=secrets.told(encryption.secret, context.manifest) if encryption else None,
    )
    return merged(xml, getattr(desired.spec, "xml", None))


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare a volume with what is there."""
    if isinstance(desired.spec, SeedVolume):
        return seed.diff(desired, desired.spec, view)
    want = wanted(desired, context, view)
    observed = view.volumes.get(desired.address.name)
    if observed is None:
        return _absent(desired, want, view, context)
    if desired.address in context.replaced:
        return rebuild.rebuild(desired, observed, _absent(desired, want, view, context), view, context)
    if desired.address.name in view.unfinished and want.origin is not None:
        return _cut_off(desired, want, observed, view, context)
    return _present(desired, want, observed, view, context)


# --- absent, or not to be seen
def _absent(desired: Desired, want: Wanted, view: HostView, context: Context) -> Difference:
    nowhere = _nowhere(desired, want, view, context)
    refusals = (*nowhere, *_strangers(desired, want.path, view, context))
    unseen = want.pool not in view.pools_read
    action = CreateVolume(
        desired.address,
        render(desired, context, view),
        want.capacity or 0,
        want.format,
        want.backing.path if want.backing else None,
        take_up=unseen,
        origin=want.origin,
        blank=unseen and _is_installed_over(desired, view, context),
        encrypted=_is_encrypted(desired),
    )
    invalid = tuple(_too_small(desired, want, context))
    notes = (f"if it is in pool {want.pool} already, it is taken up with its data",) if unseen else ()
    return Difference(
        desired.address,
        Verb.NO_OP if refusals else Verb.CREATE,
        notes=() if refusals else notes,
        refusals=refusals,
        invalid=invalid,
        after=_shown(want),
        label=label(want),
        detail=action,
    )


def _is_encrypted(desired: Desired) -> bool:
    return getattr(desired.spec, "encryption", None) is not None


def _cut_off(
    desired: Desired, want: Wanted, observed: ObservedVolume, view: HostView, context: Context
) -> Difference:
    """A copy that is not whole is made anew, unless a guest runs on it."""
    key = desired.address.name
    made = _absent(desired, want, view, context)
    running = sorted({domain.name for domain, _ in use.live_disks(view, observed.path, key)})
    if not running:
        return replace(made, notes=("its copying was cut off; it is copied again",))
    problem = context.problem(
        desired.path,
        f"the copying of {key} was cut off, and {', '.join(f'vm/{name}' for name in running)} runs on it",
        f"stop it, and it is copied again; if the data is whole, delete the volume {want.name}{COPYING}",
    )
    return Difference(desired.address, Verb.NO_OP, refusals=(problem,))


def _is_installed_over(desired: Desired, view: HostView, context: Context) -> bool:
    """Whether it is a disk of a VM that is to be created by an installer."""
    owner = context.desired.get(desired.owner) if desired.owner else None
    return owner is not None and owner.spec.install is not None and owner.address.name not in view.domains


def label(want: Wanted) -> str:
    """What is made, in a few words: `20GiB, from image debian-12`."""
    size = format_size(want.capacity) if want.capacity else ""
    return ", ".join(filter(None, (size, f"from image {want.base.image}" if want.base else "")))


def _too_small(desired: Desired, want: Wanted, context: Context) -> Iterator[Problem]:
    least = want.base.capacity if want.base else 0
    if want.base and want.capacity is not None and want.capacity < least:
        size, image = format_size(want.capacity), want.base.image
        yield context.problem(
            (*desired.path, "size"),
            f"image {image} has {format_size(least)}, which does not fit into {size}",
            f"state `size: {format_size(least)}` or more, or leave it out",
        )


def _nowhere(desired: Desired, want: Wanted, view: HostView, context: Context) -> Iterator[Problem]:
    """A pool or a backing volume that is neither declared nor there."""
    host = view.host
    if want.pool not in view.pools and Address(host, "pool", want.pool) not in context.desired:
        message = f"pool {want.pool} is neither in the manifest nor on {host}"
        yield context.problem(desired.path, message, "declare it under `pools:`")
        return
    key = want.backing.volume if want.backing and not want.base else None
    if key is None or key in view.volumes or Address(host, "volume", key) in context.desired:
        return
    pool = key.partition("/")[0]
    if pool in view.pools_read or pool not in view.pools:
        message = f"its backing, volume {key}, is neither in the manifest nor on {host}"
        yield context.problem((*desired.path, "backing"), message)


# --- present
def _present(
    desired: Desired, want: Wanted, observed: ObservedVolume, view: HostView, context: Context
) -> Difference:
    owned = _is_owned(desired, observed, view, context)
    ignored = owned and is_size_ignored(desired, context)
    growth = not ignored and want.capacity is not None and want.capacity > observed.capacity
    refusals = [*_misfits(desired, want, observed, context, owned=owned)]
    if not ignored:
        refusals += growing.shrinking(desired, want, observed, context)
    if not owned or desired.owner is None:
        refusals += _strangers(desired, observed.path, view, context)
    if growth:
        refusals += growing.hindrances(desired, observed, view, context)
    gone = use.gone_below(view, observed.path)
    if gone is not None and not owned and desired.owner is not None:
        refusals.append(growing.without_base(desired, gone, context))
    notes = [f"{gone}, which it rests on, is gone"] if gone is not None else []
    if owned and not _rests_on(want, observed):
        notes.append(f"rests on {observed.backing or 'nothing'} now; its backing is only read at creation")
    elif owned:
        notes += _older(want, observed, desired)
    if not owned and desired.owner is not None:
        notes.append("is there already and is taken up with its data")
    changes = (_size_change(desired, want, observed, view),) if growth else ()
    verb = Verb.ADOPT if not owned and desired.owner is not None else Verb.UPDATE if growth else Verb.NO_OP
    return Difference(
        desired.address,
        Verb.NO_OP if refusals else verb,
        () if refusals else changes,
        notes=() if refusals else tuple(notes),
        refusals=tuple(refusals),
        label=format_size(observed.capacity) if verb is Verb.ADOPT else "",
        before=_seen(observed),
        after=_shown(want) | ({"size": format_size(observed.capacity)} if want.capacity is None else {}),
        detail=Growth(observed.path, want.capacity) if growth and want.capacity else None,
    )


def _size_change(desired: Desired, want: Wanted, observed: ObservedVolume, view: HostView) -> FieldChange:
    before, after = format_size(observed.capacity), format_size(want.capacity or 0)
    running = any(True for _ in use.live_disks(view, observed.path, desired.address.name))
    return FieldChange("size", before, after, Impact.LIVE if running else Impact.NONE, "grow")


def _is_owned(desired: Desired, observed: ObservedVolume, view: HostView, context: Context) -> bool:
    """Whether kvmspec has had it before: a VM of the project knows it. Volumes carry no mark."""
    key = desired.address.name
    if desired.owner is not None:
        names = _names_of(desired.owner.name, context)
        candidates = [view.domains[name] for name in names if name in view.domains]
    else:
        candidates = use.users(view, observed.path, key)
    return any(
        compare.is_ours(domain, context) and use.knows(domain, observed.path, key) for domain in candidates
    )


def _misfits(
    desired: Desired, want: Wanted, observed: ObservedVolume, context: Context, *, owned: bool
) -> Iterator[Problem]:
    """Why what is there cannot be what is wanted."""
    path, say = desired.path, f"{desired.address.short} on {desired.address.host}"
    if observed.format != want.format:
        yield context.problem(
            (*path, "format"),
            f"{say} is there already, as {observed.format} and not {want.format}",
            "a volume's format cannot change; delete it, or choose another name",
        )
    if observed.encrypted != _is_encrypted(desired):
        yield context.problem(
            (*path, "encryption"),
            f"{say} is there already, and is {'' if observed.encrypted else 'not '}encrypted",
            "a volume is encrypted, or not, for life; delete it, or choose another name",
        )
    if not owned and not _rests_on(want, observed):
        wish = want.backing.path if want.backing else "nothing"
        yield context.problem(
            (*path, "backing"),
            f"{say} is there already and rests on {observed.backing or 'nothing'}, not on {wish}",
            "a volume's backing cannot change; delete it, or choose another name",
        )


def _rests_on(want: Wanted, observed: ObservedVolume) -> bool:
    backing = want.backing.path if want.backing else None
    return bases.same_image(backing, observed.backing) if want.base else backing == observed.backing


def _older(want: Wanted, observed: ObservedVolume, desired: Desired) -> Iterator[str]:
    """A newer image, where that is known without asking for it."""
    if want.base is None or not want.base.known or want.backing is None or desired.owner is None:
        return
    if observed.backing != want.backing.path:
        old = (observed.backing or "").rpartition("/")[2]
        yield (
            f"rests on {old}; image {want.base.image} is {want.base.volume} now "
            f"(`--replace {desired.owner.short}/{desired.extra}` makes it anew)"
        )


def _strangers(desired: Desired, path: str, view: HostView, context: Context) -> Iterator[Problem]:
    """Domains of others that use the file. Where a VM of the project has it too, that is meant."""
    using = use.users(view, path, desired.address.name)
    if desired.owner is not None:  # a VM's own disk is nobody else's
        names = _names_of(desired.owner.name, context)
        foreign = [domain for domain in using if domain.name not in names]
    else:
        foreign = [domain for domain in using if not compare.is_ours(domain, context)]
        foreign = foreign if len(foreign) == len(using) else []
    if foreign:
        message = f"{desired.address.short} on {view.host} is used by {compare.names(foreign)}"
        yield context.problem(desired.path, message, "choose another name")


def is_size_ignored(desired: Desired, context: Context) -> bool:
    """Whether the VM's `lifecycle.ignore_changes` has the size of this disk: then it may be any."""
    owner = context.desired.get(desired.owner) if desired.owner else None
    lifecycle = getattr(owner.spec, "lifecycle", None) if owner else None
    path = f"disks.{desired.extra}.size"
    names = lifecycle.ignore_changes if lifecycle else ()
    return any(path == name or path.startswith(f"{name}.") for name in names)


def _names_of(vm: str, context: Context) -> set[str]:
    """A VM's name, and the one it is renamed from."""
    return {vm, *(old for old, new in context.manifest.moved if new == vm)}


def _shown(want: Wanted) -> dict[str, object]:
    return {
        "pool": want.pool,
        "size": format_size(want.capacity) if want.capacity is not None else None,
        "format": want.format,
        "backing": want.backing.path if want.backing else None,
        **({"image": want.base.image} if want.base else {}),
    }


def _seen(volume: ObservedVolume) -> dict[str, object]:
    size = format_size(volume.capacity)
    return {"pool": volume.pool, "size": size, "format": volume.format, "backing": volume.backing}


# --- actions
def steps(difference: Difference, view: HostView, context: Context) -> Chain:
    """The actions for a difference, in their order."""
    match difference.verb, difference.detail:
        case Verb.CREATE, (CreateVolume() | PlaceSeed()) as action:
            return [(action, "create")]
        case ((Verb.UPDATE | Verb.ADOPT), Growth() as growth):
            return [
                (_grow(difference.address, growth, view, context), f"grow to {format_size(growth.capacity)}")
            ]
        case Verb.UPDATE, rebuild.Rebuild() as found:
            return rebuild.steps(found)
        case Verb.DELETE, _:
            return [(DeleteVolume(difference.address), "delete with its data")]
        case _:
            return []


def _grow(address: Address, growth: Growth, view: HostView, context: Context) -> Action:
    """Through the domain that runs on it, unless that goes: QEMU would not notice otherwise."""
    leaving = vms_leaving(view, context)
    for domain, target in use.live_disks(view, growth.path, address.name):
        if domain.name in leaving:
            continue
        return GrowDisk(Address(address.host, "vm", domain.name), target, growth.capacity)
    return ResizeVolume(address, growth.capacity)
