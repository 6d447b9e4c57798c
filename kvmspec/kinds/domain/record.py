"""What is to stand in a VM's metadata after an apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kvmspec.core.address import Address
from kvmspec.kinds import seeds
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain import seeding
from kvmspec.kinds.domain.compare import Comparison
from kvmspec.kinds.domain.sources import Places, own_volumes
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap, Record, sealed

Data = dict[str, Any]


def record_of(comparison: Comparison, context: Context) -> Record:
    """What is to stand in the VM's metadata after the apply."""
    address = comparison.desired.address
    record = record_for(
        address.name,
        comparison.observed.uuid,
        comparison.spec,
        comparison.becomes,
        comparison.recorded,
        context,
        comparison.record,
    )
    renewed = _renewed(record, address.host, comparison.record, context)
    return replace(record, renewed=renewed, unbooted=comparison.unbooted)


def _renewed(record: Record, host: str, before: Record | None, context: Context) -> dict[str, int]:
    """How often each of the VM's disks was made anew, this apply included."""
    known = before.renewed if before else {}
    there = context.views[host].volumes
    now = {
        disk
        for disk, key in record.own.items()
        if Address(host, "volume", key) in context.replaced and key in there
    }
    return {disk: known.get(disk, 0) + (disk in now) for disk in sorted({*known, *now})}


def record_for(
    name: str,
    uuid: str,
    spec: VmSpec,
    keys: KeyMap,
    stated: Data,
    context: Context,
    before: Record | None = None,
) -> Record:
    """The record of a VM; volumes once listed stay listed, so that they are found when it goes."""
    manifest = context.manifest
    known = before.own if before else {}
    own = {
        str(disk.name): f"{pool}/{volume}"
        for disk, pool, volume in own_volumes(name, spec, Places(manifest, own=known))
    }
    if seed := seeding.seed_of(spec):
        own[seeds.KEY] = seed
    left = {*before.volumes} - {*own.values()} if before else set()
    return Record(
        manifest.project,
        uuid,
        manifest.id or (before.id if before else None),
        spec.lifecycle.prevent_destroy,
        keys,
        stated,
        own,
        tuple(sorted(left)),
        state=spec.state if spec.state != "running" else "",
    )


def same_record(record: Record, before: Record | None, applied: Data, *, power_changes: bool = False) -> bool:
    """Whether the metadata says all this already (`applied`: the old one's, secrets as tokens). What is
    unbooted alone is nothing to write: it comes with changes, and goes when the guest boots."""
    if before is None or not _same_state(record.state, before.state, power_changes):
        return False
    return _but_applied(record) == _but_applied(before) and dict(record.applied) == applied


def _same_state(now: str, before: str, power_changes: bool) -> bool:
    """Whether the stated state has to be written for its own sake.

    Not `any`, with which nothing is to be done; and a record without a state is of a VM that was to run, or
    was written before states were: that one is left as it is, unless the power changes.
    """
    return now in (before, "any") or (before == "" and now == "stopped" and not power_changes)


def _but_applied(record: Record) -> tuple[object, ...]:
    keys = record.keys
    return (
        (record.project, record.uuid, record.id, record.prevent_destroy),
        (dict(keys.disks), dict(keys.networks), keys.retired, dict(record.own), sorted(record.left)),
        dict(record.renewed),
    )


def sealed_xml(record: Record, context: Context) -> str:
    """The record's element, with a digest where the manifest has a secret."""
    return replace(record, applied=sealed(record.applied, context.manifest.secrets.reveal)).xml()
