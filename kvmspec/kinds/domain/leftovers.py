"""VMs the project owns and the manifest no longer names: deletion, or letting go."""

from __future__ import annotations

from kvmspec.core.action import DeleteVolume, PowerOffDomain, ReleaseDomain, UndefineDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.domain import match
from kvmspec.kinds.domain.metadata import Record
from kvmspec.manifest.types import format_size


def leftovers(view: HostView, context: Context) -> list[Difference]:
    """A difference for every owned VM that is to go. Pure."""
    manifest = context.manifest
    declared = {item.name for item in manifest.of("vm")}
    moved_away = {old for old, _ in manifest.moved if old not in declared}
    found = []
    for name, observed in view.domains.items():
        if name in declared and not context.destroy:
            continue
        record = match.owned(observed, view, context)
        if record is None:
            continue
        address = Address(view.host, "vm", name)
        if name in manifest.released:
            found.append(_release(address, observed))
        elif context.destroy or (manifest.items and name not in declared and name not in moved_away):
            found.append(_deletion(address, observed, record, view, context))
    return found


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
    volumes = [name for name in record.volumes if name in view.volumes]
    unread = [name for name in record.volumes if name.partition("/")[0] not in view.pools_read]
    taking = Permission.DATA_LOSS in context.granted
    chain: Chain = []
    if observed.running:
        chain.append((PowerOffDomain(address), "power off"))
    if taking:
        chain += [
            (DeleteVolume(Address(address.host, "volume", name)), f"delete volume {name}") for name in volumes
        ]
    chain.append((UndefineDomain(address), "undefine"))
    sizes = ", ".join(
        f"{name.partition('/')[2]} ({format_size(view.volumes[name].capacity)})" for name in volumes
    )
    notes = []
    if volumes:
        notes.append(f"its volumes {'are deleted' if taking else 'stay'}: {sizes}")
    if unread:
        notes.append(f"its volumes stay, their pool is not running: {', '.join(unread)}")
    return Difference(
        address,
        Verb.DELETE,
        notes=tuple(notes),
        refusals=tuple(_refusals(address, record, volumes if taking else [], view, context)),
        impact_floor=Impact.DATA_LOSS if taking and volumes else Impact.DELETE,
        before={
            "state": observed.state,
            "volumes": {name: format_size(view.volumes[name].capacity) for name in volumes},
        },
        detail=tuple(chain),
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
    for name in volumes:
        path_on_host = view.volumes[name].path
        over = [v.name for v in view.volumes.values() if v.backing == path_on_host]
        if over:
            found.append(
                context.problem(
                    path,
                    f"volume {name} of {address.short} is the base of {', '.join(over)}",
                    "delete those first",
                )
            )
    return found
