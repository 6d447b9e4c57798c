"""What networks, pools and volumes share: whose an object is, and who uses it."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.memo import once
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import records
from kvmspec.kinds.base import Context
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.manifest.section import Manifest


class Match(NamedTuple):
    """The live object that a desired one is; observed is None where it is to be created.

    uuid     what it has or will have
    adopted  its UUID is stated: only stated fields are compared
    """

    uuid: str
    observed: Observed | None = None
    adopted: bool = False
    refusal: Problem | None = None


def match(desired: Desired, objects: Mapping[str, Observed], context: Context) -> Match:
    """Find a network or pool by UUID, then by name; say why it may not be touched."""
    name, kind = desired.address.name, desired.address.kind
    derived = derived_uuid(context.manifest.project, kind, name)
    uuid = desired.spec.uuid or derived
    adopted = uuid != derived
    here = objects.get(name)
    found = next((each for each in objects.values() if each.uuid == uuid), None)
    if found is not None and found.name != name:
        return Match(uuid, refusal=_renamed(desired, found, context))
    if here is None:
        return Match(uuid, adopted=adopted)
    if here.uuid != uuid or not here.persistent:
        return Match(uuid, refusal=_foreign(desired, here, context))
    return Match(uuid, here, adopted)


def _renamed(desired: Desired, found: Observed, context: Context) -> Problem:
    return context.problem(
        desired.path,
        f"{desired.address.short} on {desired.address.host} was renamed to {found.name} outside kvmspec",
        f"rename it in the manifest too and state `uuid: {found.uuid}`, or give it its old name back",
    )


def _foreign(desired: Desired, here: Observed, context: Context) -> Problem:
    say = f"{desired.address.short} on {desired.address.host}"
    if not here.persistent:
        return context.problem(
            desired.path,
            f"{say} is transient, so it was not made by kvmspec",
            "stop it, or choose another name",
        )
    if desired.spec.uuid is not None:
        return context.problem(
            (*desired.path, "uuid"),
            f"{say} has the UUID {here.uuid}, the manifest says {desired.spec.uuid}",
            "a UUID cannot change: state the one it has",
        )
    return context.problem(
        desired.path,
        f"{say} exists already and was not made by this project",
        f"choose another name, or adopt it by stating `uuid: {here.uuid}`",
    )


def owned_leftovers(
    kind: str, objects: Mapping[str, Observed], view: HostView, context: Context
) -> Iterator[Observed]:
    """The networks or pools that the project owns on this host and the manifest no longer names;
    to be destroyed, all that it owns. An empty manifest never deletes."""
    manifest = context.manifest
    if not manifest.items and not context.destroy:
        return
    declared = specs(manifest)
    for name, observed in objects.items():
        stated = getattr(declared.get((kind, name)), "uuid", None)
        owned = observed.uuid in (derived_uuid(manifest.project, kind, name), stated)
        if owned and observed.persistent and (context.destroy or (kind, name) not in declared):
            yield observed


def deletion(
    observed: Observed, view: HostView, notes: Iterable[str] = (), refusals: Iterable[Problem] = ()
) -> Difference:
    """The Difference that deletes a network or pool."""
    return Difference(
        Address(view.host, observed.kind, observed.name),
        Verb.DELETE,
        notes=tuple(notes),
        refusals=tuple(refusals),
        impact_floor=Impact.DELETE,
        before={"name": observed.name, "uuid": observed.uuid, "state": observed.state},
        detail=observed,
    )


@once
def specs(manifest: Manifest) -> Mapping[tuple[str, str], Any]:
    """The manifest's specs by kind and name."""
    return {(item.kind, item.name): item.spec for item in manifest.items}


@once
def _stated_uuids(manifest: Manifest) -> frozenset[str]:
    return frozenset(filter(None, (getattr(item.spec, "uuid", None) for item in manifest.of("vm"))))


# --- who uses an object
def is_ours(domain: Observed, context: Context) -> bool:
    """Whether a domain belongs to the project: by kvmspec's element in its metadata (unless copied
    from another VM), or by a stated `uuid:`. A released VM keeps its derived UUID and is not ours."""
    if domain.uuid in _stated_uuids(context.manifest):
        return True
    record = records.read(domain.xml, domain.uuid)
    return record is not None and record.project == context.manifest.project


def staying(domains: Iterable[Observed], context: Context, address: Address) -> list[Observed]:
    """Those of `domains` that will go on using the object at `address`: foreign ones, and the
    project's own that the manifest still names and that need it."""
    renamed = dict(context.manifest.moved)

    def stays(domain: Observed) -> bool:
        if domain.name in context.manifest.released or not is_ours(domain, context):
            return True
        if context.destroy:
            here = Address(address.host, "vm", domain.name)
            return context.targets is not None and here not in context.targets
        wanted = (renamed.get(domain.name, domain.name), domain.name)
        found = (context.desired.get(Address(address.host, "vm", name)) for name in wanted)
        return any(desired is not None and address in desired.needs for desired in found)

    return [domain for domain in domains if stays(domain)]


def users(
    view: HostView, needle: str, uses: Callable[[ET.Element], bool], *, running: bool = False
) -> list[Observed]:
    """The domains of which `uses(root)` holds of the definition or, where they run, of the active
    XML; with `running`, of the active XML alone. Only XML that has the text `needle` is looked into."""
    needle, found = escape(needle, quote=False), []
    for domain in view.domains.values():
        texts = [domain.active_xml] if running else [domain.xml, domain.active_xml]
        if any(uses(ET.fromstring(text)) for text in texts if text and needle in text):
            found.append(domain)
    return found


def names(domains: Iterable[Observed]) -> str:
    """`vm/a, vm/b`"""
    return ", ".join(f"vm/{domain.name}" for domain in sorted(domains, key=lambda each: each.name))


def digest(data: Any, state: str) -> str:
    """The fingerprint of canonical data and a power state."""
    text = json.dumps([data, state], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
