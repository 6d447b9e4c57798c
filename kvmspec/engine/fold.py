"""A disk declared inside a VM is shown where it was written: its growth is the VM's change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kvmspec.core.action import DeleteVolume, ShutdownDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.kinds.base import Chain, ChainLink, Context, Kind


def fold(differences: list[Difference], context: Context, kinds: Mapping[str, Kind]) -> list[Difference]:
    """Move changes of inline volumes, with their actions, to the VM that owns them."""
    by_address = {difference.address: difference for difference in differences}
    for address, difference in list(by_address.items()):
        wanted = context.desired.get(address)
        owner = wanted.owner if wanted is not None else None
        if difference.verb is not Verb.UPDATE or owner is None or owner not in by_address:
            continue
        vm = by_address[owner]
        asked = address in context.replaced  # by name, on the command line: that is not ignored
        if not asked and _is_ignored(f"disks.{wanted.extra}.size" if wanted else "", owner, context):
            by_address[address] = replace(difference, verb=Verb.NO_OP, changes=(), detail=None)
            continue
        if vm.verb in (Verb.NO_OP, Verb.UPDATE) and not vm.refusals:
            by_address[owner] = _with(vm, difference, str(wanted.extra) if wanted else "", context, kinds)
            by_address[address] = replace(difference, verb=Verb.NO_OP, changes=(), detail=None)
    return list(by_address.values())


def _spliced(steps: Chain, chain: Iterable[ChainLink]) -> tuple[ChainLink, ...]:
    """A volume that is made anew is so while its VM is off; what grows does so first."""
    links = list(chain)
    off = next((n for n, (action, _) in enumerate(links, 1) if isinstance(action, ShutdownDomain)), 0)
    at = off if any(isinstance(action, DeleteVolume) for action, _ in steps) else 0
    return (*links[:at], *steps, *links[at:])


def _is_ignored(path: str, owner: Address, context: Context) -> bool:
    names = context.desired[owner].spec.lifecycle.ignore_changes
    return any(path == name or path.startswith(f"{name}.") for name in names)


def _dying(volume: Difference) -> dict[str, dict[str, str]]:
    """The volume that is deleted, with its size, where it is made anew."""
    dying = (volume.before or {}).get("volumes")
    return {"volumes": dying} if dying else {}


def _with(
    vm: Difference, volume: Difference, disk: str, context: Context, kinds: Mapping[str, Kind]
) -> Difference:
    view = context.views[vm.address.host]
    steps = kinds[volume.address.kind].steps(volume, view, context)
    changes = tuple(replace(c, path=f"disks.{disk}.{c.path}") for c in volume.changes)
    return replace(
        vm,
        verb=Verb.UPDATE,
        changes=(*vm.changes, *changes),
        label="",
        before=(vm.before or {}) | {c.path: c.before for c in changes} | _dying(volume),
        after=(vm.after or {}) | {c.path: c.after for c in changes},
        detail=_spliced(steps, vm.detail or ()),
    )
