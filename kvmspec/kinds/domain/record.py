"""What is to stand in a VM's metadata after an apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
    name = comparison.desired.address.name
    return record_for(
        name,
        comparison.observed.uuid,
        comparison.spec,
        comparison.becomes,
        comparison.recorded,
        context,
        comparison.record,
    )


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
    )


def same_record(record: Record, before: Record | None, applied: Data) -> bool:
    """Whether the metadata says all this already (`applied`: the old one's, secrets as tokens)."""
    if before is None:
        return False
    return _but_applied(record) == _but_applied(before) and dict(record.applied) == applied


def _but_applied(record: Record) -> tuple[object, ...]:
    keys = record.keys
    return (
        (record.project, record.uuid, record.id, record.prevent_destroy),
        (dict(keys.disks), dict(keys.networks), keys.retired, dict(record.own), sorted(record.left)),
    )


def sealed_xml(record: Record, context: Context) -> str:
    """The record's element, with a digest where the manifest has a secret."""
    return replace(record, applied=sealed(record.applied, context.manifest.secrets.reveal)).xml()
