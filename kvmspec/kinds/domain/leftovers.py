"""VMs the project owns and the manifest no longer names: deletion, or letting go."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.action import (
    DeleteVolume,
    FinishInstall,
    PowerOffDomain,
    ReleaseDomain,
    RemoveSeed,
    UndefineDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import holds
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.holds import Holding
from kvmspec.kinds.keeping import keeping
from kvmspec.kinds.leaving import owned, seeds_of, vms_leaving, volumes_leaving
from kvmspec.kinds.records import Record
from kvmspec.kinds.seeds import is_seed
from kvmspec.manifest.types import format_size


def leftovers(view: HostView, context: Context) -> list[Difference]:
    """A difference for every owned VM that is to go. Pure."""
    going = vms_leaving(view, context)
    gone = [
        _deletion(Address(view.host, "vm", name), view.domains[name], record, view, context)
        for name, record in going.items()
    ]
    let_go = [
        name for name in view.domains if name in context.manifest.released and owned(name, view, context)
    ]
    return gone + [_release(Address(view.host, "vm", name), view.domains[name]) for name in let_go]


def _release(address: Address, observed: Observed) -> Difference:
    impact = Impact.LIVE if observed.running else Impact.NONE
    change = FieldChange("metadata", "managed", "released", impact, "it stays as it is")
    chain: Chain = [(ReleaseDomain(address), "let go")]
    return Difference(
        address, Verb.UPDATE, changes=(change,), label="let go, not deleted", detail=tuple(chain)
    )


def _deletion(
    address: Address, observed: Observed, record: Record, view: HostView, context: Context
) -> Difference:
    own = [name for name in record.volumes if not is_seed(name)]
    volumes = [name for name in own if name in view.volumes]
    seeds = seeds_of(address.name, record, view)
    unread = [name for name in record.volumes if name.partition("/")[0] not in view.pools_read]
    taking = Permission.DATA_LOSS in context.granted
    chain: Chain = []
    if observed.running:
        chain.append((PowerOffDomain(address), "power off"))
    if taking:
        chain += [
            (DeleteVolume(Address(address.host, "volume", name)), f"delete volume {name}") for name in volumes
        ]
    if record.installer:
        chain.append((FinishInstall(address, record.installer, record=False), "remove the installer's files"))
    chain += [
        (RemoveSeed(Address(address.host, "volume", name)), "delete cloud-init's seed") for name in seeds
    ]
    chain.append((UndefineDomain(address), "undefine"))
    sizes = ", ".join(
        f"{name.partition('/')[2]} ({format_size(view.volumes[name].capacity)})" for name in volumes
    )
    notes = []
    if volumes:
        notes.append(f"its volumes {'are deleted' if taking else 'stay'}: {sizes}")
    if seeds:
        notes.append("cloud-init's seed is deleted")
    if unread:
        notes.append(f"its volumes stay, their pool is not running: {', '.join(unread)}")
    notes += _history(observed, taking)
    return Difference(
        address,
        Verb.DELETE,
        notes=tuple(notes),
        refusals=(
            *_refusals(address, record, volumes if taking else [], view, context),
            *_held(observed, taking and bool(volumes)),
        ),
        impact_floor=Impact.DATA_LOSS if taking and volumes else Impact.DELETE,
        before={
            "state": observed.state,
            "volumes": {name: format_size(view.volumes[name].capacity) for name in volumes},
        },
        detail=tuple(chain),
    )


def _history(observed: Observed, taking: bool) -> Iterator[str]:
    """What becomes of its snapshots and checkpoints: libvirt forgets them with the definition, and what is
    inside its volumes goes or stays with those."""
    found = holds.holds(observed, None, Holding.SNAPSHOT | Holding.CHECKPOINT)
    if found:
        inside = f"their data {'goes with' if taking else 'stays in'} its volumes"
        yield f"libvirt forgets {holds.names(found)}; {inside}"


def _held(observed: Observed, taking: bool) -> Iterator[Problem]:
    """What must not be cut off: a block job that runs, and with the volumes those that lie over them."""
    which = Holding.JOB | (Holding.EXTERNAL if taking else Holding(0))
    if found := holds.holds(observed, None, which):
        yield Problem(
            f"vm/{observed.name} cannot be deleted: {holds.names(found)} would be cut off",
            hint=holds.hints(found),
        )


def _refusals(
    address: Address, record: Record, volumes: list[str], view: HostView, context: Context
) -> list[Problem]:
    found = []
    declared = next((item for item in context.manifest.of("vm") if item.name == address.name), None)
    path = declared.path if declared else ()
    protected = declared.spec.lifecycle.prevent_destroy if declared else False  # type: ignore[attr-defined]  # a VmSpec
    if record.prevent_destroy or protected:
        found.append(
            context.problem(
                path,
                f"{address.short} is protected by prevent_destroy",
                "apply it once with `lifecycle: {prevent_destroy: false}`, then delete it",
            )
        )
    leaving = volumes_leaving(view, context) | _declared(context)
    return found + [
        problem for name in volumes for problem in keeping(view.volumes[name], leaving, view, context)
    ]


def _declared(context: Context) -> frozenset[str]:
    """Standalone volumes that `destroy` takes as well; they are refused where they are protected."""
    if not context.destroy:
        return frozenset()
    return frozenset(
        address.name
        for address in context.desired
        if address.kind == "volume" and not context.desired[address].owner
    )
